#include "base/buffer_pool.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace waybill {

struct BufferPool::Shelf {
  Mutex mutex;
  std::vector<Bytes> idle GUARDED_BY(mutex);
  std::size_t lent GUARDED_BY(mutex) = 0;
  std::size_t held GUARDED_BY(mutex) = 0;

  Bytes lend(std::size_t size) EXCLUDES(mutex) {
    std::vector<Bytes> unfit;  // freed once nobody waits for it
    const MutexLock lock(mutex);
    ++lent;
    const auto fit = std::ranges::find_if(
        idle, [size](const Bytes& buffer) { return buffer.capacity() >= size; });
    if (fit == idle.end()) {
      for (const Bytes& buffer : idle) held -= buffer.capacity();
      unfit = std::exchange(idle, {});
      held += size;
      return {};
    }
    Bytes found = std::move(*fit);
    idle.erase(fit);
    return found;
  }

  void take_back(Bytes buffer) EXCLUDES(mutex) {
    std::vector<Bytes> unneeded;
    const MutexLock lock(mutex);
    idle.push_back(std::move(buffer));
    if (--lent > 0) return;
    unneeded = std::exchange(idle, {});
    held = 0;
  }
};

namespace {

template <typename Shelf>
struct Lent {
  explicit Lent(std::shared_ptr<Shelf> from, std::size_t size)
      : shelf(std::move(from)), buffer(shelf->lend(size)) {}
  ~Lent() { shelf->take_back(std::move(buffer)); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  const std::shared_ptr<Shelf> shelf;
  Bytes buffer;
};

}  // namespace

BufferPool::BufferPool() : shelf_(std::make_shared<Shelf>()) {}

std::shared_ptr<Bytes> BufferPool::take(std::size_t size) const {
  auto lent = std::make_shared<Lent<Shelf>>(shelf_, size);
  lent->buffer.resize(size);
  return {lent, &lent->buffer};
}

std::size_t BufferPool::held() const {
  const MutexLock lock(shelf_->mutex);
  return shelf_->held;
}

}  // namespace waybill
