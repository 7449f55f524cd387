#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace waybill::agent {

// A set of numbers that are hashes already: some 16 bytes each, in one table (linear probing). One
// thread.
class NumberSet {
 public:
  // False: it was in it.
  bool insert(std::uint64_t number) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    const std::size_t at = place_of(stored(number));
    if (slots_[at] != none) return false;
    slots_[at] = stored(number);
    ++size_;
    return true;
  }
  // False: it was not in it.
  bool erase(std::uint64_t number) {
    if (size_ == 0) return false;
    std::size_t hole = place_of(stored(number));
    if (slots_[hole] == none) return false;
    // What stands behind it only because its own place was taken moves up.
    for (std::size_t at = after(hole); slots_[at] != none; at = after(at)) {
      const std::size_t home = slots_[at] & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = none;
    --size_;
    return true;
  }
  [[nodiscard]] bool contains(std::uint64_t number) const {
    return size_ > 0 && slots_[place_of(stored(number))] != none;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint64_t none = 0;

  static std::uint64_t stored(std::uint64_t number) { return number == none ? 1 : number; }
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & mask(); }
  // Where it is, or where it would go.
  [[nodiscard]] std::size_t place_of(std::uint64_t number) const {
    std::size_t at = number & mask();
    while (slots_[at] != none && slots_[at] != number) at = after(at);
    return at;
  }
  void grow() {
    std::vector<std::uint64_t> old(slots_.empty() ? 8 : slots_.size() * 2, none);
    old.swap(slots_);
    for (const std::uint64_t number : old) {
      if (number != none) slots_[place_of(number)] = number;
    }
  }

  std::vector<std::uint64_t> slots_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace waybill::agent
