#pragma once

#include <atomic>
#include <functional>

namespace waybill::agent {

// Whether the thread that decides still turns, for the service manager's watchdog: it has to answer
// each question before the next one is asked. While it opens the catalog it cannot, and need not:
// to check a large one after an unclean stop, or to migrate it, takes a slow disk longer than any
// watchdog waits, and who is killed for that begins it all over again. All functions: any thread.
class Liveness {
 public:
  using Post = std::function<void(std::function<void()>)>;

  // As long as it lives, the catalog is being opened.
  class Opening {
   public:
    explicit Opening(Liveness& liveness) : liveness_(&liveness) { ++liveness_->openings_; }
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
    ~Opening() {
      // What was asked meanwhile is answered after what else the opening leads to.
      liveness_->answered_.store(true);
      --liveness_->openings_;
    }

   private:
    Liveness* liveness_;
  };

  // True: the last question was answered, or could not be. `post` carries the next one to the
  // thread.
  bool check(const Post& post) {
    const bool answered = answered_.exchange(false);
    post([this] { answered_.store(true); });
    return answered || openings_.load() > 0;
  }

 private:
  std::atomic<bool> answered_{true};
  std::atomic<int> openings_{0};
};

}  // namespace waybill::agent
