#include "catalog/catalog_impl.h"

// The part of the catalog about names that arrived by rename (WATCHING.md 2.4): what no later look
// at the disk can find out again.
namespace waybill::catalog {

namespace {

ArrivalRow arrival_from(const Rows& rows) {
  return {.path = rows.string(0),
          .dev = static_cast<std::uint64_t>(rows.integer(1)),
          .ino = static_cast<std::uint64_t>(rows.integer(2)),
          .btime = rows.integer(3)};
}

}  // namespace

Result<std::optional<ArrivalRow>> Catalog::arrival(FolderId folder, std::string_view path) {
  return first(impl_->session->read(
                   "SELECT path, dev, ino, btime FROM arrivals WHERE folder_id = ? AND path = ?",
                   {folder, Value::blob(path)}),
               arrival_from);
}

Result<void> Catalog::note_arrival(FolderId folder, const ArrivalRow& arrival) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->session->write(
      "INSERT OR REPLACE INTO arrivals(folder_id, path, dev, ino, btime, at) VALUES(?,?,?,?,?,?)",
      {folder, Value::blob(arrival.path), arrival.dev, arrival.ino, arrival.btime,
       impl_->session->now() / ns_per_ms});
}

Result<void> Catalog::forget_arrival(FolderId folder, std::string_view path) {
  // Most files have none: no transaction is begun for them.
  auto known = arrival(folder, path);
  if (!known) return fail(known.error());
  if (!*known) return {};
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->session->write("DELETE FROM arrivals WHERE folder_id = ? AND path = ?",
                               {folder, Value::blob(path)});
}

Result<std::vector<ArrivalRow>> Catalog::arrivals(FolderId folder, std::string_view after,
                                                  std::size_t limit) {
  return all(impl_->session->read("SELECT path, dev, ino, btime FROM arrivals"
                                  " WHERE folder_id = ? AND path > ? ORDER BY path LIMIT ?",
                                  {folder, Value::blob(after), static_cast<std::int64_t>(limit)}),
             arrival_from);
}

}  // namespace waybill::catalog
