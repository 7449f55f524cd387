#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "watcher/linux_handles.h"

namespace waybill::watcher {

namespace {

constexpr std::size_t entries_buffer = std::size_t{64} * 1024;

struct Blind {
  std::uint32_t magic;
  const char* why;
};
// File systems on which another machine, or somebody behind its back, changes files without a word
// to inotify (WATCHING.md 1). Numbers: linux/magic.h, or the file system's own source where that
// header lacks it.
constexpr std::array<Blind, 15> blind_file_systems{{
    {FUSE_SUPER_MAGIC, "FUSE does not report changes made behind it"},
    {NFS_SUPER_MAGIC, "NFS does not report changes made by other machines"},
    {SMB_SUPER_MAGIC, "SMB does not report changes made by other machines"},
    {0xFF534D42U, "SMB does not report changes made by other machines"},  // cifs
    {0xFE534D42U, "SMB does not report changes made by other machines"},  // smb2
    {V9FS_MAGIC, "9p does not report changes made by other machines"},
    {OVERLAYFS_SUPER_MAGIC, "overlayfs does not report changes made in its layers"},
    {0x00C36400U, "Ceph does not report changes made by other machines"},  // ceph
    {0x0BD00BD0U, "Lustre does not report changes made by other machines"},
    {0x47504653U, "GPFS does not report changes made by other machines"},
    {0x01161970U, "GFS2 does not report changes made by other machines"},
    {OCFS2_SUPER_MAGIC, "OCFS2 does not report changes made by other machines"},
    {AFS_FS_MAGIC, "AFS does not report changes made by other machines"},
    {0x786F4256U, "shared folders of VirtualBox do not report changes made by the host"},
    {ECRYPTFS_SUPER_MAGIC, "eCryptfs does not report changes made in what lies below it"},
}};

}  // namespace

Result<FileStatus> LinuxDirectory::status() {
  return status_of_fd(fd_.get());
}

Result<bool> LinuxDirectory::fill() {
  if (buffer_.empty()) buffer_.resize(entries_buffer);
  const long got = ::syscall(SYS_getdents64, fd_.get(), buffer_.data(), buffer_.size());
  if (got < 0) return fail(system_error("list the directory", errno));
  next_ = 0;
  filled_ = static_cast<std::size_t>(got);
  return got > 0;
}

Result<void> LinuxDirectory::list(
    const std::function<bool(std::string_view name, const Result<FileStatus>& status)>& visit) {
  if (!listing_) {
    if (::lseek(fd_.get(), 0, SEEK_SET) < 0) {
      return fail(system_error("list the directory", errno));
    }
    next_ = filled_ = 0;
    listing_ = true;
  }
  for (;;) {
    if (next_ == filled_) {
      const Result<bool> more = fill();
      if (!more || !*more) listing_ = false;
      if (!more) return fail(more.error());
      if (!*more) return {};
    }
    // The kernel's struct linux_dirent64 is glibc's dirent64; d_type is left alone, some file
    // systems do not fill it.
    const std::byte* entry = buffer_.data() + next_;
    unsigned short length = 0;
    std::memcpy(&length, entry + offsetof(dirent64, d_reclen), sizeof length);
    const char* name = reinterpret_cast<const char*>(entry + offsetof(dirent64, d_name));
    next_ += length;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    const Result<FileStatus> status = status_of_name(fd_.get(), name);
    if (!status && status.error().code == ErrorCode::SourceGone) continue;
    // Where "." cannot be looked at either, the cause is the directory's, and told once.
    if (!status && !status_of_name(fd_.get(), ".")) {
      listing_ = false;
      return fail(status.error());
    }
    if (!visit(name, status)) return {};
  }
}

Result<FileStatus> LinuxDirectory::look(std::string_view name) {
  return status_of_name(fd_.get(), std::string(name).c_str());
}

Result<std::unique_ptr<OpenDirectory>> LinuxDirectory::open_child(std::string_view name) {
  Result<UniqueFd> fd = open_beneath(fd_.get(), name, O_RDONLY | O_DIRECTORY | O_NONBLOCK, mounts_);
  if (!fd) return fail(fd.error());
  return std::make_unique<LinuxDirectory>(std::move(*fd), mounts_);
}

Result<void> LinuxDirectory::touch(std::string_view name) {
  if (::mkdirat(fd_.get(), std::string(name).c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(system_error("make " + printable(name), errno));
  }
  // What is no directory is somebody's file: it is left alone.
  const Result<UniqueFd> place = open_beneath(
      fd_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, Mounts::Refuse);
  if (!place) return fail(place.error());
  if (::futimens(place->get(), nullptr) != 0) {
    return fail(system_error("touch " + printable(name), errno));
  }
  return {};
}

std::string LinuxDirectory::blind_spot() {
  struct statfs about {};
  if (::fstatfs(fd_.get(), &about) != 0) return {};
  for (const Blind& blind : blind_file_systems) {
    if (static_cast<std::uint32_t>(about.f_type) == blind.magic) return blind.why;
  }
  return {};
}

std::string LinuxDirectory::watchable_path() const {
  return path_of_fd(fd_.get());
}

}  // namespace waybill::watcher
