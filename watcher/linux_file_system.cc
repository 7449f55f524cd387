#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "base/bytes.h"
#include "watcher/linux_handles.h"
#include "watcher/mount_table.h"

namespace waybill::watcher {

namespace {

constexpr std::int64_t nanoseconds_a_second = 1'000'000'000;

std::int64_t time_of(const statx_timestamp& stamp) {
  return stamp.tv_sec * nanoseconds_a_second + stamp.tv_nsec;
}

FileKind kind_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FileKind::Regular;
    case S_IFDIR:
      return FileKind::Directory;
    case S_IFLNK:
      return FileKind::Symlink;
    case S_IFIFO:
      return FileKind::Fifo;
    case S_IFSOCK:
      return FileKind::Socket;
    case S_IFBLK:
    case S_IFCHR:
      return FileKind::Device;
    default:
      return FileKind::Other;
  }
}

Result<FileStatus> status_at(int at, const char* name, int flags) {
  struct statx about {};
  if (::statx(at, name, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
              &about) != 0) {
    return fail(system_error("look at " + printable(name), errno));
  }
  return FileStatus{
      .kind = kind_of(about.stx_mode),
      .fingerprint = {.dev = makedev(about.stx_dev_major, about.stx_dev_minor),
                      .ino = about.stx_ino,
                      .btime = (about.stx_mask & STATX_BTIME) != 0 ? time_of(about.stx_btime) : 0,
                      .size = about.stx_size,
                      .mtime = time_of(about.stx_mtime),
                      .ctime = time_of(about.stx_ctime)},
      .mode = about.stx_mode & 07777U,
      .uid = about.stx_uid,
      .gid = about.stx_gid,
      .links = about.stx_nlink,
      .mount = about.stx_mnt_id};
}

// The longest piece of `path` that ends at a slash or the end and that the kernel takes at once.
std::string_view first_piece(std::string_view path) {
  constexpr std::size_t most = PATH_MAX - 1;
  if (path.size() <= most) return path;
  return path.substr(0, path.rfind('/', most));
}

Result<UniqueFd> open_piece(int at, std::string_view piece, int flags, Mounts mounts) {
  const std::string path(piece);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  if (mounts == Mounts::Refuse) how.resolve |= RESOLVE_NO_XDEV;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EINTR) return fail(system_error("open " + printable(path), errno));
  }
}

Error what_it_is(FileKind kind) {
  Error error{.code = ErrorCode::NeedsPerson, .message = "it is no regular file"};
  if (kind == FileKind::Directory) error.message = "it is a directory";
  if (kind == FileKind::Symlink) error.message = "it is a symbolic link";
  return error;
}

class LinuxFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<OpenDirectory>> open_directory(const Root& root,
                                                        std::string_view below) override {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
    Result<UniqueFd> fd = open_root(root.path, below.empty() ? flags : O_PATH);
    if (fd && !below.empty()) fd = open_beneath(fd->get(), below, flags, crossing(root));
    if (!fd) return fail(fd.error());
    return std::make_unique<LinuxDirectory>(std::move(*fd), crossing(root));
  }

  Result<std::unique_ptr<OpenFile>> open_file(const Root& root, std::string_view below) override {
    const Result<UniqueFd> directory = open_root(root.path, O_PATH);
    if (!directory) return fail(directory.error());
    // First a descriptor that opens nothing, so that a FIFO, a device or a directory is told before
    // it can block or be disturbed (WATCHING.md 1).
    const Result<UniqueFd> place =
        open_beneath(directory->get(), below, O_PATH | O_NOFOLLOW, crossing(root));
    if (!place) return fail(place.error());
    const Result<FileStatus> status = status_of_fd(place->get());
    if (!status) return fail(status.error());
    if (status->kind != FileKind::Regular) return fail(what_it_is(status->kind));
    // The kernel's link leads to the very inode that was just looked at, whatever has the name now.
    UniqueFd file(::open(path_of_fd(place->get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file.valid()) {
      if (errno == EWOULDBLOCK) {
        return fail(ErrorCode::SourceBusy, "somebody holds a lease on it");
      }
      return fail(system_error("open " + printable(below), errno));
    }
    return std::make_unique<LinuxFile>(std::move(file));
  }

  std::string mounts(const std::string& root) override {
    const Result<UniqueFd> directory = open_root(root, O_PATH);
    std::string path(PATH_MAX, '\0');
    const ssize_t length =
        directory ? ::readlink(path_of_fd(directory->get()).c_str(), path.data(), path.size()) : -1;
    path.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return mounts_concerning(read_mount_table(), path.empty() ? root : path);
  }

 private:
  // A kernel that does not tell one mount from another (before 5.8) crosses none: what is mounted
  // could not be told from what is not.
  static bool mounts_are_told() {
    struct statx about {};
    return ::statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &about) == 0 &&
           (about.stx_mask & STATX_MNT_ID) != 0;
  }
  [[nodiscard]] Mounts crossing(const Root& root) const {
    return root.cross_mounts && mounts_are_told_ ? Mounts::Cross : Mounts::Refuse;
  }
  static Result<UniqueFd> open_root(const std::string& root, int flags) {
    UniqueFd fd(::open(root.c_str(), flags | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return fail(system_error("open " + printable(root), errno));
    return fd;
  }

  const bool mounts_are_told_ = mounts_are_told();
};

}  // namespace

Result<UniqueFd> open_beneath(int at, std::string_view below, int flags, Mounts mounts) {
  UniqueFd held;
  for (;;) {
    const std::string_view piece = first_piece(below);
    if (piece.size() == below.size()) {
      return open_piece(held.valid() ? held.get() : at, piece, flags, mounts);
    }
    Result<UniqueFd> next =
        open_piece(held.valid() ? held.get() : at, piece, O_PATH | O_DIRECTORY, mounts);
    if (!next) return next;
    held = std::move(*next);
    below.remove_prefix(piece.size() + 1);
  }
}

Result<FileStatus> status_of_fd(int fd) {
  return status_at(fd, "", AT_EMPTY_PATH);
}

Result<FileStatus> status_of_name(int directory, const char* name) {
  return status_at(directory, name, AT_SYMLINK_NOFOLLOW);
}

std::string path_of_fd(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

std::unique_ptr<FileSystem> make_linux_file_system() {
  return std::make_unique<LinuxFileSystem>();
}

}  // namespace waybill::watcher
