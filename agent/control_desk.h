#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/answers.h"
#include "agent/catalog_answers.h"
#include "agent/control_server.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/reader.h"

namespace waybill::agent {

// What each request of JSON.md means; the transport is the server's. Any thread.
class ControlDesk {
 public:
  ControlDesk(std::string state_dir, ControlServer::Hooks hooks);

  struct Answer {
    int http_status = 200;
    std::string body;
  };
  // nullopt: not given. Values are bytes.
  using Parameter = std::function<std::optional<std::string>(const char* name)>;

  Answer status();
  Answer metrics();
  Answer files(const Parameter& parameter);
  Answer unrecorded(const Parameter& parameter);
  Answer file(const Parameter& parameter);
  Answer start_wait(const Parameter& parameter);
  Answer wait(const std::string& id, const Parameter& parameter);
  Answer retry(const Parameter& parameter);
  Answer accept(const Parameter& parameter);

  // Whoever waits is answered now.
  void stop() { stopping_.store(true); }

  static Answer refusal(const Error& error);

 private:
  struct Wait {
    std::shared_ptr<WaitTicket> ticket;
    std::chrono::steady_clock::time_point asked_at;
  };

  // Runs `read` with the catalog open; opens it anew after trouble.
  template <typename T>
  Result<T> with_catalog(const std::function<Result<T>(catalog::Reader&)>& read) EXCLUDES(mu_);
  Result<std::optional<Target>> target_of(const Parameter& parameter);
  std::vector<KnownFolder> folders_now() const;
  StatusPtr status_now() const;
  // What coord replies, in time or not at all.
  template <typename T>
  std::optional<T> reply_of(std::future<T>& future) const;
  void drop_forgotten_waits() REQUIRES(mu_);

  // constant after construction
  const std::string state_dir_;
  const ControlServer::Hooks hooks_;
  // any thread
  std::atomic<bool> stopping_{false};
  std::atomic<int> long_polls_{0};
  Mutex mu_;
  std::unique_ptr<catalog::Reader> reader_ GUARDED_BY(mu_);
  std::map<std::string, Wait> waits_ GUARDED_BY(mu_);
  Random random_ GUARDED_BY(mu_) = Random::from_system();
};

}  // namespace waybill::agent
