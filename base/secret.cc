#include "base/secret.h"

#include <cstring>

namespace waybill {

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    // Copied and wiped, not moved: a moved short string leaves its characters in the old object.
    text_ = other.text_;
    other.wipe();
  }
  return *this;
}

void Secret::wipe() {
  if (!text_.empty()) ::explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

}  // namespace waybill
