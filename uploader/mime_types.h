#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace waybill::uploader {

// Content types by extension, as a machine's shared list has them (/etc/mime.types): a type and its
// extensions a line.
class MimeTypes {
 public:
  // More than any such list has; what lies beyond is not read.
  static constexpr std::size_t most_bytes = std::size_t{1} << 20U;

  MimeTypes() = default;
  // Lines that are none of it are passed over. Of types for one extension the first counts: lists
  // have the registered ones in front. Pure.
  static MimeTypes parse(std::string_view list);

  // Of an extension in lower case, without its dot; empty: not listed.
  [[nodiscard]] std::string_view of(std::string_view extension) const;
  [[nodiscard]] std::size_t size() const { return types_.size(); }

 private:
  std::map<std::string, std::string, std::less<>> types_;
};

}  // namespace waybill::uploader
