#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/cli/client.h"
#include "agent/control_server.h"
#include "base/mutex.h"
#include "base/overloaded.h"
#include "tests/unit/catalog/catalog_fixture.h"

namespace waybill::agent {

// A real catalog, a real control server on a socket in the test's own folder, and a coord that does
// what the test says.
class ControlTest : public catalog::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    status_ = Status{
        .version = "1.0.0",
        .agent_name = "intake",
        .pid = 42,
        .started_at = 1'700'000'000'000'000'000,
        .at = 1'700'000'100'000'000'000,
        .catalog_bytes = 4096,
        .folders = {{.id = folder_, .name = "inbox", .path = "/srv/inbox", .watched = "inotify"}}};
  }
  void TearDown() override { server_.reset(); }

  [[nodiscard]] std::string socket() const { return directory_.path() + "/control.sock"; }
  void start() {
    catalog::must(catalog_->commit());
    server_ = catalog::must(start_on(socket()));
  }
  Result<std::unique_ptr<ControlServer>> start_on(const std::string& socket) {
    return ControlServer::start(socket, state_dir(),
                                {.status = [this]() -> StatusPtr {
                                   const MutexLock lock(mu_);
                                   return status_known_ ? std::make_shared<Status>(status_)
                                                        : nullptr;
                                 },
                                 .post = [this](Command command) { coord(std::move(command)); },
                                 .drain_watcher = [this] { note("drained"); },
                                 .coord_patience = coord_patience_},
                                log_);
  }
  [[nodiscard]] cli::Client client() const { return cli::Client(socket()); }

  void note(std::string what) {
    const MutexLock lock(mu_);
    notes_.push_back(std::move(what));
  }
  std::vector<std::string> notes() {
    const MutexLock lock(mu_);
    return notes_;
  }

  // --- what coord does; set before start() ------------------------------------------------------
  std::function<void(Explain)> on_explain_ = [](Explain question) { question.reply.set_value({}); };
  std::function<void(ListUnrecorded)> on_unrecorded_ = [](ListUnrecorded question) {
    question.reply.set_value({});
  };
  std::function<void(Retry)> on_retry_ = [](Retry question) { question.reply.set_value(0); };
  std::function<void(AcceptMount)> on_accept_ = [](AcceptMount question) {
    question.reply.set_value(false);
  };
  std::function<void(StartWait)> on_wait_ = [](const StartWait& question) {
    question.ticket->update({.started = true});
  };
  Nanoseconds coord_patience_ = std::chrono::seconds(30);
  bool status_known_ = true;
  Status status_;

  NullLog log_;
  std::unique_ptr<ControlServer> server_;

 private:
  void coord(Command command) {
    std::visit(Overloaded{[this](Explain& question) { on_explain_(std::move(question)); },
                          [this](ListUnrecorded& question) { on_unrecorded_(std::move(question)); },
                          [this](Retry& question) { on_retry_(std::move(question)); },
                          [this](AcceptMount& question) { on_accept_(std::move(question)); },
                          [this](StartWait& question) {
                            note("wait below '" + question.path_prefix + "'");
                            on_wait_(std::move(question));
                          }},
               command);
  }
  Mutex mu_;
  std::vector<std::string> notes_ GUARDED_BY(mu_);
};

}  // namespace waybill::agent
