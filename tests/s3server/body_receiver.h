#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/s3server/blob.h"
#include "tests/s3server/digest.h"

namespace waybill::s3server {

// Takes a request's body as it arrives: hashes it, and keeps it as a text, as a blob or not at all.
class BodyReceiver {
 public:
  enum class Keep { Nothing, Text, Blob };

  // `writer` for Keep::Blob alone.
  BodyReceiver(Keep keep, const std::vector<Algorithm>& algorithms,
               std::unique_ptr<BlobWriter> writer);

  void take(std::string_view bytes);
  void finish();  // once, when the body is there; the rest may be asked only after it

  // Raw bytes; one of the algorithms given to the constructor, else empty.
  std::string digest_of(Algorithm algorithm) const;
  const std::string& text() const { return text_; }
  bool text_overflowed() const { return overflowed_; }
  BlobPtr blob() const { return blob_; }  // null: it could not be stored

 private:
  const Keep keep_;
  std::vector<Hasher> hashers_;
  std::map<Algorithm, std::string> digests_;
  std::unique_ptr<BlobWriter> writer_;
  std::string text_;
  bool overflowed_ = false;
  BlobPtr blob_;
};

}  // namespace waybill::s3server
