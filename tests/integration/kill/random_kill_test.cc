#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/kill/mortal_journey.h"

// SIGKILL at random moments while files appear, change, move and disappear: after each the catalog
// tells no lie and questions are answered, and in the end all agrees to the byte.
// WAYBILL_KILLS: how many a seed.
namespace waybill::test {
namespace {

constexpr std::size_t kibibyte = 1U << 10U;

class KilledAtRandom : public MortalJourney, public testing::WithParamInterface<std::uint64_t> {
 protected:
  void SetUp() override {
    with_test_points();
    // Some answers take their time, so that a kill meets requests under way.
    server().add_fault({.operation = "PutObject", .key = "in/*7", .delay = Milliseconds(30)});
    server().add_fault({.operation = "UploadPart", .percent = 20, .delay = Milliseconds(20)});
  }

  // Drawn, not waited for: nothing is asserted of how far the daemon has come by then.
  void live_and_die() {
    using Clock = std::chrono::steady_clock;
    start();
    const auto end = Clock::now() + Milliseconds(draw(longest_ms_));
    while (Clock::now() < end) {
      something_happens();
      if (draw(4) == 0) pause_between_questions();
    }
    kill();
  }

  void something_happens() {
    constexpr std::size_t most_files = 120;
    const std::uint64_t what = draw(20);
    if (paths_.size() < most_files && what < 9) return appear(small());
    if (paths_.size() < most_files && what < 10) return appear_large();
    if (paths_.empty()) return;
    const std::size_t which = draw(paths_.size());
    if (what < 16) return drop(paths_[which], small());
    if (what < 17) return grow(which);
    if (what < 18) return rename(which);
    remove(paths_[which]);
    paths_.erase(paths_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  void appear(const std::string& content) {
    paths_.push_back(new_path());
    drop(paths_.back(), content);
  }
  void appear_large() {
    appear(large());
    had_large_.insert(paths_.back());
  }
  // Once a path: where a kill leaves the replacement of a large object unanswered, another large
  // content waits for 20 minutes (PROTOCOL.md rule 2), since what it is shows only when it is read.
  void grow(std::size_t which) {
    if (had_large_.insert(paths_[which]).second) drop(paths_[which], large());
  }
  void rename(std::size_t which) {
    const std::string to = new_path();
    move(paths_[which], to);
    had_large_.insert(to);
    paths_[which] = to;
  }
  std::string small() { return bytes(draw(5000), dice_()); }
  std::string large() { return bytes(part_size + draw(300 * kibibyte), dice_()); }
  std::string new_path() { return "d" + std::to_string(draw(5)) + "/" + std::to_string(++names_); }
  std::uint64_t draw(std::uint64_t n) { return dice_() % n; }

  void questions_are_answered_without_a_daemon() {
    constexpr int not_running = 4;
    EXPECT_EQ(waybill({"status"}).code, not_running);
  }

  // What the kills met, so that a test that met nothing is seen.
  int met_under_way = 0;

  void look_at_what_is_left() {
    no_row_lies();
    met_under_way += left_catalog().files_by_state.contains("uploading") ? 1 : 0;
    // On a slow machine nothing may be under way so soon: then they come later.
    constexpr std::uint64_t latest_ms = 20'000;
    if (met_under_way == 0) longest_ms_ = std::min(latest_ms, longest_ms_ * 3 / 2);
  }

 private:
  std::mt19937_64 dice_{GetParam()};
  std::uint64_t longest_ms_ = 100;
  std::vector<std::string> paths_;
  std::set<std::string> had_large_;
  int names_ = 0;
};

TEST_P(KilledAtRandom, UnderLoadLosesNothingAndNoRowLies) {
  const int kills = wished_kills(50);
  for (int i = 0; i < kills; ++i) {
    SCOPED_TRACE("kill " + std::to_string(i));
    live_and_die();
    look_at_what_is_left();
    if (HasFatalFailure()) return;
    if (i % 10 == 0) questions_are_answered_without_a_daemon();
  }
  EXPECT_GT(met_under_way, 0);
  server().clear_faults();
  start();
  const Answer wait = waybill({"wait"});
  EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  EXPECT_EQ(waybill({"status"}).code, 0);
  everything_agrees_but_for_quarantine();
}

INSTANTIATE_TEST_SUITE_P(Seed, KilledAtRandom, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace waybill::test
