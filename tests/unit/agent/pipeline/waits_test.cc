#include "agent/waits.h"

#include <gtest/gtest.h>

#include <map>

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
  world.waits.look_at_all();
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
}

TEST(Waits, LookingAtAllFindsWhatNobodyReported) {
  World world;
  const auto ticket = world.start();
  world.waits.reached(world.id, {{inbox, "a"}});
  world.standing[{inbox, "a"}] = Waits::Standing::Elsewhere;
  world.waits.look_at_all();
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
  world.waits.look_at_all();
  EXPECT_FALSE(world.waits.any());
}

}  // namespace
}  // namespace waybill::agent
