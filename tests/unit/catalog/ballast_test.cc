#include "catalog/ballast.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/fakes/temporary_folder.h"

namespace waybill::catalog {
namespace {

// What the file takes of the disk, or -1 without one.
std::int64_t taken(const std::string& folder) {
  struct stat facts {};
  if (::stat((folder + "/ballast").c_str(), &facts) != 0) return -1;
  return static_cast<std::int64_t>(facts.st_blocks) * 512;
}

TEST(Ballast, HoldsItsRoomUntilItIsReleased) {
  const fakes::TemporaryFolder folder;
  Ballast ballast(folder.path());
  ASSERT_TRUE(ballast.hold());
  EXPECT_GE(taken(folder.path()), static_cast<std::int64_t>(Ballast::size));
  ASSERT_TRUE(ballast.hold()) << "once more";
  ballast.release();
  EXPECT_EQ(taken(folder.path()), -1);
  ballast.release();
  EXPECT_GT(ballast.free().value_or(0), 0U);
}

TEST(Ballast, SaysWhereItCannotBeHeld) {
  const fakes::TemporaryFolder folder;
  Ballast ballast(folder.path() + "/nowhere");
  const auto held = ballast.hold();
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().message.find("/nowhere/ballast"), std::string::npos);
  EXPECT_FALSE(ballast.free());
}

}  // namespace
}  // namespace waybill::catalog
