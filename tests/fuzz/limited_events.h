#pragma once

#include <cerrno>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "watcher/event_source.h"

namespace waybill::watcher {

// An event source with a limit of watches of its own, which can be lowered and raised while it is
// used: the kernel's is everybody's.
class LimitedEvents final : public EventSource {
 public:
  LimitedEvents(std::unique_ptr<EventSource> inner, const std::size_t& limit)
      : inner_(std::move(inner)), limit_(limit) {}

  Result<WatchId> add(const OpenDirectory& directory) override {
    const Result<WatchId> watch = inner_->add(directory);
    if (!watch || watches_.contains(*watch)) return watch;
    if (watches_.size() >= limit_) {
      inner_->remove(*watch);
      return fail(Error{.code = ErrorCode::NeedsPerson,
                        .message = "the limit of watches is reached",
                        .os_errno = ENOSPC});
    }
    watches_.insert(*watch);
    return watch;
  }
  void remove(WatchId watch) override {
    watches_.erase(watch);
    inner_->remove(watch);
  }
  void renew() override {
    watches_.clear();
    inner_->renew();
  }
  [[nodiscard]] std::string overflow_advice() const override { return inner_->overflow_advice(); }
  [[nodiscard]] bool outgrown() const override { return inner_->outgrown(); }
  Result<std::size_t> read(std::vector<RawEvent>& into) override { return inner_->read(into); }
  [[nodiscard]] int poll_fd() const override { return inner_->poll_fd(); }

 private:
  const std::unique_ptr<EventSource> inner_;
  const std::size_t& limit_;
  std::set<WatchId> watches_;  // given out; those that the kernel has dropped count on
};

}  // namespace waybill::watcher
