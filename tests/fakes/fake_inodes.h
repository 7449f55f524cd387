#pragma once

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/fakes/fake_file_system.h"

// The inside of the FakeFileSystem: its inodes, and what is open of them.
namespace waybill::fakes {

using watcher::FileKind;
using watcher::FileStatus;
using watcher::OpenDirectory;
using watcher::OpenFile;

struct FakeFileSystem::Inode {
  FileKind kind = FileKind::Regular;
  std::uint64_t dev = 1;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
  std::int64_t mtime = 0;
  std::int64_t ctime = 0;
  std::uint64_t links = 1;
  bool readable = true;
  int trouble = 0;  // errno of whatever is asked of it
  std::string content;
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;
  std::map<std::string, std::string> attributes;
  int writers = 0;
  std::set<FakeFile*> leases;
  std::map<std::string, std::shared_ptr<Inode>, std::less<>> children;
  std::shared_ptr<Inode> mounted;
  std::uint64_t mount = 0;  // the id of that

  [[nodiscard]] Result<FileStatus> status(std::uint64_t through) const {
    if (trouble != 0) return fail(system_error("look", trouble));
    return FileStatus{.kind = kind,
                      .fingerprint = {.dev = dev,
                                      .ino = ino,
                                      .btime = btime,
                                      .size = content.size(),
                                      .mtime = mtime,
                                      .ctime = ctime},
                      .mode = readable ? mode : 0U,
                      .uid = uid,
                      .gid = 0,
                      .links = links,
                      .mount = through};
  }
};

using Inode = FakeFileSystem::Inode;

struct FakeFileSystem::State {
  Mutex mu;
  std::shared_ptr<Inode> top GUARDED_BY(mu);
  std::uint64_t last_ino GUARDED_BY(mu) = 1;
  std::uint64_t last_dev GUARDED_BY(mu) = 1;
  std::int64_t time GUARDED_BY(mu) = 1'000'000;
  const Clock* clock GUARDED_BY(mu) = nullptr;
  std::int64_t tick_length GUARDED_BY(mu) = 1;
  std::uint32_t cookie GUARDED_BY(mu) = 0;
  bool leases GUARDED_BY(mu) = true;
  std::string blind_spot GUARDED_BY(mu);
  bool read_only GUARDED_BY(mu) = false;
  bool births GUARDED_BY(mu) = true;
  std::uint64_t last_mark GUARDED_BY(mu) = 0;
  std::map<std::string, std::uint64_t> mounts GUARDED_BY(mu);  // path → id
  std::uint64_t last_mount GUARDED_BY(mu) = 0;
  std::map<std::string, std::shared_ptr<Inode>> disks GUARDED_BY(mu);
  std::set<std::string> binds GUARDED_BY(mu);
  std::map<std::uint64_t, std::string> blind_mounts GUARDED_BY(mu);
  std::function<void(const std::string&)> listing_hook GUARDED_BY(mu);
  std::function<std::optional<Error>(const std::string&)> look_hook GUARDED_BY(mu);
  int failing GUARDED_BY(mu) = 0;
  Error failure GUARDED_BY(mu);
  int opens GUARDED_BY(mu) = 0;
  std::vector<Listener> listeners GUARDED_BY(mu);

  std::int64_t tick() REQUIRES(mu) {
    if (clock == nullptr) return ++time;
    const std::int64_t now = clock->wall().time_since_epoch().count();
    return now - now % tick_length;
  }
  std::shared_ptr<Inode> create(FileKind kind, std::uint64_t dev) REQUIRES(mu) {
    auto inode = std::make_shared<Inode>();
    inode->kind = kind;
    inode->dev = dev;
    inode->ino = ++last_ino;
    inode->btime = inode->mtime = inode->ctime = tick();
    if (!births) inode->btime = 0;
    return inode;
  }
  void touch(Inode& inode) REQUIRES(mu) { inode.mtime = inode.ctime = tick(); }
  void tell(const Inode* where, std::uint32_t mask, const std::string& name = {},
            std::uint32_t with = 0) REQUIRES(mu) {
    for (const Listener& listener : listeners) listener(where, mask, name, with);
  }

