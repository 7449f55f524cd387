#include <utility>

#include "watcher/event_source.h"

namespace waybill::watcher {

namespace {

class SilentSource final : public EventSource {
 public:
  explicit SilentSource(Error reason) : reason_(std::move(reason)) {}
  Result<WatchId> add(const OpenDirectory&) override { return fail(reason_); }
  void remove(WatchId) override {}
  Result<std::size_t> read(std::vector<RawEvent>&) override { return std::size_t{0}; }
  [[nodiscard]] int poll_fd() const override { return -1; }

 private:
  const Error reason_;
};

}  // namespace

std::unique_ptr<EventSource> make_silent_source(Error reason) {
  return std::make_unique<SilentSource>(std::move(reason));
}

}  // namespace waybill::watcher
