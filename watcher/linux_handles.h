#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "watcher/file_system.h"

// What the Linux file system hands out. Private to the files linux_*.cc.
namespace waybill::watcher {

enum class Mounts : bool { Refuse, Cross };

// By openat2, so that no component is a symbolic link or leads outside `at`, nor is a mount point
// where those are refused (WATCHING.md 1); in pieces where `below` is longer than the kernel takes
// at once. `flags`: of open(2), O_CLOEXEC is added.
Result<UniqueFd> open_beneath(int at, std::string_view below, int flags, Mounts mounts);

// Of a descriptor, O_PATH ones included.
Result<FileStatus> status_of_fd(int fd);
// Of a name in a directory, not followed.
Result<FileStatus> status_of_name(int directory, const char* name);

// The path that leads to what `fd` has open, by the kernel's own link.
std::string path_of_fd(int fd);

class LinuxDirectory final : public OpenDirectory {
 public:
  LinuxDirectory(UniqueFd fd, Mounts mounts) : fd_(std::move(fd)), mounts_(mounts) {}

  Result<FileStatus> status() override;
  Result<void> list(const std::function<bool(std::string_view name,
                                             const Result<FileStatus>& status)>& visit) override;
  Result<FileStatus> look(std::string_view name) override;
  Result<std::unique_ptr<OpenDirectory>> open_child(std::string_view name) override;
  Result<void> touch(std::string_view name) override;
  Result<std::uint64_t> mark(std::string_view name) override;
  Result<std::uint64_t> leave_mark(std::string_view name) override;
  [[nodiscard]] std::string blind_spot() override;
  [[nodiscard]] std::string watchable_path() const override;

 private:
  // False: the listing has ended.
  Result<bool> fill();

  const UniqueFd fd_;
  const Mounts mounts_;
  // The entries read and not yet visited: [next_, filled_) of the buffer.
  std::vector<std::byte> buffer_;
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  bool listing_ = false;
};

class LinuxFile final : public OpenFile {
 public:
  explicit LinuxFile(UniqueFd fd) : fd_(std::move(fd)) {}
  ~LinuxFile() override { release(); }

  Result<FileStatus> status() override;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Result<ExtendedAttributes> extended_attributes(std::string_view prefix,
                                                 std::size_t most) override;
  Result<Writers> take_lease() override;
  bool lease_broken() override;
  void release_lease() override { release(); }

 private:
  void release();
  [[nodiscard]] bool write_locked() const;

  const UniqueFd fd_;
  bool leased_ = false;
};

}  // namespace waybill::watcher
