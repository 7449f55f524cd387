#include <utility>

#include "agent/running.h"
#include "base/test_points.h"

// What Transfers does with a file that was renamed where its folder says on_rename = "copy": the
// object that is held for it is copied inside the store (PROTOCOL.md section 4).
namespace waybill::agent {

using catalog::AttemptKind;
using catalog::AttemptState;
using catalog::FileRow;

std::optional<uploader::CopySource> Transfers::copy_source(const FileRow& row,
                                                           const std::string& key) {
  const Folder& folder = session_.folders.at(row.folder);
  if (folder.config.on_rename != OnRename::Copy || !row.object || !row.sha256) return std::nullopt;
  const bool of_parts = uploader::part_size_for(row.fingerprint.size) != 0;
  if (!stores_.copies(folder.store, of_parts)) return std::nullopt;
  const auto found = session_.expect(session_.catalog->object(*row.object));
  if (!found || !*found) return std::nullopt;
  const catalog::ObjectRow& object = **found;
  const bool held = object.live && object.owned && !object.sole && object.store == folder.store &&
                    object.key != key;
  const bool same = object.sha256 == row.sha256 && object.size == row.fingerprint.size;
  // What is not proven itself proves nothing of its copy.
  const bool proven = object.proof >= catalog::ProofLevel::EtagRecomputed;
  if (!held || !same || !proven || object.size > uploader::largest_copy) return std::nullopt;
  return uploader::CopySource{.key = object.key, .version = object.version, .etag = object.etag};
}

void Transfers::send_copy(Running& running, uploader::SendCopy& copy) {
  uploader::CopyRequest request{.key = running.attempt.key,
                                .source = std::move(copy.source),
                                .condition = std::move(copy.condition),
                                .metadata = std::move(copy.metadata),
                                .content_type = running.machine.attempt().content_type};
  sent(running, stores_.client(running.attempt.store)
                    .copy(std::move(request), replies_to<uploader::PutReply>(
                                                  running, [](auto reply) -> uploader::Input {
                                                    WAYBILL_REACHED("copy-answered");
                                                    return uploader::CopyDone{std::move(reply)};
                                                  })));
  WAYBILL_REACHED("copy-sent");
}

void Transfers::go_on_from_file(Running& running, const uploader::NotCopied& told) {
  const bool of_parts = running.attempt.part_size != 0;
  if (told.by_store) {
    stores_.refuses_copies(running.attempt.store, of_parts, told.cause);
  } else {
    session_.world.log.debug("not copied, but sent", {{"file", running.path.second},
                                                      {"key", running.attempt.key},
                                                      {"cause", told.cause.describe()}});
  }
  // One that may land is known as a copy until that is settled.
  if (told.may_land) return;
  running.attempt.kind = of_parts ? AttemptKind::Multipart : AttemptKind::Single;
  running.attempt.state = of_parts ? AttemptState::Creating : AttemptState::Open;
  session_.expect(session_.catalog->save_attempt(running.attempt));
}

}  // namespace waybill::agent
