#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "base/digest.h"
#include "base/fingerprint.h"
#include "base/result.h"
#include "watcher/file_system.h"

// Reading a file so that the bytes belong to one fingerprint (P2, WATCHING.md 2.5). Any thread, one
// at a time for each reader.
namespace waybill::watcher {

// What is to be known of a file beside its bytes.
struct AboutFile {
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  // Its error is the file's only where somebody wants them.
  Result<ExtendedAttributes> attributes;
};
// Names of extended attributes that people give to be sent along.
inline constexpr std::string_view attribute_prefix = "user.waybill.";
// More than S3 takes of metadata: it is told apart from what merely has to be shortened.
inline constexpr std::size_t most_attribute_bytes = 16'384;

struct Content {
  SharedBytes bytes;
  Sha256 sha256{};
  Md5 md5{};
  std::optional<Crc> crc;  // where one was asked for
  Fingerprint fingerprint;
  bool leased = false;  // a lease excluded writers for the whole read
  AboutFile about;      // as it was under this fingerprint
};

enum class LeaseMode : std::uint8_t { Auto, Require, Off };

struct ProbeResult {
  Fingerprint fingerprint;
  OpenFile::Writers writers{};
};
// Opens it and asks whether anybody has it open for writing; the lease is given back at once.
Result<ProbeResult> probe_writers(FileSystem& files, const Root& root, const std::string& path);

// The whole of a small file in one pass. SourceChanged: it is not `expected` (before or after);
// SourceGone, SourceBusy (a writer), NeedsPerson (unreadable, no regular file).
Result<Content> read_small(FileSystem& files, const Root& root, const std::string& path,
                           const Fingerprint& expected, LeaseMode lease,
                           std::optional<CrcKind> crc = std::nullopt);

// A large file, part by part, in ascending order for the running SHA-256; a part may be read again.
// A lease is held only while read() runs: a writer is never kept waiting for the network, and what
// it does between two parts shows in the fingerprint.
class PartReader {
 public:
  // Opens and checks the fingerprint; errors as read_small.
  static Result<std::unique_ptr<PartReader>> open(FileSystem& files, const Root& root,
                                                  const std::string& path,
                                                  const Fingerprint& expected, LeaseMode lease,
                                                  BufferPool buffers = {});
  struct PartContent {
    SharedBytes bytes;
    Sha256 sha256{};  // of this part
    std::optional<Md5> md5;
    std::optional<Crc> crc;
  };
  // What is computed of a part beside its share of the whole file's SHA-256.
  struct Digests {
    bool sha256 = true;
    bool md5 = true;
    std::optional<CrcKind> crc = std::nullopt;
  };
  // SourceChanged also when a writer broke the lease or the fingerprint moved. BadInput: a gap, or
  // bytes beyond the end.
  Result<PartContent> read(std::uint64_t offset, std::uint64_t length, const Digests& digests);
  Result<PartContent> read(std::uint64_t offset, std::uint64_t length) {
    return read(offset, length, Digests{});
  }
  // Of all bytes, once every byte was read in order and the fingerprint still holds.
  Result<Sha256> finish();
  // Every byte read so far was read under a lease.
  [[nodiscard]] bool leased() const { return leased_; }
  // As it was under the fingerprint, when it was opened.
  [[nodiscard]] const AboutFile& about() const { return about_; }

 private:
  PartReader(std::unique_ptr<OpenFile> file, const Fingerprint& expected, LeaseMode lease,
             BufferPool buffers, AboutFile about);
  Result<PartContent> read_part(std::uint64_t offset, std::uint64_t length, const Digests& digests);
  std::unique_ptr<OpenFile> file_;
  Fingerprint expected_;
  LeaseMode lease_;
  BufferPool buffers_;
  AboutFile about_;
  bool leased_ = true;
  bool spoiled_ = false;      // a writer came while a part was read: no later read may succeed
  std::uint64_t hashed_ = 0;  // bytes below this offset are in stream_
  Sha256Stream stream_;
};

}  // namespace waybill::watcher
