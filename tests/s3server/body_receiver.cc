#include "tests/s3server/body_receiver.h"

#include <utility>

namespace waybill::s3server {
namespace {

// Ten thousand parts, each with an ETag and a checksum, take about 3 MB.
constexpr std::size_t kLongestText = 8 * 1024 * 1024;

}  // namespace

BodyReceiver::BodyReceiver(Keep keep, const std::vector<Algorithm>& algorithms,
                           std::unique_ptr<BlobWriter> writer)
    : keep_(keep), writer_(std::move(writer)) {
  hashers_.reserve(algorithms.size());
  for (const Algorithm algorithm : algorithms) hashers_.emplace_back(algorithm);
}

void BodyReceiver::take(std::string_view bytes) {
  for (Hasher& hasher : hashers_) hasher.update(bytes);
  if (keep_ == Keep::Blob) {
    writer_->append(bytes);
  } else if (keep_ == Keep::Text) {
    overflowed_ = overflowed_ || text_.size() + bytes.size() > kLongestText;
    if (!overflowed_) text_.append(bytes);
  }
}

void BodyReceiver::finish() {
  for (Hasher& hasher : hashers_) digests_[hasher.algorithm()] = hasher.finish();
  if (writer_) blob_ = writer_->finish();
}

std::string BodyReceiver::digest_of(Algorithm algorithm) const {
  const auto found = digests_.find(algorithm);
  return found == digests_.end() ? std::string() : found->second;
}

}  // namespace waybill::s3server
