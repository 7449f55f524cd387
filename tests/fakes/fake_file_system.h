#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "watcher/file_system.h"

namespace waybill::fakes {

class FakeFile;
class FakeDirectory;

// A disk in memory: inodes, hard links, times that tick with every change, writers and leases as
// Linux has them. Paths are absolute. What a test does to it throws where a real disk would refuse.
// Thread-safe; what it opens is used by one thread at a time.
class FakeFileSystem final : public watcher::FileSystem {
 public:
  FakeFileSystem();
  ~FakeFileSystem() override;

  Result<std::unique_ptr<watcher::OpenDirectory>> open_directory(const watcher::Root& root,
                                                                 std::string_view below) override;
  Result<std::unique_ptr<watcher::OpenFile>> open_file(const watcher::Root& root,
                                                       std::string_view below) override;

  std::string mounts(const std::string& root) override;

  // --- what people do ----------------------------------------------------------------------------
  void make_directory(const std::string& path);
  // As open, write, close: creates it or replaces its content in place.
  void write(const std::string& path, std::string_view text);
  void make(const std::string& path, watcher::FileKind kind);  // a symbolic link, a FIFO …
  void remove(const std::string& path);                        // a directory with all below it
  void move(const std::string& from, const std::string& to);
  void exchange(const std::string& a, const std::string& b);
  void link(const std::string& from, const std::string& to);
  void set_readable(const std::string& path, bool readable);
  // As chmod, chown and setxattr: the change of the inode is told.
  void set_mode(const std::string& path, std::uint32_t mode);
  void set_attribute(const std::string& path, const std::string& name, std::string_view value);
  void remove_attribute(const std::string& path, const std::string& name);
  // Whatever is asked of it fails so, as of a disk that is broken; 0: nothing does any more. What
  // is below a directory is not reached either.
  void set_trouble(const std::string& path, int os_errno);
  void set_mtime(const std::string& path, std::int64_t mtime);
  // Another file system over a directory, empty; and away again. Silent, as in Linux.
  void mount(const std::string& path);
  // One that is the same whenever and wherever it is mounted, with what was put on it.
  void mount_disk(const std::string& path, const std::string& disk,
                  const std::string& blind_spot = {});
  // Another way to a directory that is there.
  void bind(const std::string& from, const std::string& path);
  void unmount(const std::string& path);
  // Somebody has it open for writing from here on; knocks at leases.
  void open_writer(const std::string& path);
  void append(const std::string& path, std::string_view text);  // without a close
  void close_writer(const std::string& path);

  // From here on times are this clock's, in ticks as coarse as a kernel's: changes within one tick
  // leave the same times. Without it every change has a time of its own.
  void use_clock(const Clock& clock, Nanoseconds tick);

  // --- how the disk is ---------------------------------------------------------------------------
  void set_leases(bool supported);
  void set_blind_spot(std::string why);
  // No birth times are told, from here on and of what there is.
  void forget_births();
  void set_birth(const std::string& path, std::int64_t btime);
  [[nodiscard]] std::string content(const std::string& path) const;
  // What is at the path has these numbers, as another disk may have had them.
  void set_numbers(const std::string& path, std::uint64_t dev, std::uint64_t ino);
  // Nothing of ours can be made or touched on it.
  void set_read_only(bool read_only);
  // Called by every list() before each entry: what a test does then happens in mid-listing.
  void set_listing_hook(std::function<void(const std::string& name)> hook);
  // Called by every look at a name; what it returns is the answer, unless it is nullopt.
  void set_look_hook(std::function<std::optional<Error>(const std::string& name)> hook);
  // The next `count` opens fail with this.
  void fail_opens(int count, Error error);
  [[nodiscard]] int opens() const;

  // --- for the event source ----------------------------------------------------------------------
  struct Inode;
  // (directory or file itself, mask of inotify, name or "")
  using Listener = std::function<void(const Inode* where, std::uint32_t mask,
                                      const std::string& name, std::uint32_t cookie)>;
  void listen(Listener listener);
  // The inode behind a directory that this file system opened.
  static const Inode* inode_of(const watcher::OpenDirectory& directory);

 private:
  friend class FakeFile;
  friend class FakeDirectory;
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace waybill::fakes
