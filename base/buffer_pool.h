#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.h"

namespace waybill {

// Large buffers that are used again: fresh memory of this size costs as much as hashing what is
// read into it (the kernel clears every page), and memory that malloc keeps for later is not given
// back. Any thread; copies share one pool.
class BufferPool {
 public:
  BufferPool();

  // `size` bytes with whatever was in them. It comes back when its last owner lets go of it, even
  // after the pool. Never more memory than was lent at the same time; none once all have come back.
  [[nodiscard]] std::shared_ptr<Bytes> take(std::size_t size) const;
  // Held, lent or not, in bytes.
  [[nodiscard]] std::size_t held() const;

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace waybill
