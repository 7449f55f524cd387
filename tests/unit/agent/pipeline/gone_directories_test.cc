#include "agent/gone_directories.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace waybill::agent {
namespace {

std::vector<std::string> all(GoneDirectories& gone) {
  std::vector<std::string> directories;
  while (auto directory = gone.take()) directories.push_back(std::move(*directory));
  return directories;
}

TEST(GoneDirectories, AreKeptOnce) {
  GoneDirectories gone;
  for (const char* directory : {"a/b", "a", "a", "a/c", "ab", "a-b"}) gone.add(directory);
  EXPECT_EQ(all(gone), (std::vector<std::string>{"a", "a-b", "ab"}));
  EXPECT_EQ(gone.size(), 0U);
}

TEST(GoneDirectories, AllOfTheFolderIsAboveEveryOther) {
  GoneDirectories gone;
  gone.add("a");
  gone.add("");
  gone.add("b/c");
  EXPECT_EQ(all(gone), std::vector<std::string>{""});
}

TEST(GoneDirectories, OfVeryManyTheOneAboveThemAllIsKept) {
  GoneDirectories gone;
  for (std::size_t i = 0; i < GoneDirectories::most; ++i) gone.add("a/b/" + std::to_string(i));
  EXPECT_EQ(gone.size(), GoneDirectories::most);
  gone.add("a/bc");
  EXPECT_EQ(all(gone), std::vector<std::string>{"a"});
  for (std::size_t i = 0; i <= GoneDirectories::most; ++i) gone.add(std::to_string(i));
  EXPECT_EQ(all(gone), std::vector<std::string>{""});
}

}  // namespace
}  // namespace waybill::agent
