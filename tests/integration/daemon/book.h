#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/s3server/server.h"

namespace waybill::test {

std::string sha256_hex(std::string_view content);

// The oracle: which contents each file ever had, written down by the test itself, and what the
// server saw, compared with the promises. It knows nothing of the catalog.
class Book {
 public:
  // This path had this content at some time, whole.
  void note(const std::string& path, std::string_view content);
  [[nodiscard]] bool had(const std::string& path, const std::string& sha256) const;

  // What is wrong with the server's history of a bucket below `prefix`; empty: all promises held.
  //   P2  each version of an object is one content that its file had
  //   P4  no body of an attempt was sent after the attempt had been acknowledged
  [[nodiscard]] std::vector<std::string> complaints(const s3server::Server& server,
                                                    const std::string& bucket,
                                                    const std::string& prefix) const;

 private:
  std::map<std::string, std::set<std::string>> contents_;  // path as in the metadata → SHA-256s
};

}  // namespace waybill::test
