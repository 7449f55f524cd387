#include "tests/fakes/fake_file_system.h"

#include <sys/inotify.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/fakes/fake_inodes.h"

namespace waybill::fakes {

namespace {

std::uint32_t directory_flag(const Inode& inode) {
  return inode.kind == FileKind::Directory ? IN_ISDIR : 0U;
}

}  // namespace

void FakeFileSystem::State::write_to(const Spot& where, const std::shared_ptr<Inode>& inode) {
  touch(*inode);
  for (FakeFile* const holder : inode->leases) holder->knock();
  if (where.directory) tell(where.directory.get(), IN_CLOSE_WRITE, where.name);
}

// What is not its content: the ctime alone tells.
void FakeFileSystem::State::inode_changed(const std::string& path) {
  const auto inode = get(path);
  const Spot where = spot(path);
  inode->ctime = tick();
  tell(where.directory.get(), IN_ATTRIB | directory_flag(*inode), where.name);
  if (inode->kind == FileKind::Directory) tell(inode.get(), IN_ATTRIB | IN_ISDIR);
}

FakeFileSystem::FakeFileSystem() : state_(std::make_unique<State>()) {
  const MutexLock lock(state_->mu);
  state_->top = state_->create(FileKind::Directory, 1);
}
FakeFileSystem::~FakeFileSystem() {
  // A directory that is mounted below itself would hold itself for ever.
  const MutexLock lock(state_->mu);
  std::vector<std::shared_ptr<Inode>> left{state_->top};
  while (!left.empty()) {
    const std::shared_ptr<Inode> inode = std::move(left.back());
    left.pop_back();
    if (inode->mounted) left.push_back(std::exchange(inode->mounted, nullptr));
    for (auto& [name, child] : inode->children) left.push_back(child);
    inode->children.clear();
  }
}

Result<std::unique_ptr<OpenDirectory>> FakeFileSystem::open_directory(const watcher::Root& root,
                                                                      std::string_view below) {
  const MutexLock lock(state_->mu);
  std::uint64_t mount = 0;
  const std::shared_ptr<Inode> at = state_->walk(root.path, mount);
  if (!at) return fail(system_error("open", ENOENT));
  if (!at->readable) return fail(system_error("open", EACCES));
  const auto opened = state_->open(at, below, root.cross_mounts, mount);
  return FakeDirectory::open(*state_, opened, root.cross_mounts, mount);
}

Result<std::unique_ptr<OpenFile>> FakeFileSystem::open_file(const watcher::Root& root,
                                                            std::string_view below) {
  const MutexLock lock(state_->mu);
  std::uint64_t mount = 0;
  const std::shared_ptr<Inode> at = state_->walk(root.path, mount);
  if (!at) return fail(system_error("open", ENOENT));
  const Result<std::shared_ptr<Inode>> inode = state_->open(at, below, root.cross_mounts, mount);
  if (!inode) return fail(inode.error());
  if ((*inode)->kind != FileKind::Regular) {
    return fail(ErrorCode::NeedsPerson, "it is no regular file");
  }
  if (!(*inode)->readable) return fail(system_error("open", EACCES));
  return std::make_unique<FakeFile>(*state_, *inode, mount);
}

void FakeFileSystem::make_directory(const std::string& path) {
  make(path, FileKind::Directory);
}

void FakeFileSystem::make(const std::string& path, FileKind kind) {
  const MutexLock lock(state_->mu);
  const State::Spot where = state_->spot(path);
  if (where.directory->children.contains(where.name)) throw std::logic_error("exists: " + path);
  const auto inode = state_->create(kind, where.directory->dev);
  where.directory->children[where.name] = inode;
  state_->touch(*where.directory);
  state_->tell(where.directory.get(), IN_CREATE | directory_flag(*inode), where.name);
}

void FakeFileSystem::write(const std::string& path, std::string_view text) {
  bool fresh = false;
  {
    const MutexLock lock(state_->mu);
    fresh = state_->walk(path) == nullptr;
  }
  if (fresh) make(path, FileKind::Regular);
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  inode->content = text;
  state_->write_to(state_->spot(path), inode);
}

void FakeFileSystem::remove(const std::string& path) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  const State::Spot where = state_->spot(path);
  where.directory->children.erase(where.name);
  state_->touch(*where.directory);
  inode->ctime = state_->tick();
  state_->die(*inode);
  state_->tell(where.directory.get(), IN_DELETE | directory_flag(*inode), where.name);
}

