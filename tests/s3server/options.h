#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace waybill::s3server {

// What a server does with a header that not every server knows.
enum class Support {
  Enforced,
  Ignored,   // as if it were not there: the request goes through
  Rejected,  // 501 NotImplemented
};

// Where S3 servers differ from each other. May be changed while the server runs.
struct Behaviour {
  Support put_if_none_match = Support::Enforced;
  Support put_if_match = Support::Enforced;
  Support copy_if_none_match = Support::Enforced;  // AWS, since late 2025; elsewhere hardly
  Support copy_if_match = Support::Enforced;       // of the key that is written to
  Support copy_source_if_match = Support::Enforced;
  bool copy_keeps_etag = false;  // Ceph: also that of a multipart object
  Support complete_if_none_match = Support::Enforced;
  Support complete_if_match = Support::Enforced;
  Support delete_if_match = Support::Enforced;
  bool if_match_needs_bare_etag = false;  // Ceph 16: a quoted ETag never matches
  bool if_match_absent_is_404 = true;     // AWS; false: 412, as Ceph

  Support checksums = Support::Enforced;       // x-amz-checksum-*
  bool checksums_need_algorithm = false;       // Ceph 20: only with x-amz-sdk-checksum-algorithm
  bool complete_needs_part_checksums = false;  // MinIO: those of the upload's algorithm
  bool head_returns_checksums = true;          // with x-amz-checksum-mode: ENABLED
  bool random_etags = false;                   // as under KMS: an ETag that is no MD5
  bool completed_replay_is_200 = true;         // AWS; false: 404 NoSuchUpload
  bool wrong_region_redirects = false;         // 301 with x-amz-bucket-region instead of 400
  bool location_says_default = false;          // Ceph: GetBucketLocation is no signing region
  bool may_list = true;                        // false: an absent key answers 403, listings too
  bool uploads_of_whole_keys = false;          // MinIO: ListMultipartUploads takes prefix for a key
  std::int64_t clock_offset_seconds = 0;       // of the server's clock to the true time
  std::uint64_t smallest_part = 5ULL << 20;    // bytes; EntityTooSmall below it (but for the last)
  int list_parts_page = 1000;                  // parts in one page of ListParts, at most
};

// What Ceph's RADOS gateway 16.2 does, where it differs.
Behaviour ceph_16();

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system chooses one; ask Server::port()
  int loops = 1;           // threads that serve, each with its own epoll

  std::vector<std::string> buckets;  // exist from the start
  std::string access_key = "testkey";
  std::string secret_key = "testsecret";
  std::string session_token;  // when set, requests must carry it
  std::string region = "us-east-1";
  std::string virtual_host_suffix = "localhost";  // bucket.localhost; empty: path style only
  Behaviour behaviour;

  std::string directory;  // objects lie there and survive a restart; empty: in memory

  bool tls = false;
  std::string certificate_pem;  // chain and key of the server; both empty: made at start, for
  std::string private_key_pem;  // 127.0.0.1, ::1, localhost and bucket.localhost of `buckets`
  std::string tls_directory;    // when set, ca.pem, server.pem and server.key are written there

  // Costs next to nothing: no signature is checked and no body kept (a GET of an object is 501).
  // The ETag is the Content-MD5 header in hex where there is one, else the MD5 of the body.
  bool free = false;
  bool free_keeps_heads = true;  // size, ETag and metadata, so that a HEAD works; else it is 404

  bool control = false;  // serve /_control/… (README.md)
  bool keep_log = true;  // of requests and of the history of each key; never kept in free mode
};

}  // namespace waybill::s3server
