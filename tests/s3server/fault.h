#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace waybill::s3server {

enum class Cut {
  None,
  BeforeBody,    // when the head was read
  InBody,        // after cut_after_bytes of the body
  BeforeCommit,  // the whole body was read, nothing has changed
  AfterCommit,   // the effect is there, no byte of a reply was sent
  InReply,       // after half of the reply
  AfterReply,    // without having said so: the next request on it finds it dead
};

// One line of the fault script: which requests, and what befalls them. All parts of it apply
// together where that makes sense (a delay and a status, a throttle and a cut).
//
// A request counts for a fault when operation, method, bucket and key fit. Of those that count,
// the fault befalls number `first`, and after it every `every`-th one, `count` times in all. The
// first fault of the list that strikes wins; the others behind it do not count that request.
struct Fault {
  // Which requests. Empty: any. `key` is a glob: * any bytes (slashes too), ? one byte.
  std::string operation;  // S3's name: PutObject, UploadPart, CompleteMultipartUpload, HeadObject …
  std::string method;
  std::string bucket;
  std::string key;
  std::uint64_t first = 1;
  std::uint64_t every = 1;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  unsigned percent = 100;  // of those that `first`, `every` and `count` select; seeded, repeatable

  // A reply of our own. 0: the server's.
  int status = 0;
  std::string code;  // an S3 error code: the body is then its <Error> document, with 200 too
  std::string message;
  std::vector<std::pair<std::string, std::string>> headers;  // added; also to the server's reply
  std::optional<std::string> body;                           // instead of the <Error> document
  bool after_effect = false;  // apply the request first, then give that reply
  bool early = false;         // reply when the head was read, before the body

  // The connection.
  Cut cut = Cut::None;
  std::uint64_t cut_after_bytes = 0;
  bool reset = false;  // cut with RST, not FIN
  // With a cut before the commit: the effect comes all the same, this much later (a zombie). With
  // `late_on_demand` it comes when Server::release_late_effects() is called.
  std::optional<std::chrono::milliseconds> late_effect;
  bool late_on_demand = false;

  // Time.
  std::chrono::milliseconds delay{0};  // between effect and reply
  std::uint64_t read_rate = 0;         // bytes of body a second; 0: as they come
  bool never_answer = false;           // reads everything, changes nothing, says nothing
  bool no_continue = false;            // never send 100 Continue
  bool refuse_expect = false;          // 417 where the request carries Expect
  std::chrono::milliseconds drip{0};   // 200 at once, then white space so long, then the body
  std::int64_t clock_offset_seconds = 0;

  // The content of the server's reply.
  bool wrong_checksum = false;                 // in ETag and x-amz-checksum-*
  std::optional<std::uint64_t> truncate_body;  // keep so many bytes; Content-Length fits them
};

// One fault a line; README.md of this folder has the format. Errors: a sentence with the line's
// number in `error`, and nothing is returned.
std::optional<std::vector<Fault>> parse_faults(const std::string& script, std::string& error);

}  // namespace waybill::s3server
