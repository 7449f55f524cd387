#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace waybill::agent {

// The names that a listing has shown, as eight bytes each: of a directory of a million files the
// names themselves would be most of the memory that there is. Should two names share a hash (one
// chance in twenty million with a million names), one that has gone is not missed by this listing;
// by the next it is, whose key is another. One that was shown is never missed. Pure. One thread.
class SeenNames {
 public:
  explicit SeenNames(std::uint64_t key) : key_(key) {}

  void insert(std::string_view name);
  [[nodiscard]] bool contains(std::string_view name);

 private:
  [[nodiscard]] std::uint64_t hash(std::string_view name) const;
  void sort();

  std::uint64_t key_;
  std::vector<std::uint64_t> hashes_;  // sorted up to `sorted_`
  std::size_t sorted_ = 0;
};

}  // namespace waybill::agent