  struct Spot {
    std::shared_ptr<Inode> directory;
    std::string name;
  };
  // For what tests do: mounts are followed, nothing is refused but what is not there.
  std::shared_ptr<Inode> walk(std::string_view path) REQUIRES(mu) {
    std::uint64_t mount = 0;
    return walk(path, mount);
  }
  std::shared_ptr<Inode> walk(std::string_view path, std::uint64_t& mount) REQUIRES(mu) {
    std::shared_ptr<Inode> at = top;
    while (at && !path.empty()) {
      const std::size_t slash = path.find('/');
      const std::string_view name = path.substr(0, slash);
      path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
      if (name.empty()) continue;
      const auto found = at->children.find(name);
      at = found == at->children.end() ? nullptr : found->second;
      if (at && at->mounted) {
        mount = at->mount;
        at = at->mounted;
      }
    }
    return at;
  }
  Spot spot(const std::string& path) REQUIRES(mu) {
    const std::size_t slash = path.rfind('/');
    Spot where{walk(path.substr(0, slash)), path.substr(slash + 1)};
    if (!where.directory || where.directory->kind != FileKind::Directory) {
      throw std::logic_error("no directory for " + path);
    }
    return where;
  }
  std::shared_ptr<Inode> get(const std::string& path) REQUIRES(mu) {
    std::shared_ptr<Inode> inode = walk(path);
    if (!inode) throw std::logic_error("nothing at " + path);
    return inode;
  }
  void mount(const std::string& path, std::shared_ptr<Inode> what) REQUIRES(mu);
  void write_to(const Spot& where, const std::shared_ptr<Inode>& inode) REQUIRES(mu);
  void inode_changed(const std::string& path) REQUIRES(mu);
  void die(Inode& inode) REQUIRES(mu) {
    for (auto& [name, child] : inode.children) die(*child);
    if (--inode.links == 0 || inode.kind == FileKind::Directory) {
      tell(&inode, IN_DELETE_SELF);
      tell(&inode, IN_IGNORED);
    }
  }
  void leave(Inode& inode) REQUIRES(mu) {
    for (auto& [name, child] : inode.children) leave(*child);
    tell(&inode, IN_UNMOUNT);
    tell(&inode, IN_IGNORED);
  }

  // As openat2 beneath, without links, and within one file system unless mounts are crossed.
  Result<std::shared_ptr<Inode>> open(std::shared_ptr<Inode> at, std::string_view below, bool cross,
                                      std::uint64_t& mount) REQUIRES(mu) {
    ++opens;
    if (failing > 0) {
      --failing;
      return fail(failure);
    }
    while (!below.empty()) {
      if (at->kind == FileKind::Symlink) return fail(system_error("open", ELOOP));
      if (at->kind != FileKind::Directory) return fail(system_error("open", ENOTDIR));
      const std::size_t slash = below.find('/');
      const auto found = at->children.find(below.substr(0, slash));
      if (found == at->children.end()) return fail(system_error("open", ENOENT));
      at = found->second;
      if (at->mounted && !cross) return fail(system_error("open", EXDEV));
      if (at->mounted) {
        mount = at->mount;
        at = at->mounted;
      }
      if (at->trouble != 0) return fail(system_error("open", at->trouble));
      below = slash == std::string_view::npos ? std::string_view() : below.substr(slash + 1);
      if (!below.empty() && !at->readable) return fail(system_error("open", EACCES));
    }
    return at;
  }
};

class FakeFile final : public OpenFile {
 public:
  FakeFile(FakeFileSystem::State& state, std::shared_ptr<Inode> inode, std::uint64_t mount)
      : state_(state), inode_(std::move(inode)), mount_(mount) {}
  ~FakeFile() override { release_lease(); }
  FakeFile(const FakeFile&) = delete;
  FakeFile& operator=(const FakeFile&) = delete;

  Result<FileStatus> status() override {
    const MutexLock lock(state_.mu);
    return inode_->status(mount_);
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const MutexLock lock(state_.mu);
    if (offset >= inode_->content.size()) return std::size_t{0};
    const std::size_t count = std::min(into.size(), inode_->content.size() - offset);
    std::memcpy(into.data(), inode_->content.data() + offset, count);
    return count;
  }
  Result<watcher::ExtendedAttributes> extended_attributes(std::string_view prefix,
                                                          std::size_t most) override {
    const MutexLock lock(state_.mu);
    watcher::ExtendedAttributes found;
    std::size_t bytes = 0;
    for (const auto& [name, value] : inode_->attributes) {
      if (!name.starts_with(prefix)) continue;
      bytes += name.size() - prefix.size() + value.size();
      found.emplace(name.substr(prefix.size()), value);
    }
    if (bytes > most) return fail(ErrorCode::NeedsPerson, "its extended attributes are too large");
    return found;
  }
  Result<Writers> take_lease() override {
    const MutexLock lock(state_.mu);
    if (!state_.leases) return Writers::Unknown;
    if (inode_->writers > 0) return Writers::Some;
    inode_->leases.insert(this);
    broken_ = false;
    return Writers::None;
  }
  bool lease_broken() override {
    const MutexLock lock(state_.mu);
    return broken_;
  }
  void release_lease() override {
    const MutexLock lock(state_.mu);
    inode_->leases.erase(this);
    broken_ = false;
  }
  void knock() { broken_ = true; }  // under the file system's mutex

 private:
  FakeFileSystem::State& state_;
  const std::shared_ptr<Inode> inode_;
  const std::uint64_t mount_;
  bool broken_ = false;
};

class FakeDirectory final : public OpenDirectory {
 public:
  FakeDirectory(FakeFileSystem::State& state, std::shared_ptr<Inode> inode, bool cross,
                std::uint64_t mount)
      : state_(state), inode_(std::move(inode)), cross_(cross), mount_(mount) {}

