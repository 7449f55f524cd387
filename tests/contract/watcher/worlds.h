#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/fakes/fake_event_source.h"
#include "tests/fakes/fake_file_system.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/integration/watcher/disk.h"
#include "watcher/event_source.h"
#include "watcher/file_system.h"

// One disk in memory and one of the kernel's, behind the same verbs: what the suites here say is
// true of both, so that a test over the fake says something about the world.
namespace waybill::watcher {

class FakeWorld {
 public:
  FakeWorld() { disk_.make_directory("/root"); }

  FileSystem& files() { return disk_; }
  EventSource& events() { return events_; }
  std::string root() const { return "/root"; }

  void make_directory(const std::string& path) { disk_.make_directory(at(path)); }
  void write(const std::string& path, std::string_view text) { disk_.write(at(path), text); }
  void symlink(const std::string& path) { disk_.make(at(path), FileKind::Symlink); }
  void make_fifo(const std::string& path) { disk_.make(at(path), FileKind::Fifo); }
  void remove(const std::string& path) { disk_.remove(at(path)); }
  void move(const std::string& from, const std::string& to) { disk_.move(at(from), at(to)); }
  void exchange(const std::string& a, const std::string& b) { disk_.exchange(at(a), at(b)); }
  void link(const std::string& from, const std::string& to) { disk_.link(at(from), at(to)); }
  void change_mode(const std::string& path) { disk_.set_readable(at(path), true); }
  void set_attribute(const std::string& path, const std::string& name, std::string_view value) {
    disk_.set_attribute(at(path), name, value);
  }
  void let_clock_tick() {}  // every change has a time of its own
  void open_writer(const std::string& path) { disk_.open_writer(at(path)); }
  void close_writer(const std::string& path) { disk_.close_writer(at(path)); }

 private:
  static std::string at(const std::string& path) { return "/root/" + path; }
  fakes::FakeFileSystem disk_;
  fakes::FakeEventSource events_{disk_};
};

class LinuxWorld {
 public:
  LinuxWorld() : events_(make_inotify()) { std::signal(SIGIO, SIG_IGN); }

  FileSystem& files() { return *files_; }
  EventSource& events() { return *events_; }
  std::string root() const { return folder_.path(); }

  void make_directory(const std::string& path) { disk::make_directory(at(path)); }
  void write(const std::string& path, std::string_view text) { disk::write(at(path), text); }
  void symlink(const std::string& path) { disk::symlink("target", at(path)); }
  void make_fifo(const std::string& path) { disk::make_fifo(at(path)); }
  void remove(const std::string& path) { std::filesystem::remove_all(at(path)); }
  void move(const std::string& from, const std::string& to) { disk::move(at(from), at(to)); }
  void exchange(const std::string& a, const std::string& b) { disk::exchange(at(a), at(b)); }
  void link(const std::string& from, const std::string& to) { disk::link(at(from), at(to)); }
  void change_mode(const std::string& path) { disk::set_mode(at(path), 0750); }
  void set_attribute(const std::string& path, const std::string& name, std::string_view value) {
    disk::set_attribute(at(path), name, value);
  }
  void let_clock_tick() { disk::let_clock_tick(root()); }
  void open_writer(const std::string& path) {
    writers_[path] = disk::try_open_for_writing(at(path));
  }
  void close_writer(const std::string& path) { writers_.erase(path); }

 private:
  [[nodiscard]] std::string at(const std::string& path) const { return folder_.file(path); }
  static std::unique_ptr<EventSource> make_inotify() {
    auto made = make_inotify_source();
    if (!made) throw std::runtime_error(made.error().describe());
    return std::move(*made);
  }
  const fakes::TemporaryFolder folder_;
  const std::unique_ptr<FileSystem> files_ = make_linux_file_system();
  const std::unique_ptr<EventSource> events_;
  std::map<std::string, UniqueFd> writers_;
};

using Worlds = testing::Types<FakeWorld, LinuxWorld>;
struct WorldNames {
  template <typename World>
  static std::string GetName(int) {
    return std::is_same_v<World, FakeWorld> ? "Fake" : "Linux";
  }
};

}  // namespace waybill::watcher
