#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include <cerrno>
#include <utility>

#include "watcher/linux_handles.h"

namespace waybill::watcher {

namespace {

Error too_many_attributes(std::string_view prefix) {
  return {.code = ErrorCode::NeedsPerson,
          .message = "its extended attributes " + std::string(prefix) + "* are too large"};
}

// What is beside the bytes cannot be told, though they can be read: that is for a person to know,
// and no reason to read them again and again.
Error not_told(const char* doing, int code) {
  Error error = system_error(doing, code);
  error.code = ErrorCode::NeedsPerson;
  return error;
}

// The names of all attributes, each followed by a zero byte; empty where there is no such thing.
Result<std::string> attribute_names(int fd) {
  // Most files have none, or few.
  std::string names(1024, '\0');
  for (;;) {
    const ssize_t size = ::flistxattr(fd, names.data(), names.size());
    if (size >= 0) {
      names.resize(static_cast<std::size_t>(size));
      return names;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODATA) return std::string();
    if (errno != ERANGE || names.size() >= XATTR_LIST_MAX) {
      return fail(not_told("list the file's extended attributes", errno));
    }
    names.resize(XATTR_LIST_MAX);
  }
}

}  // namespace

Result<FileStatus> LinuxFile::status() {
  return status_of_fd(fd_.get());
}

Result<std::size_t> LinuxFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  for (;;) {
    const ssize_t got = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return fail(system_error("read the file", errno));
  }
}

Result<ExtendedAttributes> LinuxFile::extended_attributes(std::string_view prefix,
                                                          std::size_t most) {
  Result<std::string> names = attribute_names(fd_.get());
  if (!names) {
    // More names than the kernel lists at once.
    if (names.error().os_errno == E2BIG) return fail(too_many_attributes(prefix));
    return fail(names.error());
  }
  ExtendedAttributes attributes;
  std::string value;
  for (std::size_t at = 0; at < names->size();) {
    const std::string name(names->c_str() + at);
    at += name.size() + 1;
    if (!name.starts_with(prefix)) continue;
    value.resize(most + 1);
    const ssize_t size = ::fgetxattr(fd_.get(), name.c_str(), value.data(), value.size());
    if (size < 0 && errno == ERANGE) return fail(too_many_attributes(prefix));
    if (size < 0 && errno == ENODATA) continue;  // taken away meanwhile: the ctime tells
    if (size < 0) return fail(not_told("read an extended attribute of the file", errno));
    value.resize(static_cast<std::size_t>(size));
    const std::size_t bytes = value.size() + name.size() - prefix.size();
    if (bytes > most) return fail(too_many_attributes(prefix));
    most -= bytes;
    attributes.emplace(name.substr(prefix.size()), value);
  }
  return attributes;
}

Result<OpenFile::Writers> LinuxFile::take_lease() {
  if (::fcntl(fd_.get(), F_SETLEASE, F_RDLCK) == 0) {
    // A write lock needs a descriptor open for writing: there is none to ask about.
    leased_ = true;
    return Writers::None;
  }
  if (errno == EAGAIN) return Writers::Some;
  if (errno == EINVAL || errno == EACCES || errno == EPERM || errno == ENOLCK ||
      errno == EOPNOTSUPP) {
    return write_locked() ? Writers::Some : Writers::Unknown;
  }
  return fail(system_error("take a lease on the file", errno));
}

// vsftpd and others hold a write lock on what they receive (WATCHING.md 2.3).
bool LinuxFile::write_locked() const {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd_.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool LinuxFile::lease_broken() {
  // While a writer waits, the kernel names the type to which the lease is to be reduced; after its
  // patience (lease-break-time) the lease is gone. F_UNLCK in both cases.
  return leased_ && ::fcntl(fd_.get(), F_GETLEASE) != F_RDLCK;
}

void LinuxFile::release() {
  if (leased_) ::fcntl(fd_.get(), F_SETLEASE, F_UNLCK);
  leased_ = false;
}

}  // namespace waybill::watcher
