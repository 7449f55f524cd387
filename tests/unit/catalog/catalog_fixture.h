#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "catalog/catalog.h"
#include "catalog/reader.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_folder.h"

namespace waybill::catalog {

using fakes::TemporaryFolder;

// The value, or a failed test with the reason.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().describe());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <typename T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value()) << "expected an error";
  return result ? ErrorCode::Internal : result.error().code;
}

inline Sha256 content(std::string_view text) {
  return sha256(as_bytes(text));
}

// A fresh catalog with one store and one folder.
class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    reopen();
    store_ = must(catalog_->ensure_store("https://s3.test", "bucket", "p/")).id;
    folder_ = must(catalog_->ensure_folder("inbox", "/srv/inbox", store_)).id;
    must(catalog_->commit());
  }
  void reopen() {
    catalog_.reset();
    catalog_ = must(Catalog::open(state_dir(), clock_));
  }
  [[nodiscard]] std::string state_dir() const { return directory_.path() + "/state"; }
  [[nodiscard]] std::string database() const { return state_dir() + "/catalog.db"; }

  static std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  // In a process that ends without any of its destructors.
  static void in_a_crash(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        work();
        ::_exit(0);
      } catch (...) {
        ::_exit(1);
      }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  // Every fingerprint is another one, as on a disk.
  Fingerprint print(std::uint64_t size = 3) {
    ++ticks_;
    return {.dev = 1,
            .ino = 100 + static_cast<std::uint64_t>(ticks_),
            .btime = ticks_,
            .size = size,
            .mtime = ticks_,
            .ctime = ticks_};
  }
  CompleteFile seen(std::string path, std::string_view bytes) {
    return {.folder = folder_,
            .path = std::move(path),
            .fingerprint = print(),
            .racy = false,
            .sha256 = content(bytes)};
  }
  NewAttempt attempt_for(const FileRow& row, std::string key = "") {
    return {.id = random_.id128(),
            .file = row.id,
            .store = store_,
            .key = key.empty() ? "p/" + row.path : std::move(key),
            .condition = "absent",
            .fingerprint = row.fingerprint,
            .sha256 = row.sha256};
  }
  static StoredObject stored(std::string_view bytes, std::string version = "") {
    return {.version = std::move(version),
            .etag = "\"e\"",
            .size = 3,
            .sha256 = content(bytes),
            .checksum = "sha256:" + to_base64(content(bytes)),
            .proof = ProofLevel::StoreChecked,
            .proof_detail = "S3 checked the signed SHA-256"};
  }
  FileRow queue(const std::string& path, std::string_view bytes) {
    return must(catalog_->complete(seen(path, bytes)));
  }
  FileRow upload(const std::string& path, std::string_view bytes) {
    return must(catalog_->claim(last_ = attempt_for(queue(path, bytes))));
  }
  FileRow store(const std::string& path, std::string_view bytes) {
    upload(path, bytes);
    return must(catalog_->acknowledge(last_.id, stored(bytes), true));
  }
  FileRow reread(const FileRow& row) { return must(catalog_->file(row.id)).value(); }

  TemporaryFolder directory_;
  fakes::FakeClock clock_;
  std::unique_ptr<Catalog> catalog_;
  StoreId store_{};
  FolderId folder_{};
  NewAttempt last_;  // what upload() and store() claimed with

 private:
  Random random_{7};
  std::int64_t ticks_ = 0;
};

}  // namespace waybill::catalog
