#include "catalog/catalog.h"

#include <utility>

#include "catalog/catalog_impl.h"

namespace waybill::catalog {

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& state_dir, const Clock& clock) {
  auto session = Session::open(state_dir, clock);
  if (!session) return fail(session.error());
  auto impl = std::make_unique<Impl>(std::move(*session));
  if (auto loaded = impl->load(); !loaded) return fail(loaded.error());
  return std::unique_ptr<Catalog>(new Catalog(std::move(impl)));
}

Result<void> Catalog::Impl::load() {
  files.forget();
  objects.forget();
  if (auto loaded = attempts.load(); !loaded) return loaded;
  return events.load();
}

Result<void> Catalog::commit() {
  auto done = impl_->session->commit();
  if (done) {
    impl_->events.committed();
  } else {
    impl_->forget_uncommitted();
  }
  return done;
}

void Catalog::rollback() {
  impl_->session->rollback();
  impl_->forget_uncommitted();
}

void Catalog::Impl::forget_uncommitted() {
  // Without what is in the database no verb may go on: the failure stands until a rollback works.
  if (auto loaded = load(); !loaded) session->fail_until_rollback(loaded.error());
}

bool Catalog::dirty() const {
  return impl_->session->dirty();
}

void Catalog::release_snapshot() {
  impl_->session->release_snapshot();
}

void Catalog::distrust() {
  impl_->session->distrust();
}

Result<void> Catalog::checkpoint() {
  return impl_->session->checkpoint();
}

Result<std::string> Catalog::agent_id() {
  return impl_->session->agent_id();
}

Result<StoreRow> Catalog::ensure_store(std::string_view endpoint, std::string_view bucket,
                                       std::string_view prefix) {
  const auto find = [&] {
    return first(impl_->session->read(
                     WAYBILL_STORE_COLUMNS "WHERE endpoint = ? AND bucket = ? AND prefix = ?",
                     {Value::text(endpoint), Value::text(bucket), Value::text(prefix)}),
                 store_from);
  };
  auto known = find();
  if (!known) return fail(known.error());
  if (*known) return std::move(**known);
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  auto added =
      impl_->session->write("INSERT INTO stores(endpoint, bucket, prefix) VALUES(?,?,?)",
                            {Value::text(endpoint), Value::text(bucket), Value::text(prefix)});
  if (!added) return fail(added.error());
  known = find();
  if (!known) return fail(known.error());
  return std::move(**known);
}

Result<void> Catalog::save_store(const StoreRow& store) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->session->write(
      "UPDATE stores SET capabilities = ?, epoch = ?, nonce = ? WHERE id = ?",
      {Value::text_or_null(store.capabilities), store.epoch, Value::text_or_null(store.nonce),
       store.id});
}

Result<FolderRow> Catalog::ensure_folder(std::string_view name, std::string_view path,
                                         StoreId store) {
  const auto find = [&] {
    return first(impl_->session->read(WAYBILL_FOLDER_COLUMNS "WHERE name = ?", {Value::text(name)}),
                 folder_from);
  };
  auto known = find();
  if (!known) return fail(known.error());
  if (*known && (*known)->path == path && (*known)->store == store) return std::move(**known);
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  // History follows the name: a folder that moved keeps its rows.
  auto kept = impl_->session->write(
      "INSERT INTO folders(name, path, store_id) VALUES(?,?,?)"
      " ON CONFLICT(name) DO UPDATE SET path = excluded.path, store_id = excluded.store_id",
      {Value::text(name), Value::blob(path), store});
  if (!kept) return fail(kept.error());
  known = find();
  if (!known) return fail(known.error());
  return std::move(**known);
}

Result<void> Catalog::save_folder(const FolderRow& folder) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->session->write(
      "UPDATE folders SET path = ?, store_id = ?, dev = ?, ino = ?, btime = ?, boot_id = ?,"
      " clean = ?, state = ?, reason = ? WHERE id = ?",
      {Value::blob(folder.path), folder.store, folder.dev, folder.ino, folder.btime,
       Value::text_or_null(folder.boot_id), folder.clean, Value::text(folder.state),
       Value::text_or_null(folder.reason), folder.id});
}

Result<Catalog::Pruned> Catalog::prune_events(std::int64_t before) {
  constexpr std::int64_t at_a_time = 1000;
  Pruned pruned;
  auto more = impl_->events.prune(before, at_a_time, pruned.events);
  if (!more) return fail(more.error());
  pruned.more = *more;
  return pruned;
}

Catalog::Counts Catalog::counts(FolderId folder) const {
  Counts counts;
  const Tally& tally = impl_->session->tally();
  for (const FileState state : all_file_states) {
    counts.by_state[static_cast<std::size_t>(state)] = tally.at(folder, state).files;
  }
  const StateTally& stored = tally.at(folder, FileState::Stored);
  counts.retrying = tally.at(folder, FileState::Queued).retrying;
  counts.last_stored_at = stored.last_stored_at;
  counts.stored_bytes = stored.bytes;
  return counts;
}

}  // namespace waybill::catalog
