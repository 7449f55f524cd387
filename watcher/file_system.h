#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/fingerprint.h"
#include "base/result.h"

namespace waybill::watcher {

// Every mark is at least this, and below twice this: so it is told from a time of birth where both
// are kept in one place.
inline constexpr std::uint64_t least_mark = std::uint64_t{1} << 62U;

enum class FileKind : std::uint8_t { Regular, Directory, Symlink, Fifo, Socket, Device, Other };

struct FileStatus {
  FileKind kind = FileKind::Other;
  Fingerprint fingerprint;
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t links = 1;
  std::uint64_t mount = 0;  // the one it is reached through: ids come again once unmounted
};

// By name, without the prefix that was asked for. Values are bytes.
using ExtendedAttributes = std::map<std::string, std::string>;

// Where a folder begins, and whether what is mounted below it belongs to it.
struct Root {
  // Implicit: most folders are a path and nothing more.
  Root(std::string where) : path(std::move(where)) {}
  Root(const char* where) : path(where) {}
  Root(std::string where, bool cross) : path(std::move(where)), cross_mounts(cross) {}

  std::string path;
  bool cross_mounts = false;
};

// A regular file, opened for reading and nothing else. One thread at a time.
class OpenFile {
 public:
  virtual ~OpenFile() = default;
  virtual Result<FileStatus> status() = 0;
  // Bytes read into `into`; 0 at the end. SourceChanged where the file shrank under the reader's
  // feet.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
  // Those whose names begin with `prefix`; none where the file system has no such thing.
  // NeedsPerson: names and values together exceed `most` bytes, or the kernel's own limits.
  virtual Result<ExtendedAttributes> extended_attributes(std::string_view prefix,
                                                         std::size_t most) = 0;

  enum class Writers : std::uint8_t {
    None,     // a read lease was granted: nobody has it open for writing; the lease is held until
              // release_lease(), and lease_broken() tells when a writer knocked meanwhile
    Some,     // somebody has
    Unknown,  // no leases here (not the owner, file system without them)
  };
  virtual Result<Writers> take_lease() = 0;
  // True once somebody has asked to write since take_lease().
  virtual bool lease_broken() = 0;
  virtual void release_lease() = 0;
};

// A directory held open: what is listed, watched and looked up is this directory, whatever its name
// means by now. One thread at a time.
class OpenDirectory {
 public:
  virtual ~OpenDirectory() = default;
  virtual Result<FileStatus> status() = 0;
  // Every entry but . and .., in no order, with its status, or why it has none: one that cannot be
  // looked at (somebody's FUSE mount) hides none of the others. Entries that vanish meanwhile are
  // left out. `visit` returns false to pause behind that entry: the next call goes on there, so
  // that a directory of millions is read in pieces. A call after the end begins anew.
  virtual Result<void> list(const std::function<bool(std::string_view name,
                                                     const Result<FileStatus>& status)>& visit) = 0;
  // One name of it, not followed. SourceGone: not there.
  virtual Result<FileStatus> look(std::string_view name) = 0;
  // A subdirectory of exactly this directory, whatever is at its path by now. Errors as
  // FileSystem::open_directory.
  virtual Result<std::unique_ptr<OpenDirectory>> open_child(std::string_view name) = 0;
  // Sets the times of its subdirectory `name` to now; makes it, ours alone, where there is none. So
  // that whoever watches this directory must hear of it. NeedsPerson: it cannot be written here.
  virtual Result<void> touch(std::string_view name) = 0;
  // The number in the mark of ours in its subdirectory `name`: whatever else is mounted here under
  // the same device and inode numbers does not have it. SourceGone: there is none; BadInput: what
  // is there is no mark of ours.
  virtual Result<std::uint64_t> mark(std::string_view name) = 0;
  // Makes one at random, in place of what is there, and the subdirectory, ours alone; durable on
  // return, which tells what can be read there now. NeedsPerson: it cannot be written here.
  virtual Result<std::uint64_t> leave_mark(std::string_view name) = 0;
  // Why changes in it may go unreported ("FUSE reports no changes made elsewhere"); empty where the
  // kernel reports them all.
  [[nodiscard]] virtual std::string blind_spot() = 0;
  // A path by which the kernel reaches exactly this directory (inotify_add_watch); empty for a
  // fake.
  [[nodiscard]] virtual std::string watchable_path() const = 0;
};

// The edge to the disk. Nothing below a root is reached through a symbolic link, a magic link or
// "..", nor through a mount point unless the root says so, whatever a hostile writer swaps
// meanwhile (WATCHING.md 1: openat2 RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV).
// Thread-safe; what it returns is not, and does to what lies below it as its root says.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // `below`: relative, "" is the root itself; may be longer than PATH_MAX. The root's own path is
  // the administrator's and may lead through links; it is resolved afresh at each call.
  // SourceGone: not there, or no directory. NeedsPerson with errno EXDEV: something is mounted in
  // between; ELOOP: a symbolic link is.
  virtual Result<std::unique_ptr<OpenDirectory>> open_directory(const Root& root,
                                                                std::string_view below) = 0;
  // NeedsPerson where it is no regular file: never blocks on a FIFO or a device.
  // SourceBusy: a foreign lease holds it.
  virtual Result<std::unique_ptr<OpenFile>> open_file(const Root& root, std::string_view below) = 0;
  // What is mounted at, above and below `root`, as text to be compared with an earlier one:
  // mounting over a watched directory is silent (WATCHING.md 1).
  virtual std::string mounts(const std::string& root) = 0;
};

// The process must ignore or block SIGIO for as long as it takes leases: the kernel sends it when a
// writer breaks one, and its default action is to end the process. Nobody needs to receive it:
// lease_broken() asks the kernel.
std::unique_ptr<FileSystem> make_linux_file_system();

}  // namespace waybill::watcher
