#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace waybill::s3server {

// What a request is refused with: S3's <Error> document, and the status it travels under.
struct S3Error {
  std::string code;
  int status = 0;
  std::string message;
  std::vector<std::pair<std::string, std::string>> details;  // further elements of the document
  std::vector<std::pair<std::string, std::string>> headers;  // of the reply
};

// With the status and the message that S3 has for that code; 400 for one that is not known here.
S3Error s3_error(std::string_view code);
S3Error s3_error(std::string_view code, std::string message);

template <typename T>
class Outcome {
 public:
  Outcome(T value) : content_(std::move(value)) {}        // so that `return value;` reads well
  Outcome(S3Error error) : content_(std::move(error)) {}  // and `return s3_error(…);`

  bool ok() const { return content_.index() == 0; }
  T& value() { return std::get<0>(content_); }
  const T& value() const { return std::get<0>(content_); }
  const S3Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, S3Error> content_;
};

struct Done {};

}  // namespace waybill::s3server
