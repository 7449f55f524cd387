#pragma once

#include <functional>
#include <memory>
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
  std::function<void()> meanwhile = [] {};
  int directories_opened = 0;
  int files_opened = 0;
  int names_looked_at = 0;
  int entries_listed = 0;

  void ask(int& which) {
    ++which;
    meanwhile();
  }
};

class WrappedDirectory final : public OpenDirectory {
 public:
  WrappedDirectory(std::unique_ptr<OpenDirectory> inner, Questions& questions)
      : inner_(std::move(inner)), questions_(questions) {}

  Result<FileStatus> status() override { return inner_->status(); }
  Result<void> list(const std::function<bool(std::string_view name,
                                             const Result<FileStatus>& status)>& visit) override {
    return inner_->list([&](std::string_view name, const Result<FileStatus>& status) {
      questions_.ask(questions_.entries_listed);
      return visit(name, status);
    });
  }
  Result<FileStatus> look(std::string_view name) override {
    questions_.ask(questions_.names_looked_at);
    return inner_->look(name);
  }
  Result<std::unique_ptr<OpenDirectory>> open_child(std::string_view name) override {
    questions_.ask(questions_.directories_opened);
    return wrapped(inner_->open_child(name), questions_);
  }
  Result<void> touch(std::string_view name) override { return inner_->touch(name); }
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

class FileWithoutLease final : public OpenFile {
 public:
  explicit FileWithoutLease(std::unique_ptr<OpenFile> inner) : inner_(std::move(inner)) {}
  Result<FileStatus> status() override { return inner_->status(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return inner_->read_at(offset, into);
  }
  Result<watcher::ExtendedAttributes> extended_attributes(std::string_view prefix,
                                                          std::size_t most) override {
    return inner_->extended_attributes(prefix, most);
  }
  Result<Writers> take_lease() override { return Writers::Unknown; }
  bool lease_broken() override { return false; }
  void release_lease() override {}

 private:
  const std::unique_ptr<OpenFile> inner_;
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
    auto opened = inner_->open_file(root, below);
    if (!opened || questions_.leases) return opened;
    return std::make_unique<FileWithoutLease>(std::move(*opened));
  }
  std::string mounts(const std::string& root) override { return inner_->mounts(root); }

 private:
  const std::unique_ptr<watcher::FileSystem> inner_ = watcher::make_linux_file_system();
  Questions& questions_;
};

}  // namespace waybill::fakes
