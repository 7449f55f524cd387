#pragma once

#include "base/error.h"

namespace waybill::uploader {

// What fast retries cost, in tokens that all uploads to one store share (S3.md section 5): a store
// that fails them all at once is asked a few dozen times more, not four times by each. Who gets no
// token takes its failure for the store's (EndpointTrouble), and waits for it. Pure; one thread at
// a time.
class RetryQuota {
 public:
  static constexpr int full = 500;
  explicit RetryQuota(int tokens = full) : tokens_(tokens) {}

  // Pays for a retry after such an error; 0: there is not enough left, and none is to be made.
  [[nodiscard]] int take(ErrorCode code);
  // A request was answered. `paid`: what its last retry cost, which comes back; 0: it needed none.
  void answered(int paid);
  // The store was out and has come back: whatever was spent on finding that out is made up for, or
  // the many that go on now could not afford one failure among them.
  void refill() { tokens_ = full; }

  [[nodiscard]] int tokens() const { return tokens_; }

 private:
  int tokens_;
};

}  // namespace waybill::uploader