void FakeFileSystem::move(const std::string& from, const std::string& to) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(from);
  const State::Spot source = state_->spot(from);
  const State::Spot target = state_->spot(to);
  source.directory->children.erase(source.name);
  if (const auto displaced = target.directory->children.find(target.name);
      displaced != target.directory->children.end()) {
    state_->die(*displaced->second);
  }
  target.directory->children[target.name] = inode;
  state_->touch(*source.directory);
  state_->touch(*target.directory);
  inode->ctime = state_->tick();
  const std::uint32_t with = ++state_->cookie;
  const std::uint32_t flag = directory_flag(*inode);
  state_->tell(source.directory.get(), IN_MOVED_FROM | flag, source.name, with);
  state_->tell(target.directory.get(), IN_MOVED_TO | flag, target.name, with);
  if (flag != 0) state_->tell(inode.get(), IN_MOVE_SELF);
}

void FakeFileSystem::exchange(const std::string& a, const std::string& b) {
  const MutexLock lock(state_->mu);
  const State::Spot at_a = state_->spot(a);
  const State::Spot at_b = state_->spot(b);
  const auto was_a = state_->get(a);
  const auto was_b = state_->get(b);
  at_a.directory->children[at_a.name] = was_b;
  at_b.directory->children[at_b.name] = was_a;
  for (Inode* const inode : {was_a.get(), was_b.get()}) inode->ctime = state_->tick();
  const auto tell = [this](const State::Spot& from, const State::Spot& to, const Inode& inode)
                        REQUIRES(state_->mu) {
                          const std::uint32_t with = ++state_->cookie;
                          const std::uint32_t flag = directory_flag(inode);
                          state_->tell(from.directory.get(), IN_MOVED_FROM | flag, from.name, with);
                          state_->tell(to.directory.get(), IN_MOVED_TO | flag, to.name, with);
                          if (flag != 0) state_->tell(&inode, IN_MOVE_SELF);
                        };
  tell(at_a, at_b, *was_a);
  tell(at_b, at_a, *was_b);
}

void FakeFileSystem::link(const std::string& from, const std::string& to) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(from);
  const State::Spot target = state_->spot(to);
  target.directory->children[target.name] = inode;
  ++inode->links;
  inode->ctime = state_->tick();
  state_->touch(*target.directory);
  state_->tell(target.directory.get(), IN_CREATE, target.name);
}

void FakeFileSystem::set_readable(const std::string& path, bool readable) {
  const MutexLock lock(state_->mu);
  state_->get(path)->readable = readable;
  state_->inode_changed(path);
}

void FakeFileSystem::set_mode(const std::string& path, std::uint32_t mode) {
  const MutexLock lock(state_->mu);
  state_->get(path)->mode = mode;
  state_->inode_changed(path);
}

void FakeFileSystem::set_attribute(const std::string& path, const std::string& name,
                                   std::string_view value) {
  const MutexLock lock(state_->mu);
  state_->get(path)->attributes[name] = value;
  state_->inode_changed(path);
}

void FakeFileSystem::remove_attribute(const std::string& path, const std::string& name) {
  const MutexLock lock(state_->mu);
  state_->get(path)->attributes.erase(name);
  state_->inode_changed(path);
}

void FakeFileSystem::set_trouble(const std::string& path, int os_errno) {
  const MutexLock lock(state_->mu);
  state_->get(path)->trouble = os_errno;
}

void FakeFileSystem::use_clock(const Clock& clock, Nanoseconds tick) {
  const MutexLock lock(state_->mu);
  state_->clock = &clock;
  state_->tick_length = tick.count();
}

void FakeFileSystem::set_mtime(const std::string& path, std::int64_t mtime) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  const State::Spot where = state_->spot(path);
  inode->mtime = mtime;
  inode->ctime = state_->tick();
  state_->tell(where.directory.get(), IN_ATTRIB, where.name);
}

std::string FakeFileSystem::mounts(const std::string& root) {
  const MutexLock lock(state_->mu);
  std::string concerning;
  for (const auto& [path, device] : state_->mounts) {
    if (path == root || path.starts_with(root + '/') || root.starts_with(path + '/')) {
      concerning += path + ' ' + std::to_string(device) + '\n';
    }
  }
  return concerning;
}

