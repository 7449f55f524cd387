#include "uploader/sidecar.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace waybill::uploader {
namespace {

using Json = nlohmann::json;

// Ends at the first thing that has no place in a sidecar, so that nothing nested is ever built.
class FlatObject final : public nlohmann::json_sax<Json> {
 public:
  std::map<std::string, std::string> said;
  std::string fault;  // empty: none

  bool null() override { return odd_value(); }
  bool boolean(bool value) override { return take(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return take(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take(std::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& written) override {
    return take(written);
  }
  bool string(string_t& value) override { return take(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return odd_value(); }
  bool start_object(std::size_t /*elements*/) override {
    if (inside_) return odd_value();
    inside_ = true;
    return true;
  }
  bool key(string_t& name) override {
    name_ = std::move(name);
    if (!said.contains(name_)) return true;
    fault = "\"" + printable(name_) + "\" is there twice";
    return false;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*elements*/) override { return odd_value(); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const Json::exception& /*why*/) override {
    fault = "it is no JSON: byte " + std::to_string(position);
    return false;
  }

 private:
  bool take(std::string value) {
    if (!inside_) return odd_value();
    said.emplace(name_, std::move(value));
    return true;
  }
  bool odd_value() {
    fault = inside_ ? "the value of \"" + printable(name_) +
                          "\" is neither text nor a number, true or false"
                    : R"(it is no JSON object, like {"sample": "HeLa 12"})";
    return false;
  }

  bool inside_ = false;
  std::string name_;
};

}  // namespace

Result<std::map<std::string, std::string>> parse_sidecar(std::string_view text) {
  FlatObject object;
  if (Json::sax_parse(text, &object) && object.fault.empty()) return std::move(object.said);
  return fail(ErrorCode::NeedsPerson, object.fault);
}

}  // namespace waybill::uploader
