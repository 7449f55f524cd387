#include "base/test_points.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What a daemon with test points does at them, told by its environment:
//   WAYBILL_TEST_AT=a,b,b     at b's second time after a …
//   WAYBILL_TEST_END=die      … it raises SIGKILL on itself (without this: nothing happens)
//   WAYBILL_TEST_END=halt     … the thread that decides stands still for good; the others go on
//   WAYBILL_TEST_DEFECT=name  it has this defect
//   WAYBILL_TEST_PART=n       files above n bytes go up in parts of n
namespace waybill::test_points {
namespace {

constexpr auto defects = std::to_array<std::pair<std::string_view, Defect>>({
    {"request-before-attempt", Defect::RequestBeforeAttempt},
    {"create-before-attempt", Defect::CreateBeforeAttempt},
    {"complete-before-content", Defect::CompleteBeforeContent},
    {"wait-before-acknowledgement", Defect::WaitBeforeAcknowledgement},
    {"synchronous-normal", Defect::SynchronousNormal},
});

std::string_view wish(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

[[noreturn]] void refuse(std::string_view why) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(127);
}

// The environment, read once.
struct Plan {
  Plan() {
    for (std::string_view rest = wish("WAYBILL_TEST_AT"); !rest.empty();) {
      const std::size_t comma = rest.find(',');
      boundaries.emplace_back(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
    }
    const std::string_view end = wish("WAYBILL_TEST_END");
    dies = end == "die";
    halts = end == "halt";
    if (boundaries.empty() == (dies || halts)) refuse("WAYBILL_TEST_AT and _END go together\n");
    for (const auto& [name, known] : defects) {
      if (name == wish("WAYBILL_TEST_DEFECT")) defect = known;
    }
    if (defect == Defect::None && !wish("WAYBILL_TEST_DEFECT").empty()) refuse("no such defect\n");
    const std::string_view bytes = wish("WAYBILL_TEST_PART");
    std::from_chars(bytes.data(), bytes.data() + bytes.size(), part);
  }

  std::vector<std::string> boundaries;
  bool dies = false;
  bool halts = false;
  Defect defect = Defect::None;
  std::uint64_t part = 0;
};

const Plan& plan() {
  static const Plan all;
  return all;
}

}  // namespace

bool planted(Defect defect) {
  return defect == plan().defect;
}

void reached(const char* boundary) {
  static std::atomic<std::size_t> passed = 0;
  const Plan& wanted = plan();
  if (wanted.boundaries.empty() || wanted.boundaries.at(passed) != boundary) return;
  if (++passed < wanted.boundaries.size()) return;
  const std::string words =
      (wanted.dies ? "dies at " : "halts at ") + wanted.boundaries.back() + "\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, words.data(), words.size());
  if (wanted.dies) ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

std::uint64_t size(std::uint64_t product) {
  return plan().part == 0 ? product : plan().part;
}

}  // namespace waybill::test_points
