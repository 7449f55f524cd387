#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/unit/agent/pipeline/sidecar_of.h"

// More sidecars than are known at a time.
namespace waybill::agent {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class VeryManySidecars : public SidecarOf {
 protected:
  static constexpr int many = 10;
  VeryManySidecars() { world_.edges().most_sidecars = 2; }

  static std::string name(int i) { return "d/" + std::to_string(i); }
  void store_many() {
    for (int i = 0; i < many; ++i) {
      world_.write(name(i), "bytes");
      say(name(i), R"({"sample": "1"})");
    }
    world_.start();
    rest();
  }
  void expect_all(const Said& said) {
    for (int i = 0; i < many; ++i) expect_said(name(i), said);
  }
};

TEST_F(VeryManySidecars, AreOnTheirObjectsAsTheyComeChangeAndGo) {
  store_many();
  expect_all({{"sample", "1"}});
  for (int i = 0; i < many; ++i) say(name(i), R"({"sample": "2"})");
  rest();
  expect_all({{"sample", "2"}});
  for (int i = 0; i < many; ++i) world_.remove(name(i) + ".meta.json");
  rest();
  expect_all({});
}

TEST_F(VeryManySidecars, ThatGoUnseenAreMissedByTheNextListing) {
  store_many();
  for (int i = 0; i < many; ++i) world_.remove(name(i) + ".meta.json");
  world_.lose_events();
  rest();
  expect_all({});
}

TEST_F(VeryManySidecars, AreNotHeldUpByOnesThatAreWrittenAllTheTime) {
  store_many();
  std::vector<UniqueFd> writers;
  for (int i = 0; i < 3; ++i) {
    const std::string sidecar = at(name(i)) + ".meta.json";
    writers.emplace_back(::open(sidecar.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    ASSERT_EQ(::write(writers.back().get(), " ", 1), 1);
  }
  world_.pass(seconds(10));
  for (int i = 3; i < many; ++i) say(name(i), R"({"sample": "2"})");
  world_.pass(minutes(2));
  for (int i = 3; i < many; ++i) expect_said(name(i), {{"sample", "2"}});
}

TEST_F(VeryManySidecars, AreWaitedFor) {
  store_many();
  for (int i = 0; i < many; ++i) say(name(i), R"({"sample": "2"})");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  expect_all({{"sample", "2"}});
}

}  // namespace
}  // namespace waybill::agent
