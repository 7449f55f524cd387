#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace waybill::agent::cli {

// Asks waybilld over its socket. One thread at a time.
class Client {
 public:
  explicit Client(std::string socket) : socket_(std::move(socket)) {}

  struct Failure {
    bool unreachable =
        false;  // nobody there, or we may not ask: the sentence says which and what helps
    Error error;
  };
  using Reply = tl::expected<std::string, Failure>;                     // the body of a good answer
  using Parameters = std::vector<std::pair<std::string, std::string>>;  // values are bytes

  [[nodiscard]] Reply get(const std::string& path, const Parameters& parameters = {}) const;
  [[nodiscard]] Reply post(const std::string& path, const Parameters& parameters = {}) const;

 private:
  [[nodiscard]] Reply ask(bool post, const std::string& path, const Parameters& parameters) const;
  // Why nobody can be asked there; nullopt: somebody can.
  [[nodiscard]] std::optional<Error> obstacle() const;

  const std::string socket_;
};

}  // namespace waybill::agent::cli
