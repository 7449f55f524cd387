#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace waybill::s3server {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// One request as the server saw it.
struct RequestRecord {
  std::uint64_t number = 0;  // from 1, in the order in which heads were read
  std::string method;
  std::string operation;  // S3's name; empty: none that we know
  std::string bucket;
  std::string key;                               // decoded
  std::string query;                             // as sent
  HeaderList headers;                            // names in lower case, order kept
  std::uint64_t body_bytes = 0;                  // that arrived
  int status = 0;                                // 0: no reply (yet)
  std::string code;                              // of an S3 error
  bool effect = false;                           // it changed what the server holds
  bool late = false;                             // … after its connection was gone (a zombie)
  bool faulted = false;                          // a fault befell it
  std::uint64_t connection = 0;                  // the same number: the same connection
  std::chrono::microseconds begun{0}, ended{0};  // since the server started; ended 0: not yet

  // The value of the header (lower case), or empty.
  std::string header(const std::string& name) const;
};

// Something that happened to a key, for an oracle that keeps its own book.
struct Write {
  enum class Kind { Put, Complete, Copy, Delete };
  Kind kind = Kind::Put;
  std::uint64_t request = 0;  // RequestRecord::number; 0: by the test itself
  std::uint64_t size = 0;
  std::string sha256;   // hex of the whole object, computed by the server; empty for Delete
  std::string etag;     // without quotes
  std::string version;  // empty: the bucket is not versioned
  std::map<std::string, std::string> metadata;  // without x-amz-meta-
};

}  // namespace waybill::s3server
