#include "catalog/set_aside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"

namespace waybill::catalog {

namespace {

namespace fs = std::filesystem;

constexpr const char* prefix = "catalog.damaged-";
// The database first: from then on nothing opens it. A log that stayed behind would be taken for
// that of the next catalog.db.
constexpr std::array<const char*, 4> names{"catalog.db", "catalog.db-wal", "catalog.db-shm",
                                           "catalog.db-journal"};

std::string stamp(WallTime now) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return text.data();
}

// The newest, or "".
std::string newest_aside(const std::string& state_dir) {
  std::string newest;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_dir, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name > newest) newest = name;
  }
  return newest.empty() ? "" : state_dir + "/" + newest;
}

Result<void> move_one(const std::string& from, const std::string& aside, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
  return fail(system_error("move " + from + " into " + aside, errno));
}

Result<void> move_into(const std::string& aside, const std::string& state_dir) {
  for (const char* name : names) {
    auto moved = move_one(std::string(state_dir).append("/").append(name), aside,
                          std::string(aside).append("/").append(name));
    if (!moved) return moved;
  }
  for (const std::string& path : {aside, state_dir}) {
    const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || ::fsync(directory.get()) != 0) {
      return fail(system_error("make " + path + " durable", errno));
    }
  }
  return {};
}

// The newest, while there is no catalog.db; else "".
std::string one_in_place_of_none(const std::string& state_dir) {
  std::error_code ignored;
  return fs::exists(state_dir + "/catalog.db", ignored) ? "" : newest_aside(state_dir);
}

Error damaged(const std::string& words) {
  return {.code = ErrorCode::Damaged, .message = words};
}

}  // namespace

Error set_aside(const std::string& state_dir, WallTime now, const Error& found) {
  std::string aside = state_dir + "/" + prefix + stamp(now);
  int made = ::mkdir(aside.c_str(), 0750);
  for (int n = 2; made != 0 && errno == EEXIST; ++n) {
    aside = state_dir + "/" + prefix + stamp(now) + "-" + std::to_string(n);
    made = ::mkdir(aside.c_str(), 0750);
  }
  if (made != 0) {
    return damaged(found.describe() + " (it could not be set aside: " +
                   system_error("create " + aside, errno).describe() + ")");
  }
  const std::string words = found.describe() + "; it was set aside, as " + aside;
  std::ofstream(aside + "/reason") << words << "\n";
  if (auto moved = move_into(aside, state_dir); !moved) {
    return damaged(words + " (" + moved.error().describe() + ")");
  }
  return damaged(words);
}

Result<void> finish_setting_aside(const std::string& state_dir) {
  const std::string aside = one_in_place_of_none(state_dir);
  return aside.empty() ? Result<void>() : move_into(aside, state_dir);
}

Result<void> none_set_aside(const std::string& state_dir) {
  const std::string aside = one_in_place_of_none(state_dir);
  if (aside.empty()) return {};
  std::ifstream file(aside + "/reason");
  std::string words(std::istreambuf_iterator<char>(file), {});
  while (words.ends_with('\n')) words.pop_back();
  return fail(damaged(words.empty() ? "it lies in " + aside : words));
}

}  // namespace waybill::catalog
