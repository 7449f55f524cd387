#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "watcher/file_system.h"

namespace waybill::fakes {

// The real file system, whose leases a test can take away: as on NFS, or where the file is not
// ours.
class DiskWithLeases final : public watcher::FileSystem {
 public:
  explicit DiskWithLeases(const bool& leases) : leases_(leases) {}

  Result<std::unique_ptr<watcher::OpenDirectory>> open_directory(const watcher::Root& root,
                                                                 std::string_view below) override {
    return inner_->open_directory(root, below);
  }
  Result<std::unique_ptr<watcher::OpenFile>> open_file(const watcher::Root& root,
                                                       std::string_view below) override {
    auto opened = inner_->open_file(root, below);
    if (!opened || leases_) return opened;
    return std::make_unique<FileWithoutLease>(std::move(*opened));
  }
  std::string mounts(const std::string& root) override { return inner_->mounts(root); }

 private:
  class FileWithoutLease final : public watcher::OpenFile {
   public:
    explicit FileWithoutLease(std::unique_ptr<watcher::OpenFile> inner)
        : inner_(std::move(inner)) {}
    Result<watcher::FileStatus> status() override { return inner_->status(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
      return inner_->read_at(offset, into);
    }
    Result<Writers> take_lease() override { return Writers::Unknown; }
    bool lease_broken() override { return false; }
    void release_lease() override {}

   private:
    const std::unique_ptr<watcher::OpenFile> inner_;
  };

  const bool& leases_;
  const std::unique_ptr<watcher::FileSystem> inner_ = watcher::make_linux_file_system();
};

}  // namespace waybill::fakes
