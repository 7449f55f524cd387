#include <fcntl.h>

#include <cerrno>

#include "watcher/linux_handles.h"

namespace waybill::watcher {

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
