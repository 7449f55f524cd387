#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "watcher/file_system.h"

namespace waybill::fakes {

using watcher::FileStatus;
using watcher::OpenDirectory;
using watcher::OpenFile;
using watcher::Root;

// What a file system is asked for, counted; and a hook into each question, so that a test can
// change the disk between any two of the watcher's system calls.
struct Questions {
  // False: no file has leases, as on NFS: nobody can tell whether somebody has it open for writing.
  bool leases = true;
  // False: no time of birth is told, as by many network file systems.
  bool births = true;
  // What reading any file's extended attributes fails with, and opening one of these paths.
  std::optional<Error> attributes_fail;
  std::map<std::string, Error, std::less<>> opens_fail;
  std::function<void()> meanwhile = [] {};
  int directories_opened = 0;
  int files_opened = 0;
  int names_looked_at = 0;
  int entries_listed = 0;
  std::uint64_t bytes_read = 0;

  void ask(int& which) {
    ++which;
    meanwhile();
  }
  [[nodiscard]] Result<FileStatus> told(Result<FileStatus> status) const {
    if (status && !births) status->fingerprint.btime = 0;
    return status;
  }
};

class WrappedDirectory final : public OpenDirectory {
 public:
  WrappedDirectory(std::unique_ptr<OpenDirectory> inner, Questions& questions)
      : inner_(std::move(inner)), questions_(questions) {}

  Result<FileStatus> status() override { return questions_.told(inner_->status()); }
  Result<void> list(const std::function<bool(std::string_view name,
                                             const Result<FileStatus>& status)>& visit) override {
    return inner_->list([&](std::string_view name, const Result<FileStatus>& status) {
      questions_.ask(questions_.entries_listed);
      return visit(name, questions_.told(status));
    });
  }
  Result<FileStatus> look(std::string_view name) override {
    questions_.ask(questions_.names_looked_at);
    return questions_.told(inner_->look(name));
  }
  Result<std::unique_ptr<OpenDirectory>> open_child(std::string_view name) override {
    questions_.ask(questions_.directories_opened);
    return wrapped(inner_->open_child(name), questions_);
  }
  Result<void> touch(std::string_view name) override { return inner_->touch(name); }
  Result<std::uint64_t> mark(std::string_view name) override { return inner_->mark(name); }
  Result<std::uint64_t> leave_mark(std::string_view name) override {
    return inner_->leave_mark(name);
  }
  [[nodiscard]] std::string blind_spot() override { return inner_->blind_spot(); }
  [[nodiscard]] std::string watchable_path() const override {
    questions_.meanwhile();
    return inner_->watchable_path();
  }

  static Result<std::unique_ptr<OpenDirectory>> wrapped(
      Result<std::unique_ptr<OpenDirectory>> inner, Questions& questions) {
    if (!inner) return inner;
    return std::make_unique<WrappedDirectory>(std::move(*inner), questions);
  }

 private:
  const std::unique_ptr<OpenDirectory> inner_;
  Questions& questions_;
};

class WrappedFile final : public OpenFile {
 public:
  WrappedFile(std::unique_ptr<OpenFile> inner, Questions& questions)
      : inner_(std::move(inner)), questions_(questions) {}
  Result<FileStatus> status() override { return questions_.told(inner_->status()); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    auto got = inner_->read_at(offset, into);
    if (got) questions_.bytes_read += *got;
    return got;
  }
  Result<watcher::ExtendedAttributes> extended_attributes(std::string_view prefix,
                                                          std::size_t most) override {
    if (questions_.attributes_fail) return fail(*questions_.attributes_fail);
    return inner_->extended_attributes(prefix, most);
  }
  Result<Writers> take_lease() override {
    return questions_.leases ? inner_->take_lease() : Writers::Unknown;
  }
  bool lease_broken() override { return inner_->lease_broken(); }
  void release_lease() override { inner_->release_lease(); }

 private:
  const std::unique_ptr<OpenFile> inner_;
  Questions& questions_;
};

class WrappedFileSystem final : public watcher::FileSystem {
 public:
  explicit WrappedFileSystem(Questions& questions) : questions_(questions) {}

  Result<std::unique_ptr<OpenDirectory>> open_directory(const Root& root,
                                                        std::string_view below) override {
    questions_.ask(questions_.directories_opened);
    return WrappedDirectory::wrapped(inner_->open_directory(root, below), questions_);
  }
  Result<std::unique_ptr<OpenFile>> open_file(const Root& root, std::string_view below) override {
    questions_.ask(questions_.files_opened);
    if (const auto failing = questions_.opens_fail.find(below);
        failing != questions_.opens_fail.end()) {
      return fail(failing->second);
    }
    auto opened = inner_->open_file(root, below);
    if (!opened) return opened;
    return std::make_unique<WrappedFile>(std::move(*opened), questions_);
  }
  std::string mounts(const std::string& root) override { return inner_->mounts(root); }

 private:
  const std::unique_ptr<watcher::FileSystem> inner_ = watcher::make_linux_file_system();
  Questions& questions_;
};

}  // namespace waybill::fakes
