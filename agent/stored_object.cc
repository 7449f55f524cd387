#include "agent/stored_object.h"

namespace waybill::agent {

catalog::ProofLevel row_proof(uploader::ProofLevel proof) {
  switch (proof) {
    case uploader::ProofLevel::None:
      return catalog::ProofLevel::None;
    case uploader::ProofLevel::Acknowledged:
      return catalog::ProofLevel::Acknowledged;
    case uploader::ProofLevel::EtagRecomputed:
      return catalog::ProofLevel::EtagRecomputed;
    case uploader::ProofLevel::StoreChecked:
      return catalog::ProofLevel::StoreChecked;
  }
  return catalog::ProofLevel::None;
}

catalog::StoredObject found_object(const uploader::HeadReply& head, const Sha256& sha256,
                                   const uploader::Proof& proof) {
  return {.version = head.version,
          .etag = head.etag,
          .size = head.size,
          .sha256 = sha256,
          .checksum = head.checksum_sha256.empty() ? "" : "sha256:" + head.checksum_sha256,
          .proof = row_proof(proof.level),
          .proof_detail = proof.detail};
}

}  // namespace waybill::agent
