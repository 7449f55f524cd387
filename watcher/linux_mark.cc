#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"
#include "watcher/linux_handles.h"

// The mark by which a disk without birth times is known again (WATCHING.md 1): 16 hex digits and an
// end of line. Whoever may write in the folder can put anything in its place, so it is opened as
// every file there is, and whatever it holds is told or refused, never followed.
namespace waybill::watcher {

namespace {

constexpr const char* mark_name = "disk";
constexpr const char* unfinished_name = "disk.new";
constexpr std::size_t digits = 16;

std::string text_of(std::uint64_t mark) {
  std::array<char, digits + 2> text{};
  std::snprintf(text.data(), text.size(), "%016llx\n", static_cast<unsigned long long>(mark));
  return {text.data(), digits + 1};
}

Result<std::uint64_t> mark_in(std::string_view text) {
  std::uint64_t mark = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mark, 16);
  const bool ours =
      error == std::errc() && mark >= least_mark && mark < 2 * least_mark && text == text_of(mark);
  if (!ours) return fail(ErrorCode::BadInput, "it holds no mark of ours");
  return mark;
}

Result<std::string> read_start(int fd) {
  std::string text(digits + 2, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(fd, text.data() + length, text.size() - length);
    if (got == 0) break;
    if (got > 0) {
      length += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return fail(system_error("read the mark", errno));
    }
  }
  text.resize(length);
  return text;
}

Result<void> write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put >= 0) {
      text.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno != EINTR) {
      return fail(system_error("write the mark", errno));
    }
  }
  if (::fsync(fd) != 0) return fail(system_error("sync the mark", errno));
  return {};
}

Result<void> sync_directory(int fd) {
  // EINVAL: where a directory cannot be synced, the file system does it by itself.
  if (::fsync(fd) == 0 || errno == EINVAL) return {};
  return fail(system_error("sync the directory of the mark", errno));
}

}  // namespace

Result<std::uint64_t> LinuxDirectory::mark(std::string_view name) {
  const Result<UniqueFd> place = open_beneath(fd_.get(), std::string(name) + '/' + mark_name,
                                              O_PATH | O_NOFOLLOW, Mounts::Refuse);
  if (!place) return fail(place.error());
  const Result<FileStatus> status = status_of_fd(place->get());
  if (!status) return fail(status.error());
  if (status->kind != FileKind::Regular) {
    return fail(ErrorCode::BadInput, "it is no regular file");
  }
  const UniqueFd file(::open(path_of_fd(place->get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return fail(system_error("open the mark", errno));
  const Result<std::string> text = read_start(file.get());
  if (!text) return fail(text.error());
  return mark_in(*text);
}

Result<std::uint64_t> LinuxDirectory::leave_mark(std::string_view name) {
  if (::mkdirat(fd_.get(), std::string(name).c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(system_error("make " + printable(name), errno));
  }
  const Result<UniqueFd> place = open_beneath(
      fd_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, Mounts::Refuse);
  if (!place) return fail(place.error());
  const int directory = place->get();
  // Left over from a power loss, or put there by somebody: O_EXCL follows and opens nothing.
  if (::unlinkat(directory, unfinished_name, 0) != 0 && errno != ENOENT) {
    return fail(system_error("remove an unfinished mark", errno));
  }
  const UniqueFd file(
      ::openat(directory, unfinished_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return fail(system_error("make the mark", errno));
  const std::uint64_t mark = least_mark | (Random::from_system().next() & (least_mark - 1));
  if (auto written = write_whole(file.get(), text_of(mark)); !written) {
    return fail(written.error());
  }
  if (::renameat(directory, unfinished_name, directory, mark_name) != 0) {
    return fail(system_error("put the mark in its place", errno));
  }
  // Before anybody relies on it: without the entry the disk would be taken for another one.
  if (auto synced = sync_directory(directory); !synced) return fail(synced.error());
  if (auto synced = sync_directory(fd_.get()); !synced) return fail(synced.error());
  return this->mark(name);
}

}  // namespace waybill::watcher
