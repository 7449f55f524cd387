#include "watcher/stable_reader.h"

#include <algorithm>
#include <utility>

namespace waybill::watcher {

namespace {

// A writer that breaks a lease waits for no more than one of these to be read.
constexpr std::size_t piece_size = std::size_t{1} << 20;

Error changed() {
  return {.code = ErrorCode::SourceChanged, .message = "the file changed while it was read"};
}

// A lease where one is wanted and to be had. False: reading goes on without one.
Result<bool> lease_for_reading(OpenFile& file, LeaseMode mode) {
  if (mode == LeaseMode::Off) return false;
  const Result<OpenFile::Writers> writers = file.take_lease();
  if (!writers) return fail(writers.error());
  switch (*writers) {
    case OpenFile::Writers::None:
      return true;
    case OpenFile::Writers::Some:
      return fail(ErrorCode::SourceBusy, "somebody has the file open for writing");
    case OpenFile::Writers::Unknown:
      break;
  }
  if (mode == LeaseMode::Require) {
    return fail(
        ErrorCode::NeedsPerson,
        "lease = \"require\", but no lease can be taken on this file: waybilld needs to own "
        "it or to have CAP_LEASE, and the file system must support leases");
  }
  return false;
}

class LeaseRelease {
 public:
  explicit LeaseRelease(OpenFile& file) : file_(file) {}
  ~LeaseRelease() { file_.release_lease(); }
  LeaseRelease(const LeaseRelease&) = delete;
  LeaseRelease& operator=(const LeaseRelease&) = delete;

 private:
  OpenFile& file_;
};

Result<void> check(OpenFile& file, const Fingerprint& expected) {
  const Result<FileStatus> status = file.status();
  if (!status) return fail(status.error());
  if (status->fingerprint != expected) return fail(changed());
  return {};
}

// To be called before the fingerprint is held against the disk: whoever changes anything of this
// changes the ctime.
Result<AboutFile> look_at(OpenFile& file) {
  const Result<FileStatus> status = file.status();
  if (!status) return fail(status.error());
  return AboutFile{.mode = status->mode,
                   .uid = status->uid,
                   .gid = status->gid,
                   .attributes = file.extended_attributes(attribute_prefix, most_attribute_bytes)};
}

// Fills `into` from `offset`. SourceChanged when the file ends before.
Result<void> fill(OpenFile& file, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const Result<std::size_t> got =
        file.read_at(offset, into.first(std::min(into.size(), piece_size)));
    if (!got) return fail(got.error());
    if (*got == 0 || file.lease_broken()) return fail(changed());
    offset += *got;
    into = into.subspan(*got);
  }
  return {};
}

// Fills `bytes` with what belongs to `expected`, with a lease around it if one is to be had.
// → whether it was.
Result<bool> read_stably(OpenFile& file, const Fingerprint& expected, LeaseMode mode,
                         std::uint64_t offset, std::span<std::byte> bytes) {
  const LeaseRelease release(file);
  const Result<bool> leased = lease_for_reading(file, mode);
  if (!leased) return fail(leased.error());
  if (const Result<void> before = check(file, expected); !before) return fail(before.error());
  if (const Result<void> filled = fill(file, offset, bytes); !filled) return fail(filled.error());
  if (const Result<void> after = check(file, expected); !after) return fail(after.error());
  // Last, so that the lease is known to have covered the check as well.
  if (file.lease_broken()) return fail(changed());
  return *leased;
}

}  // namespace

Result<ProbeResult> probe_writers(FileSystem& files, const Root& root, const std::string& path) {
  const Result<std::unique_ptr<OpenFile>> file = files.open_file(root, path);
  if (!file) return fail(file.error());
  const LeaseRelease release(**file);
  const Result<OpenFile::Writers> writers = (*file)->take_lease();
  if (!writers) return fail(writers.error());
  // Under the lease: what no writer could change while it was looked at.
  const Result<FileStatus> status = (*file)->status();
  if (!status) return fail(status.error());
  return ProbeResult{.fingerprint = status->fingerprint, .writers = *writers};
}