  Result<FileStatus> status() override {
    const MutexLock lock(state_.mu);
    return inode_->status(mount_);
  }
  Result<void> list(const std::function<bool(std::string_view name,
                                             const Result<FileStatus>& status)>& visit) override {
    if (!listing_) {
      const MutexLock lock(state_.mu);
      names_.clear();
      next_ = 0;
      for (const auto& [name, inode] : inode_->children) names_.push_back(name);
      listing_ = true;
    }
    if (const auto status = this->status(); !status) return fail(status.error());
    while (next_ < names_.size()) {
      const std::string name = names_[next_++];
      std::function<void(const std::string&)> hook;
      {
        const MutexLock lock(state_.mu);
        hook = state_.listing_hook;
      }
      if (hook) hook(name);
      const Result<FileStatus> status = look(name);
      if (!status && status.error().code == ErrorCode::SourceGone) continue;
      if (!visit(name, status)) return {};
    }
    listing_ = false;
    return {};
  }
  Result<FileStatus> look(std::string_view name) override {
    std::function<std::optional<Error>(const std::string&)> hook;
    {
      const MutexLock lock(state_.mu);
      hook = state_.look_hook;
    }
    const auto trouble = hook ? hook(std::string(name)) : std::nullopt;
    if (trouble) return fail(*trouble);
    const MutexLock lock(state_.mu);
    const auto found = inode_->children.find(name);
    if (found == inode_->children.end()) return fail(system_error("look", ENOENT));
    const Inode& there = *found->second;
    return there.mounted ? there.mounted->status(there.mount) : there.status(mount_);
  }
  Result<std::unique_ptr<OpenDirectory>> open_child(std::string_view name) override {
    const MutexLock lock(state_.mu);
    std::uint64_t mount = mount_;
    const auto opened = state_.open(inode_, name, cross_, mount);
    return open(state_, opened, cross_, mount);
  }
  Result<void> touch(std::string_view name) override {
    const MutexLock lock(state_.mu);
    if (state_.read_only) return fail(system_error("make " + std::string(name), EROFS));
    std::shared_ptr<Inode>& child = inode_->children[std::string(name)];
    if (!child) child = state_.create(FileKind::Directory, inode_->dev);
    if (child->kind != FileKind::Directory) return fail(system_error("open", ENOTDIR));
    state_.touch(*child);
    state_.tell(inode_.get(), IN_ATTRIB | IN_ISDIR, std::string(name));
    return {};
  }
  Result<std::uint64_t> mark(std::string_view name) override {
    const MutexLock lock(state_.mu);
    const auto place = inode_->children.find(name);
    if (place == inode_->children.end()) return fail(system_error("open", ENOENT));
    if (place->second->trouble != 0) return fail(system_error("open", place->second->trouble));
    const auto found = place->second->children.find("disk");
    if (found == place->second->children.end()) return fail(system_error("open", ENOENT));
    const std::string& text = found->second->content;
    const bool ours = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    if (!ours) return fail(ErrorCode::BadInput, "it holds no mark of ours");
    return std::stoull(text);
  }
  Result<std::uint64_t> leave_mark(std::string_view name) override {
    if (auto made = touch(name); !made) return fail(made.error());
    {
      const MutexLock lock(state_.mu);
      const auto place = inode_->children.find(name);
      auto file = state_.create(FileKind::Regular, inode_->dev);
      file->content = std::to_string(watcher::least_mark + ++state_.last_mark);
      place->second->children["disk"] = std::move(file);
    }
    return mark(name);
  }
  [[nodiscard]] std::string blind_spot() override {
    const MutexLock lock(state_.mu);
    const auto blind = state_.blind_mounts.find(mount_);
    return blind == state_.blind_mounts.end() ? state_.blind_spot : blind->second;
  }
  [[nodiscard]] std::string watchable_path() const override { return {}; }
  [[nodiscard]] const Inode* inode() const { return inode_.get(); }

  static Result<std::unique_ptr<OpenDirectory>> open(FakeFileSystem::State& state,
                                                     const Result<std::shared_ptr<Inode>>& inode,
                                                     bool cross, std::uint64_t mount) {
    if (!inode) return fail(inode.error());
    if ((*inode)->kind == FileKind::Symlink) return fail(system_error("open", ELOOP));
    if ((*inode)->kind != FileKind::Directory) return fail(system_error("open", ENOTDIR));
    if (!(*inode)->readable) return fail(system_error("open", EACCES));
    return std::make_unique<FakeDirectory>(state, *inode, cross, mount);
  }

 private:
  FakeFileSystem::State& state_;
  const std::shared_ptr<Inode> inode_;
  const bool cross_;
  const std::uint64_t mount_;
  std::vector<std::string> names_;
  std::size_t next_ = 0;
  bool listing_ = false;
};

}  // namespace waybill::fakes
