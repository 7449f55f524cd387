#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "uploader/credentials_fetcher.h"

// Temporary credentials, kept fresh without anybody waiting for them.
namespace waybill::uploader {
namespace {

constexpr Nanoseconds ahead = std::chrono::minutes(15);
constexpr Nanoseconds first_patience = std::chrono::seconds(1);
constexpr Nanoseconds last_patience = std::chrono::minutes(1);
// Credentials that S3 refuses are fetched anew, but not over and over.
constexpr Nanoseconds between_refusals = std::chrono::seconds(30);

class Fetched final : public CredentialsSource {
 public:
  Fetched(std::unique_ptr<CredentialsFetcher> fetcher, const Clock& clock)
      : clock_(clock), fetcher_(std::move(fetcher)), thread_([this] { loop(); }) {}

  ~Fetched() override {
    stop_ = true;
    {
      const MutexLock lock(mu_);
      wanted_ = true;
    }
    work_.notify_all();
  }
  Fetched(const Fetched&) = delete;
  Fetched& operator=(const Fetched&) = delete;

  // Nothing wakes up by itself: whoever needs credentials asks, and whoever asks early enough has
  // the next ones before these expire.
  Result<Credentials> get() override {
    const MutexLock lock(mu_);
    const WallTime now = clock_.wall();
    const bool usable = have_ && (!have_->expires || *have_->expires > now);
    const bool due = !usable || (refresh_at_ && now >= *refresh_at_);
    if (due && !wanted_ && clock_.boot() >= not_before_) {
      wanted_ = true;
      work_.notify_all();
    }
    if (usable) return have_->credentials;
    if (failure_) return fail(*failure_);
    return fail(ErrorCode::RetryLater, "credentials for S3 are being fetched");
  }

  void refused(const Credentials& credentials) override {
    const MutexLock lock(mu_);
    if (!have_ || have_->credentials.access_key_id != credentials.access_key_id) return;
    const BootTime now = clock_.boot();
    if (last_refusal_ && now - *last_refusal_ < between_refusals) return;
    last_refusal_ = now;
    wanted_ = true;
    work_.notify_all();
  }

 private:
  void loop() {
    while (true) {
      {
        const MutexLock lock(mu_);
        while (!wanted_ && !stop_) work_.wait(mu_);
      }
      if (stop_) return;
      auto fetched = fetcher_->fetch(stop_);
      if (stop_) return;
      take(std::move(fetched));
    }
  }

  void take(Result<FetchedCredentials> fetched) EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    wanted_ = false;
    if (!fetched) {
      // What we have is used until it expires, whatever the source says now.
      failure_ = std::move(fetched.error());
      patience_ = std::clamp(2 * patience_, first_patience, last_patience);
      not_before_ = clock_.boot() + patience_;
      return;
    }
    failure_.reset();
    patience_ = Nanoseconds::zero();
    const WallTime now = clock_.wall();
    have_ = std::move(*fetched);
    refresh_at_ = have_->expires ? std::optional(refresh_at(now, *have_->expires)) : std::nullopt;
    // An answer that has expired already must not be asked for in a loop.
    not_before_ = clock_.boot() + first_patience;
  }

  // constant after construction
  const Clock& clock_;
  const std::unique_ptr<CredentialsFetcher> fetcher_;  // used by the thread alone
  std::atomic<bool> stop_{false};

  Mutex mu_;
  waybill::Condition work_;
  bool wanted_ GUARDED_BY(mu_) = false;
  std::optional<FetchedCredentials> have_ GUARDED_BY(mu_);
  std::optional<WallTime> refresh_at_ GUARDED_BY(mu_);
  std::optional<Error> failure_ GUARDED_BY(mu_);
  Nanoseconds patience_ GUARDED_BY(mu_){0};
  BootTime not_before_ GUARDED_BY(mu_){};
  std::optional<BootTime> last_refusal_ GUARDED_BY(mu_);

  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace

WallTime refresh_at(WallTime fetched, WallTime expires) {
  const Nanoseconds life = expires - fetched;
  return std::max(fetched, expires - std::min(ahead, life / 2));
}

std::shared_ptr<CredentialsSource> make_fetched_source(std::unique_ptr<CredentialsFetcher> fetcher,
                                                       const Clock& clock) {
  return std::make_shared<Fetched>(std::move(fetcher), clock);
}

}  // namespace waybill::uploader
