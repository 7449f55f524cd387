#include "tests/integration/daemon/book.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/digest.h"
#include "uploader/metadata.h"

namespace waybill::test {
namespace {

using s3server::RequestRecord;
using s3server::Server;
using s3server::Write;

std::string meta(const std::map<std::string, std::string>& metadata, std::string_view name) {
  const auto found = metadata.find(std::string(name));
  return found == metadata.end() ? "" : found->second;
}

std::string attempt_of(const RequestRecord& request) {
  return request.header("x-amz-meta-" + std::string(uploader::metadata_name::attempt));
}

std::string upload_id_of(const RequestRecord& request) {
  constexpr std::string_view name = "uploadId=";
  const auto at = request.query.find(name);
  if (at == std::string::npos) return {};
  const auto end = request.query.find('&', at);
  return request.query.substr(
      at + name.size(), end == std::string::npos ? std::string::npos : end - at - name.size());
}

bool answered_well(const RequestRecord& request) {
  return request.status == 200 && request.ended.count() != 0;
}

// The attempt whose object a HEAD that began with request `number` could see.
std::string attempt_at(const std::vector<Write>& history, std::uint64_t number) {
  std::string attempt;
  for (const Write& write : history) {
    if (write.request != 0 && write.request < number) {
      attempt = meta(write.metadata, uploader::metadata_name::attempt);
    }
  }
  return attempt;
}

}  // namespace

std::string sha256_hex(std::string_view content) {
  return to_hex(sha256(as_bytes(content)));
}

void Book::note(const std::string& path, std::string_view content) {
  contents_[uploader::metadata_path(path)].insert(sha256_hex(content));
}

bool Book::had(const std::string& path, const std::string& sha256) const {
  const auto found = contents_.find(uploader::metadata_path(path));
  return found != contents_.end() && found->second.contains(sha256);
}

std::vector<std::string> Book::complaints(const Server& server, const std::string& bucket,
                                          const std::string& prefix) const {
  std::vector<std::string> found;
  const std::vector<RequestRecord> log = server.log();
  std::set<std::string> keys;
  for (const RequestRecord& request : log) {
    const bool control = request.key.starts_with(prefix + "_waybill/");
    if (request.bucket == bucket && request.key.starts_with(prefix) && !control) {
      keys.insert(request.key);
    }
  }

  std::map<std::string, std::vector<Write>> histories;
  for (const std::string& key : keys) {
    auto& history = histories[key] = server.history(bucket, key);
    for (const Write& write : history) {
      if (write.request == 0) continue;  // the test's own hand
      if (write.kind == Write::Kind::Delete) {
        found.push_back("P7: the object " + printable(key) + " was deleted");
        continue;
      }
      const auto contents = contents_.find(meta(write.metadata, uploader::metadata_name::path));
      if (contents == contents_.end() || !contents->second.contains(write.sha256)) {
        found.push_back("P2: the object " + printable(key) + " got bytes (sha256 " + write.sha256 +
                        ") that its file never had");
      }
    }
  }

  std::set<std::string> acknowledged;
  std::set<std::string> completed;
  for (const RequestRecord& request : log) {
    if (!keys.contains(request.key) || request.bucket != bucket) continue;
    if (request.operation == "PutObject") {
      const std::string attempt = attempt_of(request);
      if (request.body_bytes > 0 && acknowledged.contains(attempt)) {
        found.push_back("P4: a second body of attempt " + attempt + " after its acknowledgement");
      }
      if (answered_well(request)) acknowledged.insert(attempt);
    } else if (request.operation == "HeadObject" && answered_well(request)) {
      acknowledged.insert(attempt_at(histories[request.key], request.number));
    } else if (request.operation == "UploadPart") {
      if (completed.contains(upload_id_of(request))) {
        found.push_back("P4: a part of " + printable(request.key) + " after its Complete");
      }
    } else if (request.operation == "CompleteMultipartUpload" && answered_well(request)) {
      completed.insert(upload_id_of(request));
    }
  }
  return found;
}

}  // namespace waybill::test
