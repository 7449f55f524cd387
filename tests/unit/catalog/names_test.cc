#include "tests/unit/catalog/catalog_fixture.h"

// Paths and keys are bytes; directories are only a way of looking at them.
namespace waybill::catalog {
namespace {

class Names : public CatalogTest {
 protected:
  std::vector<std::string> below(std::string_view directory, bool deep) {
    std::vector<std::string> paths;
    must(catalog_->for_each_live(folder_, directory, deep,
                                 [&](const FileRow& row) { paths.push_back(row.path); }));
    return paths;
  }
};

TEST_F(Names, EveryByteComesBackAsItWent) {
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    const std::string name = {'x', static_cast<char>(byte), '\xff', static_cast<char>(byte)};
    upload(name, "one");
    must(catalog_->acknowledge(last_.id, stored("one"), true));
  }
  must(catalog_->commit());
  reopen();
  auto reader = must(Reader::open(state_dir()));
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    const std::string name = {'x', static_cast<char>(byte), '\xff', static_cast<char>(byte)};
    const auto row = must(catalog_->find_live(folder_, name));
    ASSERT_TRUE(row.has_value()) << byte;
    EXPECT_EQ(row->path, name);
    EXPECT_EQ(row->key, "p/" + name);
    EXPECT_EQ(must(reader->find_live(folder_, name))->path, name);
    EXPECT_EQ(must(catalog_->live_object_at(store_, "p/" + name))->key, "p/" + name);
  }
  EXPECT_EQ(below("", true).size(), 254U);
}

TEST_F(Names, AreWalkedInPiecesPastWhatChangesMeanwhile) {
  constexpr int files = 1500;  // more than are read at a time
  for (int i = 0; i < files; ++i) upload("d/" + std::to_string(i), "one");
  upload("d/e/below", "one");
  upload("elsewhere", "one");
  must(catalog_->commit());
  const auto walked = [this](std::string_view directory, bool deep) {
    std::set<std::string> paths;
    Catalog::NamesFrom from;
    for (bool end = false; !end;) {
      std::string last;
      int count = 0;
      end = must(
          catalog_->for_each_name(folder_, directory, deep, from, [&](const Catalog::Name& row) {
            EXPECT_TRUE(paths.insert(row.path).second) << row.path;
            last = row.path;
            return ++count < 7;
          }));
      EXPECT_LE(count, 7);
    }
    return paths.size();
  };
  EXPECT_EQ(walked("d", false), files);
  EXPECT_EQ(walked("d", true), files + 1U);
  EXPECT_EQ(walked("", true), files + 2U);
  EXPECT_EQ(walked("", false), 1U);
  EXPECT_EQ(walked("nowhere", true), 0U);
}

TEST_F(Names, PrefixOfBytesThatNothingFollows) {
  for (const char* name : {"a", "\xff", "\xff\xff", "\xff\xff/x", "b"}) queue(name, "one");
  must(catalog_->commit());
  auto reader = must(Reader::open(state_dir()));
  EXPECT_EQ(must(reader->files({.path_prefix = "\xff\xff"})).size(), 2U);
  EXPECT_EQ(must(reader->files({.path_prefix = "\xff"})).size(), 3U);
}

TEST_F(Names, DirectoryIsListedAloneOrWithAllBelow) {
  for (const char* path :
       {"a", "d", "d-x", "d.x", "d/1", "d/2/x", "d/2/y/z", "d/2.x", "d/3", "d0", "e/f/g", "z"}) {
    queue(path, "one");
  }
  using List = std::vector<std::string>;
  EXPECT_EQ(below("", false), (List{"a", "d", "d-x", "d.x", "d0", "z"}));
  EXPECT_EQ(below("d", false), (List{"d/1", "d/2.x", "d/3"}));
  EXPECT_EQ(below("d", true), (List{"d/1", "d/2.x", "d/2/x", "d/2/y/z", "d/3"}));
  EXPECT_EQ(below("d/2", false), (List{"d/2/x"}));
  EXPECT_EQ(below("e", false), List{});
  EXPECT_EQ(below("nowhere", true), List{});
  EXPECT_EQ(below("", true).size(), 12U);
}

TEST_F(Names, LargeDirectoriesComeWholeAndInOrder) {
  std::vector<std::string> direct;
  for (int i = 0; i < 1500; ++i) {
    const std::string number = std::to_string(10000 + i);
    queue("big/" + number, "one");
    direct.push_back("big/" + number);
    queue("big/" + number + ".d/x", "one");
    if (i % 3 == 0) {
      for (int k = 0; k < 2; ++k) queue("big/" + number + "/" + std::to_string(k), "one");
    }
  }
  EXPECT_EQ(below("big", false), direct);
  const auto all = below("big", true);
  EXPECT_EQ(all.size(), 1500U * 2 + 1000U);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
}

TEST_F(Names, VisitorMayChangeWhatItVisits) {
  for (int i = 0; i < 1200; ++i) queue("f" + std::to_string(10000 + i), "one");
  int visits = 0;
  must(catalog_->for_each_live(folder_, "", true, [&](const FileRow& row) {
    ++visits;
    must(catalog_->vanished(row.id));
    must(catalog_->find_live(folder_, row.path));
  }));
  EXPECT_EQ(visits, 1200);
  EXPECT_EQ(catalog_->counts(folder_).by_state[static_cast<int>(FileState::Gone)], 1200);
}

TEST_F(Names, OtherFoldersAndEndedRowsAreNotListed) {
  const FileRow old = queue("f", "one");
  must(catalog_->vanished(old.id));
  queue("f", "two");
  const FolderId other = must(catalog_->ensure_folder("other", "/srv/other", store_)).id;
  CompleteFile elsewhere = seen("g", "three");
  elsewhere.folder = other;
  must(catalog_->complete(elsewhere));
  EXPECT_EQ(below("", true), std::vector<std::string>{"f"});
}

TEST_F(Names, StatesAreListedInPages) {
  std::vector<FileId> queued;
  for (int i = 0; i < 10; ++i) {
    queued.push_back(queue("q" + std::to_string(i), "one").id);
    store("s" + std::to_string(i), "one");
  }
  std::vector<FileId> found;
  FileId after{};
  for (;;) {
    const auto page = must(catalog_->in_state(FileState::Queued, after, 3));
    if (page.empty()) break;
    for (const FileRow& row : page) found.push_back(row.id);
    after = page.back().id;
  }
  EXPECT_EQ(found, queued);
  EXPECT_EQ(must(catalog_->in_state(FileState::Stored, FileId{}, 100)).size(), 10U);
  EXPECT_TRUE(must(catalog_->in_state(FileState::Removed, FileId{}, 100)).empty());
}

}  // namespace
}  // namespace waybill::catalog
