#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/s3server/http.h"

// Where the bytes of objects and parts lie: in memory, or one file each in a folder.
namespace waybill::s3server {

// Immutable; any thread.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const = 0;
  virtual std::size_t read(std::uint64_t offset, char* to, std::size_t size) const = 0;
  virtual std::string name() const = 0;  // in its folder; empty: in memory
};
using BlobPtr = std::shared_ptr<const Blob>;
using Blobs = std::vector<BlobPtr>;

class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual void append(std::string_view bytes) = 0;
  virtual BlobPtr finish() = 0;  // null: the bytes could not be written
};

// Any thread.
class BlobFolder {
 public:
  struct State {
    std::string directory;
    std::atomic<bool> closing{false};
  };

  // Empty: in memory. Throws std::runtime_error when the folder cannot be made.
  explicit BlobFolder(std::string directory);
  ~BlobFolder() { keep_files(); }
  BlobFolder(const BlobFolder&) = delete;
  BlobFolder& operator=(const BlobFolder&) = delete;

  std::unique_ptr<BlobWriter> writer(std::uint64_t expected_size);
  // One that an earlier run wrote; null: it is not there.
  BlobPtr open(const std::string& name);

  // From now on the files of dropped blobs stay: for the next run. Until then they are removed.
  void keep_files() { state_->closing = true; }

 private:
  const std::shared_ptr<State> state_;
  std::mutex mutex_;
  // Guarded by mutex_. Two blobs of one file would each remove it under the other.
  std::map<std::string, std::weak_ptr<const Blob>> opened_;
};

std::string random_id(std::size_t bytes);  // hex

std::uint64_t total_size(const Blobs& blobs);
std::string read_all(const Blobs& blobs);
// `offset` and `size` within the whole.
std::unique_ptr<BodySource> make_source(Blobs blobs, std::uint64_t offset, std::uint64_t size);

}  // namespace waybill::s3server
