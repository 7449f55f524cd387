#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "agent/pipeline.h"
#include "base/digest.h"
#include "base/unique_fd.h"
#include "tests/fakes/pipeline_world.h"

// What the programs that bring files do to the disk, call by call as a trace of them shows it, far
// slower than a file settles (WATCHING.md 4, scenarios 27 and 32).
namespace waybill::agent {
namespace {

using catalog::FileState;
using std::chrono::seconds;

class Senders : public testing::Test {
 protected:
  static constexpr int pieces = 6;
  static constexpr std::size_t piece = 64U << 10U;

  Senders() { world_.start(); }

  static void check(bool done, const std::string& what) {
    if (!done) throw std::runtime_error("test cannot " + what);
  }
  UniqueFd open(const std::string& path, int flags, mode_t mode = 0644) {
    UniqueFd fd(::open((world_.folder() + "/" + path).c_str(), flags | O_CLOEXEC, mode));
    check(fd.valid(), "open " + path);
    return fd;
  }
  static void write(const UniqueFd& fd, std::string_view text) {
    check(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "write");
  }
  static std::string content_of(int first, int last) {
    std::string content;
    for (int i = first; i < last; ++i) content.append(piece, static_cast<char>('a' + i));
    return content;
  }
  // Pieces, with much longer pauses between them than a file needs to settle.
  void write_slowly(const UniqueFd& fd, int first, int last) {
    for (int i = first; i < last; ++i) {
      write(fd, content_of(i, i + 1));
      world_.pass(seconds(30));
    }
  }
  // Its old times, as rsync -a, cp -p and scp -p set them in the end.
  static void set_times(const UniqueFd& fd) {
    const std::array<timespec, 2> times{timespec{1, 0}, timespec{1, 0}};
    check(::futimens(fd.get(), times.data()) == 0, "set times");
  }
  void expect_nothing_stored_yet() { EXPECT_EQ(generations("").size(), 0U); }
  // Keys of files that were ever stored, but for this one.
  std::multiset<std::string> generations(const std::string& but) const {
    std::multiset<std::string> keys;
    for (const auto& object : world_.bucket.history()) {
      if (object.key.starts_with("drop/") && object.body && object.key != "drop/" + but &&
          object.key.find("_waybill/") == std::string::npos) {
        keys.insert(object.key);
      }
    }
    return keys;
  }
  // Its object is the file as it is now, and no other name ever became one.
  void expect_stored(const std::string& path) {
    world_.settle_down();
    world_.pass(std::chrono::minutes(5));
    const auto row = world_.row(path);
    ASSERT_TRUE(row) << path;
    EXPECT_EQ(row->state, FileState::Stored) << row->reason;
    const auto* object = world_.bucket.find("drop/" + path);
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(object->sha256, sha256(as_bytes(world_.read(path))));
    EXPECT_EQ(generations(path), std::multiset<std::string>());
  }
  [[nodiscard]] int times_stored(const std::string& path) const {
    int times = 0;
    for (const auto& object : world_.bucket.history()) {
      if (object.body && object.key == "drop/" + path) ++times;
    }
    return times;
  }

