#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "uploader/object_store.h"

// What people say of a file, and its owner and mode, as they travel with its object (S3.md section
// 7). All of it or a reason why not: nothing is cut, left out or renamed in silence. Pure.
namespace waybill::uploader {

// Of S3's 2 KB, names and values as they are sent, without the header's prefix (metadata.h); the
// rest is for ours and the configuration's.
inline constexpr std::size_t most_own_metadata = 1024;

// Names to values, both bytes as they come → names in lower case and in their order, values
// encoded. `taken`: names that somebody else gives. NeedsPerson names the one that does not do: no
// header's name, taken, reserved, there twice but for its case; or too much in all.
Result<Metadata> own_metadata(const std::map<std::string, std::string>& said,
                              const std::set<std::string>& taken);

// Always waybilld's own.
bool is_reserved_name(std::string_view name);

// As rclone names and writes them: the mode in octal, that it is a regular file included.
Metadata posix_metadata(std::uint32_t mode, std::uint32_t uid, std::uint32_t gid);

// Printable ASCII as it is, single spaces included; any other byte becomes %XX, and so does what
// would be read as something else: a % before two hex digits, a space at either end or behind
// another (headers are trimmed and collapsed), the = of "=?" (to S3 an encoded word).
// decode_path() (key.h) is the inverse.
std::string encode_value(std::string_view value);

}  // namespace waybill::uploader
