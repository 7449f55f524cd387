#include "agent/seen_names.h"

#include <algorithm>

#include "base/siphash.h"

namespace waybill::agent {

std::uint64_t SeenNames::hash(std::string_view name) const {
  return siphash(key_, 0, name);
}

void SeenNames::insert(std::string_view name) {
  // Names that are seen again and again must not add up.
  if (hashes_.size() == hashes_.capacity()) {
    sort();
    if (hashes_.size() > hashes_.capacity() / 2) hashes_.reserve(2 * hashes_.capacity());
  }
  hashes_.push_back(hash(name));
}

bool SeenNames::contains(std::string_view name) {
  if (sorted_ != hashes_.size()) sort();
  return std::binary_search(hashes_.begin(), hashes_.end(), hash(name));
}

void SeenNames::sort() {
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  sorted_ = hashes_.size();
}

}  // namespace waybill::agent
