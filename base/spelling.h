#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace waybill {

// The candidate that `word` is most probably a misspelling of; nullopt where none is near. Pure.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace waybill