void FakeFileSystem::State::mount(const std::string& path, std::shared_ptr<Inode> what) {
  const Spot where = spot(path);
  Inode& covered = *where.directory->children.at(where.name);
  covered.mounted = std::move(what);
  covered.mount = ++last_mount;
  mounts[path] = last_mount;
}

void FakeFileSystem::mount(const std::string& path) {
  const MutexLock lock(state_->mu);
  state_->mount(path, state_->create(FileKind::Directory, ++state_->last_dev));
}

void FakeFileSystem::mount_disk(const std::string& path, const std::string& disk,
                                const std::string& blind_spot) {
  const MutexLock lock(state_->mu);
  std::shared_ptr<Inode>& top = state_->disks[disk];
  if (!top) top = state_->create(FileKind::Directory, ++state_->last_dev);
  state_->mount(path, top);
  if (!blind_spot.empty()) state_->blind_mounts[state_->last_mount] = blind_spot;
}

void FakeFileSystem::bind(const std::string& from, const std::string& path) {
  const MutexLock lock(state_->mu);
  state_->mount(path, state_->get(from));
  state_->binds.insert(path);
}

void FakeFileSystem::unmount(const std::string& path) {
  const MutexLock lock(state_->mu);
  const State::Spot where = state_->spot(path);
  Inode& covered = *where.directory->children.at(where.name);
  // What else shows a directory keeps it.
  if (state_->binds.erase(path) == 0) state_->leave(*covered.mounted);
  covered.mounted = nullptr;
  state_->mounts.erase(path);
}

void FakeFileSystem::open_writer(const std::string& path) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  ++inode->writers;
  for (FakeFile* const holder : inode->leases) holder->knock();
}

void FakeFileSystem::append(const std::string& path, std::string_view text) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  inode->content += text;
  state_->touch(*inode);
}

void FakeFileSystem::close_writer(const std::string& path) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  --inode->writers;
  const State::Spot where = state_->spot(path);
  state_->tell(where.directory.get(), IN_CLOSE_WRITE, where.name);
}

void FakeFileSystem::set_leases(bool supported) {
  const MutexLock lock(state_->mu);
  state_->leases = supported;
}
void FakeFileSystem::set_read_only(bool read_only) {
  const MutexLock lock(state_->mu);
  state_->read_only = read_only;
}

void FakeFileSystem::forget_births() {
  const MutexLock lock(state_->mu);
  state_->births = false;
  std::vector<Inode*> left{state_->top.get()};
  while (!left.empty()) {
    Inode& inode = *left.back();
    left.pop_back();
    inode.btime = 0;
    for (const auto& [name, child] : inode.children) left.push_back(child.get());
  }
}

void FakeFileSystem::set_numbers(const std::string& path, std::uint64_t dev, std::uint64_t ino) {
  const MutexLock lock(state_->mu);
  const auto inode = state_->get(path);
  inode->dev = dev;
  inode->ino = ino;
}

void FakeFileSystem::set_birth(const std::string& path, std::int64_t btime) {
  const MutexLock lock(state_->mu);
  state_->get(path)->btime = btime;
}

std::string FakeFileSystem::content(const std::string& path) const {
  const MutexLock lock(state_->mu);
  return state_->get(path)->content;
}

void FakeFileSystem::set_blind_spot(std::string why) {
  const MutexLock lock(state_->mu);
  state_->blind_spot = std::move(why);
}
void FakeFileSystem::set_listing_hook(std::function<void(const std::string& name)> hook) {
  const MutexLock lock(state_->mu);
  state_->listing_hook = std::move(hook);
}
void FakeFileSystem::set_look_hook(
    std::function<std::optional<Error>(const std::string& name)> hook) {
  const MutexLock lock(state_->mu);
  state_->look_hook = std::move(hook);
}
void FakeFileSystem::fail_opens(int count, Error error) {
  const MutexLock lock(state_->mu);
  state_->failing = count;
  state_->failure = std::move(error);
}
int FakeFileSystem::opens() const {
  const MutexLock lock(state_->mu);
  return state_->opens;
}
void FakeFileSystem::listen(Listener listener) {
  const MutexLock lock(state_->mu);
  state_->listeners.push_back(std::move(listener));
}
const Inode* FakeFileSystem::inode_of(const OpenDirectory& directory) {
  return dynamic_cast<const FakeDirectory&>(directory).inode();
}

}  // namespace waybill::fakes
