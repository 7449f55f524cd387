#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/command.h"
#include "agent/status.h"
#include "base/log.h"
#include "base/result.h"

namespace waybill::agent {

// HTTP with JSON over a unix socket (0660): answers from the immutable status and a read-only
// catalog connection; whatever changes something is posted to coord.
class ControlServer {
 public:
  struct Hooks {
    std::function<StatusPtr()> status;
    std::function<void(Command)> post;  // to coord; returns at once
    std::function<void()>
        drain_watcher;  // before a wait: everything the kernel has queued is taken in
    // How long a client waits for coord before it is told that there is no answer.
    Nanoseconds coord_patience = std::chrono::seconds(5);
  };
  // NeedsPerson: the socket cannot be made, or another daemon answers on it.
  static Result<std::unique_ptr<ControlServer>> start(const std::string& socket,
                                                      const std::string& state_dir, Hooks hooks,
                                                      Log& log);
  ~ControlServer();  // ends waiting clients, removes the socket

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::agent
