#include <algorithm>
#include <utility>

#include "agent/transfers.h"
#include "base/test_points.h"
#include "uploader/key.h"

// The first part of Transfers: from a ready file to content that belongs to one fingerprint.
namespace waybill::agent {
namespace {

// Two ticks of the slowest kernel clock (100 Hz): within them a second write may leave the same
// times (PROTOCOL.md rule 9, WATCHING.md 1).
constexpr Nanoseconds racy_window = std::chrono::milliseconds(20);
constexpr Nanoseconds read_retry = std::chrono::seconds(2);
constexpr std::uint64_t check_piece = 8ULL << 20U;

bool is_racy(const Fingerprint& fingerprint, WallTime now) {
  if (WAYBILL_PLANTED(FutureTimesTrusted)) return false;
  return Nanoseconds(fingerprint.ctime) > now.time_since_epoch() - racy_window;
}

// Whether the sign of completeness that the folder asks for is there, by a look at the disk
// (WATCHING.md 2.4). PreconditionFailed: it is not. `marker` empty: none is asked for.
Result<void> pass_gate(watcher::FileSystem& files, const watcher::Root& root,
                       const std::string& marker) {
  if (marker.empty()) return {};
  const Result<bool> there = watcher::marker_is_there(files, root, marker);
  if (!there) return fail(there.error());
  if (!*there) return fail(ErrorCode::PreconditionFailed, "its marker is not there");
  return {};
}

// What lies beside a file that is read; `sidecar` empty: nobody asks.
BesideFile look_beside_it(watcher::FileSystem& files, const watcher::Root& root,
                          const std::string& sidecar, watcher::LeaseMode lease) {
  BesideFile beside{.path = sidecar};
  if (!sidecar.empty()) beside.sidecar = watcher::read_sidecar(files, root, sidecar, lease);
  return beside;
}

Result<std::shared_ptr<watcher::PartReader>> open_reader(watcher::FileSystem& files,
                                                         const watcher::Root& root,
                                                         const ReadyFile& file,
                                                         watcher::LeaseMode lease,
                                                         const BufferPool& buffers = {}) {
  auto opened = watcher::PartReader::open(files, root, file.path, file.fingerprint, lease, buffers);
  if (!opened) return fail(opened.error());
  return std::shared_ptr<watcher::PartReader>(std::move(*opened));
}

// nullopt: there is more of it.
Result<std::optional<Sha256>> hash_piece(watcher::PartReader& reader, std::uint64_t size,
                                         std::uint64_t& at) {
  if (at < size) {
    const std::uint64_t length = std::min(check_piece, size - at);
    const auto piece = reader.read(at, length, {.sha256 = false, .md5 = false});
    if (!piece) return fail(piece.error());
    at += length;
  }
  if (at < size) return std::optional<Sha256>();
  auto whole = reader.finish();
  if (!whole) return fail(whole.error());
  return std::optional(*whole);
}

}  // namespace

watcher::LeaseMode Transfers::lease_mode(FolderId folder) const {
  switch (session_.folders.at(folder).config.lease) {
    case LeaseUse::Auto:
      return watcher::LeaseMode::Auto;
    case LeaseUse::Require:
      return watcher::LeaseMode::Require;
    case LeaseUse::Off:
      return watcher::LeaseMode::Off;
  }
  return watcher::LeaseMode::Auto;
}

std::optional<CrcKind> Transfers::crc_with_put(FolderId folder) const {
  return uploader::crc_with_put(session_.folders.at(folder).config.s3.checksum);
}

void Transfers::start(ReadyFile file) {
  if (intake_.waits_for_former_holder({file.folder, file.path})) return intake_.hold_back(file);
  if (looks_for_former_name(file)) return;
  if (intake_.sidecar_settles({file.folder, file.path})) return intake_.wait_for_sidecar(file);
  if (uploader::part_size_for(file.fingerprint.size) == 0) {
    read_small(file);
  } else {
    open_large(file);
  }
}

void Transfers::begin_reading(const ReadyFile& file, std::uint64_t charge) {
  reading_[{file.folder, file.path}] = {file.fingerprint, queue_of(file), charge, file.since,
                                        file.recorded};
}

void Transfers::no_longer_reading(const FilePath& file) {
  if (busy(file)) return;
  intake_.ended(file);
  if (compared_.contains(file)) compare(file);
}

void Transfers::read_small(const ReadyFile& file) {
  begin_reading(file, file.fingerprint.size);
  session_.world.read([this, file, root = session_.folders.at(file.folder).root(),
                       marker = intake_.marker_of({file.folder, file.path}),
                       sidecar = intake_.sidecar_of({file.folder, file.path}),
                       lease = lease_mode(file.folder), crc = crc_with_put(file.folder),
                       &files = session_.world.files, post = session_.poster()] {
    const auto passed = pass_gate(files, root, marker);
    auto content = passed
                       ? watcher::read_small(files, root, file.path, file.fingerprint, lease, crc)
                       : Result<watcher::Content>(fail(passed.error()));
    auto beside = look_beside_it(files, root, sidecar, lease);
    post([this, file, content = std::move(content), beside = std::move(beside)] {
      reading_.erase({file.folder, file.path});
      on_small(file, content, beside);
      no_longer_reading({file.folder, file.path});
    });
  });
}

void Transfers::on_small(const ReadyFile& file, const Result<watcher::Content>& content,
                         const BesideFile& beside) {
  if (!content) return read_failed(file, content.error());
  if (!may_take(file, content->leased)) return;
  auto metadata = said_of({file.folder, file.path}, content->about, beside);
  if (!metadata) return nothing_to_send_with(file, metadata.error());
  record(file, content->sha256,
         {.content = std::make_shared<const watcher::Content>(*content),
          .metadata = std::move(*metadata)});
}

Result<std::string> Transfers::said_of(const FilePath& file, const watcher::AboutFile& about,
                                       const BesideFile& beside) {
  if (!intake_.may_use_sidecar(file, beside.sidecar)) {
    return fail(ErrorCode::RetryLater, "its sidecar is not still yet");
  }
  return metadata_of(session_.folders.at(file.first).config, about, beside);
}

void Transfers::nothing_to_send_with(const ReadyFile& file, const Error& error) {
  if (error.code == ErrorCode::RetryLater) return intake_.wait_for_sidecar(file);
  record_blocked(file, error.describe());
}

// Its key needs the hash before anything can be sent; or it may well be what is stored already
// (written again, touched, or renamed), which a reading tells for less than sending it would cost.
bool Transfers::must_hash_first(const ReadyFile& file) {
  if (uploader::is_named_by_content(session_.folders.at(file.folder).config.key)) return true;
  if (file.elsewhere && former_name_is_gone(file)) return true;
  auto row = session_.expect(session_.catalog->find_live(file.folder, file.path));
  if (!row || !*row) return false;
  // Read to its end before, and here again: the disk may not bear that out any more (a power loss
  // under the same fingerprint), and parts held against it would be sent for nothing, for ever.
  const bool read_before = (*row)->sha256 && (*row)->fingerprint == file.fingerprint;
  if (read_before && (*row)->state == catalog::FileState::Queued) return true;
  if (!(*row)->object) return false;
  auto object = session_.expect(session_.catalog->object(*(*row)->object));
  return object && *object && (*object)->live && (*object)->size == file.fingerprint.size;
}

// What is said of it is looked at before as well: nothing is hashed that could not be sent then.
void Transfers::look_and_hash(const ReadyFile& file, HashDone done) {
  session_.world.read(
      [this, file, done = std::move(done), root = session_.folders.at(file.folder).root(),
       sidecar = intake_.sidecar_of({file.folder, file.path}), lease = lease_mode(file.folder),
       &files = session_.world.files, post = session_.poster()]() mutable {
        auto reader = open_reader(files, root, file, lease);
        auto beside = look_beside_it(files, root, sidecar, lease);
        post([this, file, done = std::move(done), reader = std::move(reader),
              beside = std::move(beside)]() mutable {
          if (!reader) return done(fail(reader.error()));
          auto metadata = said_of({file.folder, file.path}, (*reader)->about(), beside);
          if (!metadata) return done(Hashed{std::nullopt, std::move(metadata)});
          hash(file, {.reader = std::move(*reader)}, std::move(done));
        });
      });
}

// A piece a task: a file of any size leaves the others their turn (DESIGN.md 4.3).
void Transfers::hash(const ReadyFile& file, Hashing so_far, HashDone done) {
  session_.world.read([this, file, so_far = std::move(so_far), done = std::move(done),
                       root = session_.folders.at(file.folder).root(),
                       sidecar = intake_.sidecar_of({file.folder, file.path}),
                       lease = lease_mode(file.folder), &files = session_.world.files,
                       post = session_.poster()]() mutable {
    auto sha256 = hash_piece(*so_far.reader, file.fingerprint.size, so_far.at);
    const bool whole = sha256 && *sha256;
    auto beside = whole ? look_beside_it(files, root, sidecar, lease) : BesideFile();
    post([this, file, so_far = std::move(so_far), done = std::move(done),
          sha256 = std::move(sha256), beside = std::move(beside)]() mutable {
      if (sha256 && !*sha256) return hash(file, std::move(so_far), std::move(done));
      if (!sha256) return done(fail(sha256.error()));
      done(Hashed{*sha256, said_of({file.folder, file.path}, so_far.reader->about(), beside)});
    });
  });
}

// Hashed first, it is read twice; the second reading is held against the first (Upload).
void Transfers::open_large(const ReadyFile& file) {
  begin_reading(file, 0);
  if (!must_hash_first(file)) return open_parts(file, std::nullopt);
  look_and_hash(file, [this, file](const Result<Hashed>& hashed) {
    if (hashed && hashed->metadata) return open_parts(file, hashed->sha256);
    reading_.erase({file.folder, file.path});
    if (hashed) {
      nothing_to_send_with(file, hashed->metadata.error());
    } else {
      read_failed(file, hashed.error());
    }
    no_longer_reading({file.folder, file.path});
  });
}

void Transfers::open_parts(const ReadyFile& file, const std::optional<Sha256>& sha256) {
  session_.world.read([this, file, sha256, root = session_.folders.at(file.folder).root(),
                       marker = intake_.marker_of({file.folder, file.path}),
                       sidecar = intake_.sidecar_of({file.folder, file.path}),
                       lease = lease_mode(file.folder), &files = session_.world.files,
                       buffers = part_buffers_, post = session_.poster()] {
    const auto passed = pass_gate(files, root, marker);
    auto parts = passed ? open_reader(files, root, file, lease, buffers)
                        : Result<std::shared_ptr<watcher::PartReader>>(fail(passed.error()));
    auto beside = look_beside_it(files, root, sidecar, lease);
    post([this, file, sha256, parts = std::move(parts), beside = std::move(beside)] {
      reading_.erase({file.folder, file.path});
      on_large(file, parts, sha256, beside);
      no_longer_reading({file.folder, file.path});
    });
  });
}

void Transfers::on_large(const ReadyFile& file,
                         const Result<std::shared_ptr<watcher::PartReader>>& parts,
                         const std::optional<Sha256>& sha256, const BesideFile& beside) {
  if (!parts) return read_failed(file, parts.error());
  if (!may_take(file, (*parts)->leased())) return;
  auto metadata = said_of({file.folder, file.path}, (*parts)->about(), beside);
  if (!metadata) return nothing_to_send_with(file, metadata.error());
  record(file, sha256, {.parts = *parts, .metadata = std::move(*metadata)});
}

// Without a lease nobody can tell whether a writer still has it open: then only a longer silence
// counts (WATCHING.md 2.3). Where one is required, what has none was not read.
bool Transfers::may_take(const ReadyFile& file, bool leased) {
  if (leased || lease_mode(file.folder) == watcher::LeaseMode::Off) return true;
  return intake_.no_lease_wait_is_over(file);
}

void Transfers::read_failed(const ReadyFile& file, const Error& error) {
  const FilePath path(file.folder, file.path);
  switch (error.code) {
    case ErrorCode::SourceBusy:
      intake_.writer_found(file);
      return;
    case ErrorCode::PreconditionFailed:
      intake_.not_marked(file);
      return;
    case ErrorCode::SourceChanged:
    case ErrorCode::SourceGone:
    case ErrorCode::RetryLater: {
      auto row = session_.expect(session_.catalog->find_live(file.folder, file.path));
      if (!row) return;
      // Until the look has been answered the row still has the old fingerprint: do not try it
      // again.
      if (*row) intake_.postpone((*row)->id, session_.now() + read_retry);
      const bool later = error.code == ErrorCode::RetryLater;
      intake_.look_again(path, session_.now() + (later ? read_retry : Nanoseconds::zero()),
                         file.since);
      return;
    }
    default:
      record_blocked(file, error.describe());
  }
}

void Transfers::check_again(const ReadyFile& file) {
  if (WAYBILL_PLANTED(NoSecondLook)) return;
  read_again_in(file, 2 * racy_window);
}

void Transfers::read_again_in(const ReadyFile& file, Nanoseconds wait) {
  if (!doubted_.insert({file.folder, file.path}).second) return;
  session_.timers.at(session_.now() + wait, [this, file] { read_again(file); });
}

void Transfers::read_again(const ReadyFile& file) {
  const FilePath path(file.folder, file.path);
  doubted_.erase(path);
  if (busy(path)) return check_again(file);
  if (intake_.waiting(path)) {
    // If it has changed it is read anyway; what waits under the same fingerprint may be dropped
    // unread, as known.
    auto row = session_.expect(session_.catalog->find_live(file.folder, file.path));
    if (!row || !*row || !(*row)->racy || !((*row)->fingerprint == file.fingerprint)) return;
    return read_again_in(file, read_retry);
  }
  if (intake_.sidecar_settles(path)) return read_again_in(file, read_retry);
  ReadyFile counted = file;
  counted.recorded = true;  // as stored
  begin_reading(counted, 0);
  look_and_hash(file, [this, file, path](const Result<Hashed>& hashed) {
    reading_.erase(path);
    on_read_again(file, hashed);
    no_longer_reading(path);
  });
}

void Transfers::on_read_again(const ReadyFile& file, const Result<Hashed>& hashed) {
  const FilePath path(file.folder, file.path);
  if (!hashed) return read_failed(file, hashed.error());
  auto row = session_.expect(session_.catalog->find_live(file.folder, file.path));
  if (!row || !*row || !((*row)->fingerprint == file.fingerprint)) return left_(path);
  const auto& metadata = hashed->metadata;
  if (!metadata && metadata.error().code == ErrorCode::RetryLater) {
    return read_again_in(file, read_retry);
  }
  // An attempt that waits for its store has metadata as well as an object.
  const bool has_metadata =
      (*row)->state == catalog::FileState::Stored || (*row)->state == catalog::FileState::Uploading;
  if (!hashed->sha256 && !has_metadata) return left_(path);  // it is read before it is sent
  if (hashed->sha256 && (*row)->sha256 == hashed->sha256 && !has_metadata) {
    session_.expect(session_.catalog->refresh_fingerprint((*row)->id, file.fingerprint, false));
  } else {
    told_again({.folder = file.folder,
                .path = file.path,
                .fingerprint = file.fingerprint,
                .racy = !hashed->sha256,
                .sha256 = hashed->sha256 ? hashed->sha256 : (*row)->sha256},
               metadata);
  }
  session_.changed();
  left_(path);
}

// The same fingerprint may stand for other bytes, or for other metadata.
void Transfers::told_again(catalog::CompleteFile seen, const Result<std::string>& metadata) {
  constexpr const char* none_that_was_sent = "?";
  seen.metadata = metadata ? *metadata : none_that_was_sent;
  auto row = session_.expect(session_.catalog->complete(seen));
  if (!row) return;
  if (!metadata) return block(*row, metadata.error().describe());
  intake_.look_at_queue();
}

void Transfers::record(const ReadyFile& file, std::optional<Sha256> sha256, Source source) {
  const bool racy = is_racy(file.fingerprint, session_.world.clock.wall());
  const catalog::CompleteFile seen{.folder = file.folder,
                                   .path = file.path,
                                   .fingerprint = file.fingerprint,
                                   .racy = racy,
                                   .sha256 = sha256,
                                   .metadata = source.metadata};
  auto row = file.elsewhere ? renamed(seen) : std::nullopt;
  if (session_.failure()) return;
  if (!row) row = session_.expect(session_.catalog->complete(seen));
  if (!row) return;
  intake_.taken({file.folder, file.path});
  session_.changed();
  if (racy) check_again(file);
  if (row->state == catalog::FileState::Uploading) {
    // The row's attempt is no longer run by anybody (its source was lost, then the same content
    // settled again): it starts over from the queue.
    row = session_.expect(session_.catalog->apply(row->id, catalog::FileEvent::Transient,
                                                  "its attempt was interrupted"));
    if (!row) return;
  }
  // Where its store has closed meanwhile, the queue is looked at when it opens.
  const bool open = stores_.open(session_.folders.at(file.folder).store);
  if (row->state == catalog::FileState::Queued && open) {
    claim(*row, std::move(source));
  } else {
    left_({file.folder, file.path});
  }
}

void Transfers::record_blocked(const ReadyFile& file, const std::string& reason) {
  auto row = session_.expect(session_.catalog->complete(
      {.folder = file.folder, .path = file.path, .fingerprint = file.fingerprint}));
  intake_.taken({file.folder, file.path});
  if (row) block(*row, reason);
}

void Transfers::block(const catalog::FileRow& row, const std::string& reason) {
  if (row.state == catalog::FileState::Queued || row.state == catalog::FileState::Uploading) {
    auto blocked =
        session_.expect(session_.catalog->apply(row.id, catalog::FileEvent::NeedsPerson, reason));
    if (!blocked) return;
  }
  let_go_on(row.id);
  wait_for_cause(row.id, {row.folder, row.path}, reason);
  session_.changed();
  left_({row.folder, row.path});
}

}  // namespace waybill::agent
