#pragma once

#include <cstdint>

namespace waybill {

// Row ids of the catalog, distinct so that the compiler keeps them apart.
enum class FolderId : std::int64_t {};
enum class FileId : std::int64_t {};
enum class StoreId : std::int64_t {};
enum class ObjectId : std::int64_t {};

template <typename Id>
constexpr std::int64_t value_of(Id id) {
  return static_cast<std::int64_t>(id);
}

}  // namespace waybill
