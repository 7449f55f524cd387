#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
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

// Its root is beside that of the first one.
void add_folder(fakes::PipelineWorld& world, const std::string& name) {
  FolderConfig folder = world.config().folders.front();
  folder.name = name;
  folder.path += "-" + name;
  folder.prefix = name + "/";
  std::filesystem::create_directories(folder.path);
  world.config().folders.push_back(std::move(folder));
}

class SidecarsThatChangeForEver : public VeryManySidecars {
 protected:
  SidecarsThatChangeForEver() { add_folder(world_, "quiet"); }
  void expect_returns(StartWait wait) {
    const auto ticket = std::make_shared<WaitTicket>();
    wait.ticket = ticket;
    world_.command(std::move(wait));
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < many; ++i) say(name(i), R"({"round": ")" + std::to_string(round) + "\"}");
      world_.pass(seconds(1));
    }
    EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  }
};

TEST_F(SidecarsThatChangeForEver, HoldUpNoWaitForAnotherFolder) {
  store_many();
  expect_returns({.folder = world_.status().folders.back().id});
}

TEST_F(SidecarsThatChangeForEver, HoldUpNoWaitForOtherFilesOfTheirFolder) {
  store_many();
  world_.write("e/still", "bytes");
  expect_returns({.folder = world_.status().folders.front().id, .path_prefix = "e"});
  expect_said("e/still", {});
}

// More than the readers are asked for at a time, but each of them is known.
class SidecarsThatSettleTogether : public SidecarOf {
 protected:
  static constexpr int many = 200;
  SidecarsThatSettleTogether() {
    const auto read = world_.edges().read;
    world_.edges().read = [this, read](const Task& task) {
      ++asked_;
      const auto counted = [this, task] {
        --asked_;
        task();
      };
      if (!held_) return read(counted);
      held_tasks_.emplace_back([read, counted] { read(counted); });
    };
  }

  static std::string name(int i) { return std::to_string(i); }
  void store_many() {
    for (int i = 0; i < many; ++i) {
      world_.write(name(i), "bytes");
      say(name(i), R"({"sample": "1"})");
    }
    world_.start();
    rest();
  }
  void change_all(const std::string& json) {
    for (int i = 0; i < many; ++i) say(name(i), json);
    world_.pass(seconds(10));
  }
  void hold_readers() { held_ = true; }
  void answer_from_now_on() { held_ = false; }
  void let_readers_go() {
    answer_from_now_on();
    for (const Task& task : std::exchange(held_tasks_, {})) task();
  }

  int asked_ = 0;  // tasks for readers that are not done

 private:
  bool held_ = false;
  std::vector<Task> held_tasks_;
};

TEST_F(SidecarsThatSettleTogether, AreHandedToTheReadersAFewAtATime) {
  store_many();
  hold_readers();
  change_all(R"({"sample": "2"})");
  EXPECT_GT(asked_, 0);
  EXPECT_LE(asked_, 64);
  let_readers_go();
  rest();
  for (int i = 0; i < many; ++i) expect_said(name(i), {{"sample", "2"}});
}

TEST_F(SidecarsThatSettleTogether, AreReadOnceHoweverOftenTheyChangedUntilThen) {
  store_many();
  hold_readers();
  change_all(R"({"sample": "2"})");
  const int asked = asked_;
  for (const char* json : {R"({"sample": "3"})", R"({"sample": "4"})"}) change_all(json);
  EXPECT_EQ(asked_, asked);
  let_readers_go();
  rest();
  for (int i = 0; i < many; ++i) expect_said(name(i), {{"sample", "4"}});
}

TEST_F(SidecarsThatSettleTogether, AreWaitedForBeforeTheirTurnHasCome) {
  store_many();
  hold_readers();
  change_all(R"({"sample": "2"})");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.pass(seconds(10));
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, many);
  let_readers_go();
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, many);
  for (int i = 0; i < many; ++i) expect_said(name(i), {{"sample", "2"}});
}

TEST_F(SidecarsThatSettleTogether, AreNotHeldUpByTheSilentDiskOfAnotherFolder) {
  add_folder(world_, "silent");
  const std::string elsewhere = "../drop-silent/a";
  world_.write(elsewhere, "bytes");
  say(elsewhere, R"({"sample": "1"})");
  store_many();
  hold_readers();
  say(elsewhere, R"({"sample": "2"})");
  world_.pass(seconds(10));
  EXPECT_EQ(asked_, 1);
  answer_from_now_on();
  change_all(R"({"sample": "2"})");
  rest();
  for (int i = 0; i < many; ++i) expect_said(name(i), {{"sample", "2"}});
}

}  // namespace
}  // namespace waybill::agent
