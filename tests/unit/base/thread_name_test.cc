#include "base/thread_name.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <string>
#include <thread>

namespace waybill {
namespace {

std::string name_of_this_thread() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return name.data();
}

TEST(ThreadName, IsThatOfTheThreadAloneAndOfThoseItStarts) {
  const std::string before = name_of_this_thread();
  std::string named;
  std::string inherited;
  std::jthread([&] {
    name_this_thread("transfer");
    named = name_of_this_thread();
    std::jthread([&] { inherited = name_of_this_thread(); }).join();
  }).join();
  EXPECT_EQ(named, "transfer");
  EXPECT_EQ(inherited, "transfer");
  EXPECT_EQ(name_of_this_thread(), before);
}

}  // namespace
}  // namespace waybill
