#include <algorithm>
#include <utility>

#include "agent/running.h"
#include "base/test_points.h"

// What Transfers does with an attempt's content: reads what is not in memory, as far as there is
// memory, sends it, and gives the memory back.
namespace waybill::agent {

void Transfers::release_content(Running& running) {
  give_back(running, running.charged);
  running.source.content.reset();
  running.put.body.reset();
}

void Transfers::send_put(Running& running) {
  if (running.source.content) return put_content(running);
  // The content was given back while the attempt waited: read it again; other bytes than the
  // attempt's own may not go under its name (P2).
  const std::string id = running.attempt.id;
  const ReadyFile file{running.path.first, running.path.second, running.attempt.fingerprint};
  charge(running, file.fingerprint.size);
  session_.world.read([this, id, file, root = session_.folders.at(file.folder).root(),
                       lease = lease_mode(file.folder), crc = crc_with_put(file.folder),
                       &files = session_.world.files, post = session_.poster()] {
    auto content = watcher::read_small(files, root, file.path, file.fingerprint, lease, crc);
    post([this, id, content = std::move(content)] {
      const auto found = running_.find(id);
      if (found == running_.end()) return;
      Running& now = *found->second;
      if (!content || content->sha256 != now.attempt.sha256) {
        release_content(now);
        intake_.look_again(now.path, session_.now());
        source_lost(now);
        return feed(id, uploader::PutDone{not_sent()});
      }
      now.source.content = std::make_shared<const watcher::Content>(*content);
      put_content(now);
    });
  });
}

void Transfers::put_content(Running& running) {
  const watcher::Content& content = *running.source.content;
  uploader::PutRequest request = running.put;
  request.key = running.attempt.key;
  request.body = content.bytes;
  request.sha256 = content.sha256;
  request.md5 = content.md5;
  request.crc = content.crc;
  request.content_type = running.machine.attempt().content_type;
  sent(running,
       stores_.client(running.attempt.store)
           .put(std::move(request),
                replies_to<uploader::PutReply>(
                    running, [md5 = content.md5, crc = content.crc](auto reply) -> uploader::Input {
                      return uploader::PutDone{std::move(reply), md5, crc};
                    })));
  WAYBILL_REACHED("put-sent");
}

// Of an attempt of several parts, only those are charged.
void Transfers::charge(Running& running, std::uint64_t bytes) {
  running.charged += bytes;
  if (running.attempt.part_size != 0) memory_.take(bytes);
}

void Transfers::give_back(Running& running, std::uint64_t bytes) {
  running.charged -= bytes;
  if (running.attempt.part_size != 0) memory_.give_back(bytes);
  serve_waiting();
}

// One read at a time a file, in ascending order for its SHA-256, as far as the memory goes. The
// files take turns, and nobody passes who came first: else a large part would wait for as long as
// smaller ones come.
void Transfers::read_parts(const Running& running) {
  const std::string& id = running.attempt.id;
  const auto waiting = std::ranges::find(waiting_for_memory_, id);
  if (waiting == waiting_for_memory_.end()) waiting_for_memory_.push_back(id);
  serve_waiting();
}

void Transfers::serve_waiting() {
  while (!waiting_for_memory_.empty()) {
    const auto found = running_.find(waiting_for_memory_.front());
    const bool wants =
        found != running_.end() && !found->second->reading && !found->second->parts_to_read.empty();
    if (wants &&
        !memory_.fits_part(found->second->parts_to_read.front().length, session_.config.memory)) {
      return;
    }
    waiting_for_memory_.pop_front();
    if (wants) read_next_part(*found->second);
  }
}

// An MD5 costs more than everything else together. It tells what a listed part holds, and what an
// ETag must be: where the store is known to give back the CRC of the whole, that proves more.
watcher::PartReader::Digests Transfers::digests_of(const Running& running,
                                                   const uploader::SendPart& part) const {
  const auto crc = running.machine.attempt().crc;
  const bool proven_by_crc = crc && stores_.returns_crc(running.attempt.store, *crc);
  return {.md5 = part.listed.has_value() || !proven_by_crc, .crc = crc};
}

void Transfers::read_next_part(Running& running) {
  const uploader::SendPart part = running.parts_to_read.front();
  running.parts_to_read.pop_front();
  running.reading = true;
  charge(running, part.length);
  const ReadyFile file{running.path.first, running.path.second, running.attempt.fingerprint};
  session_.world.read([this, id = running.attempt.id, part, file, reader = running.source.parts,
                       root = session_.folders.at(file.folder).root(),
                       lease = lease_mode(file.folder), digests = digests_of(running, part),
                       &files = session_.world.files, buffers = part_buffers_,
                       post = session_.poster()]() mutable {
    Result<watcher::PartReader::PartContent> content = fail(ErrorCode::SourceChanged, "");
    std::optional<Result<Sha256>> whole;
    if (!reader) {
      auto opened =
          watcher::PartReader::open(files, root, file.path, file.fingerprint, lease, buffers);
      if (opened) {
        reader = std::move(*opened);
      } else {
        content = fail(opened.error());
      }
    }
    if (reader) {
      content = reader->read(part.offset, part.length, digests);
      if (content && part.offset + part.length == file.fingerprint.size) whole = reader->finish();
    }
    post([this, id, part, reader = std::move(reader), content = std::move(content),
          whole = std::move(whole)] { on_part(id, part, reader, content, whole); });
  });
}

void Transfers::on_part(const std::string& attempt_id, const uploader::SendPart& part,
                        const std::shared_ptr<watcher::PartReader>& reader,
                        const Result<watcher::PartReader::PartContent>& content,
                        const std::optional<Result<Sha256>>& whole) {
  const auto found = running_.find(attempt_id);
  if (found == running_.end()) return;
  Running& running = *found->second;
  running.reading = false;
  running.source.parts = reader;
  const bool unusable = !content || (whole && !*whole);
  if (unusable) intake_.look_again(running.path, session_.now());
  if (unusable || running.lost) {
    part_answered(running, part.length);
    source_lost(running);
    return feed(attempt_id, uploader::PartDone{part.number, not_sent()});
  }
  const auto whole_read = [this, &attempt_id, &whole] {
    const auto now = running_.find(attempt_id);
    if (now == running_.end() || !whole || now->second->read_whole) return;
    now->second->read_whole = true;
    feed(attempt_id, uploader::ContentRead{**whole});
  };
  if (const auto there = uploader::already_there(part, content->md5)) {
    part_answered(running, part.length);
    feed(attempt_id,
         uploader::PartDone{part.number, *there, content->md5, content->crc, content->sha256});
    return whole_read();
  }
  uploader::PartRequest request{.key = running.attempt.key,
                                .upload_id = running.attempt.upload_id,
                                .number = part.number,
                                .body = content->bytes,
                                .sha256 = content->sha256,
                                .md5 = content->md5,
                                .crc = content->crc};
  sent(running,
       stores_.client(running.attempt.store)
           .put_part(
               std::move(request),
               replies_to<uploader::Part>(
                   running,
                   [this, attempt_id, part, md5 = content->md5, crc = content->crc,
                    sha256 = content->sha256](auto reply) -> uploader::Input {
                     part_answered(*running_.at(attempt_id), part.length);
                     WAYBILL_REACHED("part-answered");
                     return uploader::PartDone{part.number, std::move(reply), md5, crc, sha256};
                   })));
  WAYBILL_REACHED("part-sent");
  whole_read();
  const auto now = running_.find(attempt_id);
  if (now != running_.end()) read_parts(*now->second);
}

void Transfers::part_answered(Running& running, std::uint64_t length) {
  give_back(running, length);
  read_parts(running);
}

}  // namespace waybill::agent