  fakes::PipelineWorld world_;
};

TEST_F(Senders, RsyncWritesBesideTheFileAndRenames) {
  const std::string temporary = ".a.csv.Xy12Zw";
  {
    const UniqueFd fd = open(temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
    write_slowly(fd, 0, pieces);
  }
  world_.pass(seconds(30));
  expect_nothing_stored_yet();
  {
    const UniqueFd fd = open(temporary, O_RDONLY);
    set_times(fd);
    check(::fchmod(fd.get(), 0644) == 0, "chmod");
  }
  world_.rename(temporary, "a.csv");
  expect_stored("a.csv");
  EXPECT_EQ(times_stored("a.csv"), 1);
}

TEST_F(Senders, RsyncInplaceOverwritesWhatIsStored) {
  world_.write("a.csv", std::string(4 * piece, 'z'));
  world_.settle_down();
  {
    const UniqueFd fd = open("a.csv", O_RDWR);
    write_slowly(fd, 0, pieces);
    check(::ftruncate(fd.get(), pieces * piece) == 0, "truncate");
    set_times(fd);
  }
  expect_stored("a.csv");
  EXPECT_EQ(times_stored("a.csv"), 2) << "nothing in between the old and the new content";
}

TEST_F(Senders, RsyncAppendGoesOnWhereTheFileEnds) {
  world_.write("a.csv", content_of(0, 2));
  world_.settle_down();
  {
    const UniqueFd fd = open("a.csv", O_WRONLY);
    check(::lseek(fd.get(), 0, SEEK_END) == 2 * piece, "seek");
    write_slowly(fd, 2, pieces);
    set_times(fd);
  }
  expect_stored("a.csv");
  EXPECT_EQ(times_stored("a.csv"), 2);
  EXPECT_EQ(world_.read("a.csv"), content_of(0, pieces));
}

TEST_F(Senders, RsyncPartialDirKeepsWhatAnInterruptedTransferLeft) {
  std::filesystem::create_directory(world_.folder() + "/.rsync-partial");
  write_slowly(open(".a.csv.Xy12Zw", O_RDWR | O_CREAT | O_EXCL, 0600), 0, 2);
  world_.rename(".a.csv.Xy12Zw", ".rsync-partial/a.csv");
  world_.pass(std::chrono::hours(26));
  expect_nothing_stored_yet();
  {
    const UniqueFd fd = open(".rsync-partial/a.csv", O_RDWR | O_APPEND);
    write_slowly(fd, 2, pieces);
    set_times(fd);
  }
  world_.rename(".rsync-partial/a.csv", "a.csv");
  std::filesystem::remove(world_.folder() + "/.rsync-partial");
  expect_stored("a.csv");
  EXPECT_EQ(times_stored("a.csv"), 1);
}

TEST_F(Senders, RsyncDelayUpdatesRenamesAllInTheEnd) {
  std::filesystem::create_directories(world_.folder() + "/d/.~tmp~");
  for (const char* name : {"a", "b"}) {
    const std::string temporary = std::string("d/.~tmp~/.") + name + ".Xy12Zw";
    write_slowly(open(temporary, O_RDWR | O_CREAT | O_EXCL, 0600), 0, 2);
    world_.rename(temporary, std::string("d/.~tmp~/") + name);
  }
  world_.pass(seconds(60));
  expect_nothing_stored_yet();
  for (const char* name : {"a", "b"}) {
    world_.rename(std::string("d/.~tmp~/") + name, std::string("d/") + name);
  }
  std::filesystem::remove(world_.folder() + "/d/.~tmp~");
  world_.settle_down();
  EXPECT_EQ(generations(""), (std::multiset<std::string>{"drop/d/a", "drop/d/b"}));
}

TEST_F(Senders, ScpSftpAndCurlWriteUnderTheFinalName) {
  {
    const UniqueFd fd = open("a.iso", O_WRONLY | O_CREAT | O_TRUNC);
    write_slowly(fd, 0, pieces);
    expect_nothing_stored_yet();
    set_times(fd);  // scp -p, curl -R
  }
  expect_stored("a.iso");
  EXPECT_EQ(times_stored("a.iso"), 1);
}

// That more would come nobody could see: what is there is stored, then the whole, under one key.
TEST_F(Senders, SftpResumesWhatWasBrokenOff) {
  write_slowly(open("a.iso", O_WRONLY | O_CREAT | O_TRUNC), 0, 2);
  world_.pass(std::chrono::minutes(5));
  write_slowly(open("a.iso", O_WRONLY | O_APPEND), 2, pieces);
  expect_stored("a.iso");
  EXPECT_EQ(world_.read("a.iso"), content_of(0, pieces));
}

// The same with a marker: only the whole.
TEST_F(Senders, SftpResumesAndOnlyTheMarkedWholeIsStored) {
  world_.crash();
  world_.config().folders.front().complete = CompleteBy::Marker;
  world_.start();
  write_slowly(open("a.iso", O_WRONLY | O_CREAT | O_TRUNC), 0, 2);
  world_.pass(std::chrono::minutes(5));
  expect_nothing_stored_yet();
  write_slowly(open("a.iso", O_WRONLY | O_APPEND), 2, pieces);
  world_.write("a.iso.done", "");
  expect_stored("a.iso");
  EXPECT_EQ(times_stored("a.iso"), 1);
}

// Its size says nothing: it is there from the first moment.
TEST_F(Senders, WhoeverReservesTheSpaceFirstIsNotTakenEarly) {
  constexpr off_t size = pieces * piece;
  {
    const UniqueFd fd = open("a.bin", O_RDWR | O_CREAT | O_TRUNC);
    check(::posix_fallocate(fd.get(), 0, size) == 0, "reserve the space");
    write_slowly(fd, 0, pieces);
    expect_nothing_stored_yet();
    EXPECT_EQ(std::filesystem::file_size(world_.folder() + "/a.bin"),
              static_cast<std::size_t>(size));
  }
  expect_stored("a.bin");
  EXPECT_EQ(times_stored("a.bin"), 1);
}

}  // namespace
}  // namespace waybill::agent
