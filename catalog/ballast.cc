#include "catalog/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/unique_fd.h"

namespace waybill::catalog {

Ballast::Ballast(std::string state_dir)
    : directory_(std::move(state_dir)), path_(directory_ + "/ballast") {}

Result<void> Ballast::hold() {
  const UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(system_error("hold room with " + path_, errno));
  // Blocks that are there already stay: to hold it again costs nothing.
  const int failed = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size));
  if (failed == 0) return {};
  release();
  return fail(system_error("hold room with " + path_, failed));
}

void Ballast::release() {
  ::unlink(path_.c_str());
}

Result<std::uint64_t> Ballast::free() const {
  struct statvfs disk {};
  if (::statvfs(directory_.c_str(), &disk) != 0) {
    return fail(system_error("look at the disk of " + directory_, errno));
  }
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

}  // namespace waybill::catalog
