#include "tests/s3server/blob.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "tests/s3server/encoding.h"
#include "tests/s3server/stream.h"

namespace waybill::s3server {
namespace {

// More is not reserved on a client's word alone.
constexpr std::uint64_t kMostReserved = 64ULL << 20;
// Random, not counted: the journal still speaks of files that are long gone.
constexpr std::size_t kNameBytes = 12;

class MemoryBlob : public Blob {
 public:
  explicit MemoryBlob(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t size) const override {
    if (offset >= bytes_.size()) return 0;
    return bytes_.copy(to, size, static_cast<std::size_t>(offset));
  }
  std::string name() const override { return {}; }

 private:
  const std::string bytes_;
};

class MemoryWriter : public BlobWriter {
 public:
  explicit MemoryWriter(std::uint64_t expected_size) {
    bytes_.reserve(static_cast<std::size_t>(std::min(expected_size, kMostReserved)));
  }
  void append(std::string_view bytes) override { bytes_.append(bytes); }
  BlobPtr finish() override { return std::make_shared<MemoryBlob>(std::move(bytes_)); }

 private:
  std::string bytes_;
};

class FileBlob : public Blob {
 public:
  FileBlob(std::shared_ptr<BlobFolder::State> folder, std::string name, std::uint64_t size)
      : folder_(std::move(folder)), name_(std::move(name)), size_(size) {}
  ~FileBlob() override {
    if (!folder_->closing.load()) ::unlink(path().c_str());
  }
  FileBlob(const FileBlob&) = delete;
  FileBlob& operator=(const FileBlob&) = delete;

  std::uint64_t size() const override { return size_; }
  // Opened anew each time: a hundred thousand objects would not fit into the table of open files.
  std::size_t read(std::uint64_t offset, char* to, std::size_t size) const override {
    const Descriptor fd(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return 0;
    const ssize_t got = ::pread(fd.get(), to, size, static_cast<off_t>(offset));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string name() const override { return name_; }

 private:
  std::string path() const { return folder_->directory + "/" + name_; }

  const std::shared_ptr<BlobFolder::State> folder_;
  const std::string name_;
  const std::uint64_t size_;
};

class FileWriter : public BlobWriter {
 public:
  explicit FileWriter(std::shared_ptr<BlobFolder::State> folder)
      : folder_(std::move(folder)),
        name_(random_id(kNameBytes)),
        fd_(::open((folder_->directory + "/" + name_).c_str(),
                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {}
  ~FileWriter() override {
    if (!finished_) ::unlink((folder_->directory + "/" + name_).c_str());
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void append(std::string_view bytes) override {
    while (!bytes.empty() && fd_.valid()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written <= 0) return fd_.reset();
      size_ += static_cast<std::uint64_t>(written);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  BlobPtr finish() override {
    if (!fd_.valid()) return nullptr;
    finished_ = true;
    return std::make_shared<FileBlob>(folder_, name_, size_);
  }

 private:
  const std::shared_ptr<BlobFolder::State> folder_;
  const std::string name_;
  Descriptor fd_;  // closed at the first failure
  std::uint64_t size_ = 0;
  bool finished_ = false;
};

class BlobSource : public BodySource {
 public:
  BlobSource(Blobs blobs, std::uint64_t offset, std::uint64_t size)
      : blobs_(std::move(blobs)), offset_(offset), left_(size) {
    while (at_ < blobs_.size() && offset_ >= blobs_[at_]->size()) offset_ -= blobs_[at_++]->size();
  }
  std::size_t read(char* to, std::size_t size) override {
    if (at_ >= blobs_.size() || left_ == 0) return 0;
    const std::uint64_t here = blobs_[at_]->size() - offset_;
    const auto wanted = static_cast<std::size_t>(std::min({std::uint64_t{size}, here, left_}));
    const std::size_t got = blobs_[at_]->read(offset_, to, wanted);
    offset_ += got;
    left_ -= got;
    while (at_ < blobs_.size() && offset_ >= blobs_[at_]->size()) {
      offset_ = 0;
      ++at_;
    }
    return got;
  }

 private:
  const Blobs blobs_;
  std::size_t at_ = 0;
  std::uint64_t offset_;  // in blobs_[at_]
  std::uint64_t left_;
};

}  // namespace

BlobFolder::BlobFolder(std::string directory) : state_(std::make_shared<State>()) {
  state_->directory = std::move(directory);
  if (state_->directory.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(state_->directory, error);
  if (error) {
    throw std::runtime_error("cannot make the folder " + state_->directory + ": " +
                             error.message());
  }
}

std::unique_ptr<BlobWriter> BlobFolder::writer(std::uint64_t expected_size) {
  if (state_->directory.empty()) return std::make_unique<MemoryWriter>(expected_size);
  return std::make_unique<FileWriter>(state_);
}

BlobPtr BlobFolder::open(const std::string& name) {
  struct stat facts {};
  if (name.empty() || !from_hex(name) ||
      ::stat((state_->directory + "/" + name).c_str(), &facts) != 0) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const Blob>& known = opened_[name];
  BlobPtr blob = known.lock();
  if (!blob) {
    blob = std::make_shared<FileBlob>(state_, name, static_cast<std::uint64_t>(facts.st_size));
    known = blob;
  }
  return blob;
}

std::string random_id(std::size_t bytes) {
  std::string raw(bytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes));
  return to_hex(raw);
}

std::uint64_t total_size(const Blobs& blobs) {
  std::uint64_t size = 0;
  for (const BlobPtr& blob : blobs) size += blob->size();
  return size;
}

std::string read_all(const Blobs& blobs) {
  const std::uint64_t size = total_size(blobs);
  std::string out(static_cast<std::size_t>(size), '\0');
  const auto source = make_source(blobs, 0, size);
  std::size_t at = 0;
  while (const std::size_t got = source->read(out.data() + at, out.size() - at)) at += got;
  out.resize(at);
  return out;
}

std::unique_ptr<BodySource> make_source(Blobs blobs, std::uint64_t offset, std::uint64_t size) {
  return std::make_unique<BlobSource>(std::move(blobs), offset, size);
}

}  // namespace waybill::s3server
