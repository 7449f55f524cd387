#include "agent/waits.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace waybill::agent {
namespace {

constexpr FolderId inbox{1};
constexpr FolderId scans{2};

struct World {
  std::map<FilePath, Waits::Standing> standing;
  Waits waits{[this](const FilePath& file) { return standing[file]; }};

  std::shared_ptr<WaitTicket> start(std::optional<FolderId> folder = std::nullopt,
                                    std::string prefix = {}) {
    auto ticket = std::make_shared<WaitTicket>();
    id = waits.start({.folder = folder, .path_prefix = std::move(prefix), .ticket = ticket});
    return ticket;
  }
  std::uint64_t id = 0;
};

TEST(Waits, AWaitIsNotOverBeforeItsBarrier) {
  World world;
  const auto ticket = world.start();
  EXPECT_FALSE(ticket->wait(Nanoseconds::zero()).done());
  world.waits.reached(world.id, {});
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
}

TEST(Waits, CountsDownWhatWasThereAndNothingThatCameLater) {
  World world;
  const auto ticket = world.start();
  world.waits.reached(world.id, {{inbox, "a"}, {inbox, "b"}});
  world.standing[{inbox, "a"}] = Waits::Standing::Stored;
  world.standing[{inbox, "later"}] = Waits::Standing::Stored;
  world.waits.look_at({inbox, "a"});
  world.waits.look_at({inbox, "later"});
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
  world.standing[{inbox, "b"}] = Waits::Standing::Blocked;
  world.waits.look_at({inbox, "b"});
  const auto progress = ticket->wait(Nanoseconds::zero());
  EXPECT_TRUE(progress.done());
  EXPECT_EQ(progress.stored, 1);
  EXPECT_EQ(progress.blocked, 1);
}

TEST(Waits, AFileThatIsStillPendingIsKept) {
  World world;
  const auto ticket = world.start();
  world.waits.reached(world.id, {{inbox, "a"}});
  world.waits.look_at({inbox, "a"});
  world.waits.look_at_some();
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
}

TEST(Waits, NoneGoesOnInASessionThatKnowsNothingYet) {
  World world;
  const auto ticket = world.start();
  world.waits.reached(world.id, {{inbox, "a"}});
  const std::vector<std::uint64_t> held = world.waits.hold();
  ASSERT_EQ(held.size(), 1U);
  world.waits.reached(world.id, {});
  world.standing[{inbox, "a"}] = Waits::Standing::Stored;
  world.waits.look_at({inbox, "a"});
  world.waits.look_at_some();
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
  world.waits.reached(held.front(), {{inbox, "later"}});
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
  world.waits.look_at_some();
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
}

TEST(Waits, LookingAtAllFindsWhatNobodyReported) {
  World world;
  const auto ticket = world.start();
  world.waits.reached(world.id, {{inbox, "a"}});
  world.standing[{inbox, "a"}] = Waits::Standing::Elsewhere;
  world.waits.look_at_some();
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  EXPECT_FALSE(world.waits.any());
}

TEST(Waits, OnlyTheFolderAndTheTreeThatWereAskedForCount) {
  World world;
  const auto ticket = world.start(inbox, "2026");
  world.waits.reached(world.id,
                      {{inbox, "2026/a"}, {inbox, "2026"}, {inbox, "2026b"}, {scans, "2026/a"}});
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 2);
}

TEST(Waits, AClientThatWentAwayIsForgotten) {
  World world;
  auto ticket = world.start();
  world.waits.reached(world.id, {{inbox, "a"}});
  EXPECT_TRUE(world.waits.any());
  ticket.reset();
  world.waits.look_at_some();
  EXPECT_FALSE(world.waits.any());
}

TEST(Waits, LooksAtAFewOfVeryManyAtATimeAndAtAllInTurn) {
  int asked = 0;
  Waits waits{[&asked](const FilePath&) {
    ++asked;
    return Waits::Standing::Pending;
  }};
  const auto ticket = std::make_shared<WaitTicket>();
  const std::uint64_t id = waits.start({.ticket = ticket});
  std::vector<FilePath> pending;
  for (std::size_t i = 0; i < 3 * Waits::looked_at_once; ++i) {
    pending.emplace_back(inbox, "f" + std::to_string(i));
  }
  waits.reached(id, pending);
  asked = 0;
  waits.look_at_some();
  EXPECT_EQ(asked, static_cast<int>(Waits::looked_at_once));
}

}  // namespace
}  // namespace waybill::agent
