#pragma once

#include <tl/expected.hpp>

#include "base/error.h"

namespace waybill {

// A value or the Error that kept it from coming about. Never dropped: [[nodiscard]] by the class.
template <typename T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

inline Failure fail(Error error) {
  return Failure(std::move(error));
}

inline Failure fail(ErrorCode code, std::string message) {
  return Failure(Error{.code = code, .message = std::move(message)});
}

}  // namespace waybill
