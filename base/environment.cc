#include "base/environment.h"

#include <cstdlib>

namespace waybill {

std::optional<std::string> environment(const char* name) {
  // Unsafe only beside a thread that sets a variable: none of ours does.
  const char* const value = ::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace waybill
