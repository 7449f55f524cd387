#pragma once

#include <cstddef>
#include <vector>

#include "base/ids.h"

namespace waybill::agent {

// Files by their numbers, a bit for each number up to the highest: the catalog gives them out in
// order. One thread.
class FileSet {
 public:
  // False: it was in it.
  bool insert(FileId file) {
    const auto index = static_cast<std::size_t>(value_of(file));
    if (bits_.size() <= index) bits_.resize(index + index / 2 + 1);
    if (bits_[index]) return false;
    bits_[index] = true;
    ++size_;
    return true;
  }
  // False: it was not in it.
  bool erase(FileId file) {
    if (!contains(file)) return false;
    bits_[static_cast<std::size_t>(value_of(file))] = false;
    --size_;
    return true;
  }
  [[nodiscard]] bool contains(FileId file) const {
    const auto index = static_cast<std::size_t>(value_of(file));
    return index < bits_.size() && bits_[index];
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::vector<bool> bits_;
  std::size_t size_ = 0;
};

}  // namespace waybill::agent
