#pragma once

#include <string>
#include <string_view>

namespace waybill {

// A string that is wiped when it goes and that no log or stream can print by accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(const Secret& other) = default;
  // Copies, then wipes: a moved short string would leave its characters where they were.
  Secret(Secret&& other) noexcept {
    text_ = other.text_;
    other.wipe();
  }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(); }

  [[nodiscard]] bool empty() const { return text_.empty(); }
  // For signing only: never keep a copy.
  [[nodiscard]] std::string_view reveal() const { return text_; }

 private:
  void wipe();
  std::string text_;
};

}  // namespace waybill
