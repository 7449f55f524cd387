#include "agent/departed_files.h"

#include <gtest/gtest.h>

namespace waybill::agent {
namespace {

constexpr BootTime start{};
const FilePath lock(FolderId{1}, "lock");
const FilePath elsewhere(FolderId{1}, "elsewhere");

Fingerprint file(std::uint64_t inode) {
  Fingerprint fingerprint;
  fingerprint.ino = inode;
  fingerprint.btime = 1;
  return fingerprint;
}

TEST(DepartedFiles, TurnUpUnderAnotherNameOnce) {
  DepartedFiles departed;
  EXPECT_TRUE(departed.departed(lock, file(7), start));
  EXPECT_TRUE(departed.contains(lock));
  EXPECT_EQ(departed.turned_up(file(7), lock), std::nullopt);
  EXPECT_EQ(departed.turned_up(file(7), elsewhere), lock);
  EXPECT_FALSE(departed.contains(lock));
  EXPECT_EQ(departed.turned_up(file(7), elsewhere), std::nullopt);
}

TEST(DepartedFiles, NameFromWhichAnotherFileWentSinceStandsForThatOne) {
  DepartedFiles departed;
  departed.departed(lock, file(7), start);
  departed.departed(lock, file(8), start + DepartedFiles::kept_for);
  EXPECT_EQ(departed.turned_up(file(7), elsewhere), std::nullopt) << "it is kept, and by no bound";
  EXPECT_FALSE(departed.has_not_turned_up(lock, start + DepartedFiles::kept_for));
  EXPECT_TRUE(departed.contains(lock));
  EXPECT_TRUE(departed.has_not_turned_up(lock, start + 2 * DepartedFiles::kept_for));
  EXPECT_EQ(departed.turned_up(file(8), elsewhere), std::nullopt);
}

TEST(DepartedFiles, FileThatWentFromTwoNamesIsKnownByTheLast) {
  DepartedFiles departed;
  departed.departed(lock, file(7), start);
  departed.departed(elsewhere, file(7), start);
  EXPECT_TRUE(departed.has_not_turned_up(lock, start + DepartedFiles::kept_for));
  EXPECT_EQ(departed.turned_up(file(7), lock), elsewhere);
}

TEST(DepartedFiles, WithoutABirthTimeNobodyCouldTellThem) {
  DepartedFiles departed;
  Fingerprint unborn = file(7);
  unborn.btime = 0;
  EXPECT_FALSE(departed.departed(lock, unborn, start));
}

}  // namespace
}  // namespace waybill::agent
