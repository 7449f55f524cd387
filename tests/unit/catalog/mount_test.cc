#include "tests/unit/catalog/catalog_fixture.h"

// What is mounted in folders, and what a mount covers (WATCHING.md 3).
namespace waybill::catalog {
namespace {

class MountTest : public CatalogTest {
 protected:
  [[nodiscard]] std::vector<FileId> covered() { return must(catalog_->covered(folder_)); }
};

constexpr std::string_view odd_place("d/\xff\n'a", 6);

TEST_F(MountTest, IsKnownAgainAfterACrash) {
  in_a_crash([&] {
    must(catalog_->note_mount(
        folder_, {.path = std::string(odd_place), .dev = 1, .ino = ~0ULL, .btime = 3}, true));
    must(catalog_->commit());
  });
  reopen();
  const auto known = must(catalog_->mounts(folder_));
  ASSERT_EQ(known.size(), 1U);
  EXPECT_EQ(known[0].path, odd_place);
  EXPECT_EQ(known[0].dev, 1U);
  EXPECT_EQ(known[0].ino, ~0ULL);
  EXPECT_EQ(known[0].btime, 3);
}

TEST_F(MountTest, TheFirstCoversWhatRowsTellOfBelowItAndNoneAfterIt) {
  const FileId below = queue("m/deep/x", "1").id;
  queue("m", "1");
  queue("m0", "1");
  queue("mm/x", "1");
  must(catalog_->vanished(queue("m/gone", "1").id));
  EXPECT_TRUE(must(catalog_->note_mount(folder_, {.path = "m", .ino = 1}, true)));
  EXPECT_EQ(covered(), std::vector{below});
  queue("m/later", "1");
  EXPECT_FALSE(must(catalog_->note_mount(folder_, {.path = "m", .dev = 2, .ino = 1}, true)));
  EXPECT_EQ(covered(), std::vector{below});
  EXPECT_EQ(must(catalog_->mounts(folder_))[0].dev, 2U);
  must(catalog_->uncover(below));
  EXPECT_TRUE(covered().empty());
}

TEST_F(MountTest, OneThatIsAcceptedCoversNothing) {
  queue("m/x", "1");
  EXPECT_FALSE(must(catalog_->note_mount(folder_, {.path = "m", .ino = 1}, false)));
  EXPECT_TRUE(covered().empty());
}

TEST_F(MountTest, OneThatIsForgottenCoversNothingMore) {
  queue("m/x", "1");
  must(catalog_->note_mount(folder_, {.path = "m", .ino = 1}, true));
  must(catalog_->forget_mount(folder_, "m"));
  EXPECT_TRUE(covered().empty());
  EXPECT_TRUE(must(catalog_->mounts(folder_)).empty());
}

}  // namespace
}  // namespace waybill::catalog