Result<Content> read_small(FileSystem& files, const Root& root, const std::string& path,
                           const Fingerprint& expected, LeaseMode lease,
                           std::optional<CrcKind> crc) {
  const Result<std::unique_ptr<OpenFile>> file = files.open_file(root, path);
  if (!file) return fail(file.error());
  auto about = look_at(**file);
  if (!about) return fail(about.error());
  Bytes bytes(expected.size);
  const Result<bool> leased = read_stably(**file, expected, lease, 0, bytes);
  if (!leased) return fail(leased.error());
  Content content;
  content.sha256 = sha256(bytes);
  content.md5 = md5(bytes);
  if (crc) content.crc = crc_of(*crc, bytes);
  content.fingerprint = expected;
  content.leased = *leased;
  content.about = std::move(*about);
  content.bytes = std::make_shared<const Bytes>(std::move(bytes));
  return content;
}

PartReader::PartReader(std::unique_ptr<OpenFile> file, const Fingerprint& expected, LeaseMode lease,
                       BufferPool buffers, AboutFile about)
    : file_(std::move(file)),
      expected_(expected),
      lease_(lease),
      buffers_(std::move(buffers)),
      about_(std::move(about)) {}

Result<std::unique_ptr<PartReader>> PartReader::open(FileSystem& files, const Root& root,
                                                     const std::string& path,
                                                     const Fingerprint& expected, LeaseMode lease,
                                                     BufferPool buffers) {
  Result<std::unique_ptr<OpenFile>> file = files.open_file(root, path);
  if (!file) return fail(file.error());
  auto about = look_at(**file);
  if (!about) return fail(about.error());
  // A writer is told now rather than with the first part.
  if (const auto none = read_stably(**file, expected, lease, 0, {}); !none) {
    return fail(none.error());
  }
  return std::unique_ptr<PartReader>(
      new PartReader(std::move(*file), expected, lease, std::move(buffers), std::move(*about)));
}

Result<PartReader::PartContent> PartReader::read(std::uint64_t offset, std::uint64_t length,
                                                 const Digests& digests) {
  if (spoiled_) return fail(changed());
  if (offset > hashed_ || offset > expected_.size || length > expected_.size - offset) {
    return fail(ErrorCode::BadInput, "parts are read in order and end with the file");
  }
  Result<PartContent> part = read_part(offset, length, digests);
  if (!part && part.error().code == ErrorCode::SourceBusy) {
    // Whoever has it open for writing came after open(): what was read so far cannot be trusted to
    // be the same file's.
    part = fail(changed());
  }
  if (!part && part.error().code == ErrorCode::SourceChanged) spoiled_ = true;
  return part;
}

Result<PartReader::PartContent> PartReader::read_part(std::uint64_t offset, std::uint64_t length,
                                                      const Digests& digests) {
  const std::shared_ptr<Bytes> buffer = buffers_.take(length);
  const Result<bool> leased = read_stably(*file_, expected_, lease_, offset, *buffer);
  if (!leased) return fail(leased.error());
  leased_ = leased_ && *leased;
  const std::span<const std::byte> bytes(*buffer);
  if (offset + length > hashed_) {
    stream_.update(bytes.subspan(hashed_ - offset));
    hashed_ = offset + length;
  }
  PartContent part{.bytes = buffer};
  if (digests.sha256) part.sha256 = sha256(bytes);
  if (digests.md5) part.md5 = md5(bytes);
  if (digests.crc) part.crc = crc_of(*digests.crc, bytes);
  return part;
}

Result<Sha256> PartReader::finish() {
  if (spoiled_) return fail(changed());
  if (hashed_ != expected_.size) {
    return fail(ErrorCode::BadInput, "not every part of the file was read");
  }
  if (const Result<void> after = check(*file_, expected_); !after) return fail(after.error());
  return stream_.finish();
}

}  // namespace waybill::watcher
