#include "catalog/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace waybill::catalog {

namespace {

constexpr mode_t directory_mode = 0750;
constexpr mode_t file_mode = 0640;

// A whole file of ours or none: the mode is set on the descriptor, since the umask would narrow it.
Result<UniqueFd> create(int directory, const char* name, bool& created) {
  UniqueFd fd(::openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file_mode));
  created = fd.valid();
  if (fd.valid()) {
    if (::fchmod(fd.get(), file_mode) != 0) {
      return fail(system_error("set the mode of " + std::string(name), errno));
    }
    return fd;
  }
  if (errno != EEXIST) return fail(system_error("create " + std::string(name), errno));
  fd = UniqueFd(::openat(directory, name, O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return fail(system_error("open " + std::string(name), errno));
  return fd;
}

Result<void> make_directory(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path parent = std::filesystem::path(path).lexically_normal().parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, failed);
  if (failed) return fail(system_error("create the folder " + parent.string(), failed.value()));
  if (::mkdir(path.c_str(), directory_mode) != 0) {
    if (errno == EEXIST) return {};
    return fail(system_error("create the state directory " + path, errno));
  }
  if (::chmod(path.c_str(), directory_mode) != 0) {
    return fail(system_error("set the mode of the state directory " + path, errno));
  }
  const UniqueFd above(::open((parent.empty() ? std::string(".") : parent.string()).c_str(),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (above.valid() && ::fsync(above.get()) != 0) {
    return fail(system_error("make the state directory " + path + " durable", errno));
  }
  return {};
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (auto made = make_directory(path); !made) {
    // A file where a folder should be: time alone changes nothing.
    if (made.error().code == ErrorCode::SourceGone) made.error().code = ErrorCode::NeedsPerson;
    return fail(made.error());
  }
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    return fail(system_error("open the state directory " + path, errno));
  }
  bool created = false;
  auto lock = create(directory.get(), "waybilld.lock", created);
  if (!lock) {
    lock.error().message += " in the state directory " + path;
    return fail(lock.error());
  }
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(system_error("lock the state directory " + path, errno));
    return fail(ErrorCode::NeedsPerson,
                "another waybilld uses the state directory " + path + ": stop it first");
  }
  return StateDirectory(std::move(path), std::move(directory), std::move(*lock));
}

Result<bool> StateDirectory::create_catalog_file() const {
  bool created = false;
  auto fd = create(directory_.get(), "catalog.db", created);
  if (!fd) {
    fd.error().message += " in the state directory " + path_;
    return fail(fd.error());
  }
  return created;
}

bool StateDirectory::had_catalog() const {
  struct stat facts {};
  return ::fstat(lock_.get(), &facts) == 0 && facts.st_size > 0;
}

Result<void> StateDirectory::remember_catalog() const {
  if (had_catalog()) return {};
  constexpr std::string_view words = "this state directory has a catalog\n";
  if (::pwrite(lock_.get(), words.data(), words.size(), 0) < 0 || ::fsync(lock_.get()) != 0) {
    return fail(system_error("write to waybilld.lock in the state directory " + path_, errno));
  }
  return {};
}

Result<void> StateDirectory::sync() const {
  if (::fsync(directory_.get()) != 0) {
    return fail(system_error("make the state directory " + path_ + " durable", errno));
  }
  return {};
}

}  // namespace waybill::catalog
