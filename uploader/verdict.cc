#include "uploader/verdict.h"

#include <algorithm>

#include "uploader/metadata.h"

namespace waybill::uploader {

std::optional<Proof> prove_content(const HeadReply& object, const Attempt& attempt,
                                   const std::optional<std::string>& md5_etag,
                                   const std::optional<Crc>& crc) {
  if (object.size != attempt.size) return std::nullopt;
  auto proof = prove("HEAD", object.etag, object.checksum_sha256,
                     {.sha256 = attempt.sha256, .md5_etag = md5_etag, .crc = crc}, object.crc);
  if (!proof) return std::nullopt;
  const ObjectIdentity identity = parse_metadata(object.metadata);
  const bool named = identity.sha256 && attempt.sha256;
  if (named && *identity.sha256 != *attempt.sha256) return std::nullopt;
  if (proof->level > ProofLevel::Acknowledged) return proof;
  if (named) {
    return Proof{ProofLevel::Acknowledged, "the object's metadata names the same SHA-256"};
  }
  return Proof{};
}

Verdict judge(const HeadReply& object, const Attempt& attempt,
              const std::optional<std::string>& md5_etag, const std::optional<Crc>& crc) {
  const ObjectIdentity identity = parse_metadata(object.metadata);
  const auto content = prove_content(object, attempt, md5_etag, crc);
  // Before Base: equal content has an equal ETag (PROTOCOL.md section 1), and then ours has landed.
  if (!identity.attempt.empty() && identity.attempt == attempt.id) {
    return content ? Verdict::Mine : Verdict::Damaged;
  }
  if (attempt.base_etag && bare_etag(object.etag) == bare_etag(*attempt.base_etag)) {
    return Verdict::Base;
  }
  const auto& prior = attempt.prior_attempts;
  if (std::find(prior.begin(), prior.end(), identity.attempt) != prior.end()) {
    return Verdict::Prior;
  }
  const bool our_agent = !identity.agent.empty() && identity.agent == attempt.agent_id;
  if (our_agent && is_metadata_path(identity.path, attempt.path) &&
      identity.epoch.value_or(0) <= attempt.epoch) {
    return Verdict::Recovered;
  }
  return content && content->level > ProofLevel::None ? Verdict::EqualForeign : Verdict::Foreign;
}

std::optional<Proof> prove_again(const HeadReply& object, const Recorded& recorded) {
  if (object.size != recorded.size) return std::nullopt;
  if (!recorded.attempt.empty() && parse_metadata(object.metadata).attempt != recorded.attempt) {
    return std::nullopt;
  }
  auto proof = prove("HEAD", object.etag, object.checksum_sha256,
                     {.sha256 = recorded.sha256, .md5_etag = {}});
  if (!proof || proof->level >= ProofLevel::EtagRecomputed) return proof;
  // Another send of the same attempt, or a copy: by its id alone nobody knows its bytes.
  if (bare_etag(object.etag) != bare_etag(recorded.etag)) return std::nullopt;
  return Proof{};
}

}  // namespace waybill::uploader
