#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "uploader/object_store.h"
#include "uploader/proof.h"
#include "uploader/upload.h"

// Whose object is it that a HEAD found at our key (PROTOCOL.md rule 3)? Pure.
namespace waybill::uploader {

enum class Verdict : std::uint8_t {
  Mine,          // this attempt's: it has landed
  Damaged,       // carries this attempt's id, but not its bytes
  Base,          // the object that this attempt replaces is still there: it has not landed
  Prior,         // an earlier attempt's of this file: the new base
  Recovered,     // our agent's, by an attempt the catalog does not know: adopted as base
  EqualForeign,  // not ours, the same bytes
  Foreign,
};

// `md5_etag` and `crc` as in Expected. Recovered asks for the same path and no later epoch: an
// object of another file, or of the agent that a clone of us became (rule 7), is not ours to
// replace.
Verdict judge(const HeadReply& object, const Attempt& attempt,
              const std::optional<std::string>& md5_etag = std::nullopt,
              const std::optional<Crc>& crc = std::nullopt);

// What `object` proves about the bytes of `attempt`, whoever put it there; nullopt: it has others.
// Level None: it says nothing about them.
std::optional<Proof> prove_content(const HeadReply& object, const Attempt& attempt,
                                   const std::optional<std::string>& md5_etag = std::nullopt,
                                   const std::optional<Crc>& crc = std::nullopt);

// An object as it was recorded when it was stored.
struct Recorded {
  std::string attempt;  // empty: somebody else's
  std::string etag;
  std::uint64_t size = 0;
  Sha256 sha256{};
};
// What a later HEAD of its key proves of it; nullopt: the key has something else, or what may be
// something else. Level None: it is that very object, so what was proven of it still holds.
std::optional<Proof> prove_again(const HeadReply& object, const Recorded& recorded);

}  // namespace waybill::uploader
