#pragma once

#include "catalog/catalog.h"
#include "uploader/object_store.h"
#include "uploader/proof.h"

// What the store says of an object, in the catalog's words.
namespace waybill::agent {

catalog::ProofLevel row_proof(uploader::ProofLevel proof);

// What a HEAD found, which has these bytes as far as `proof` goes.
catalog::StoredObject found_object(const uploader::HeadReply& head, const Sha256& sha256,
                                   const uploader::Proof& proof);

}  // namespace waybill::agent
