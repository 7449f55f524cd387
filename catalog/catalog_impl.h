#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "catalog/attempt_table.h"
#include "catalog/catalog.h"
#include "catalog/event_log.h"
#include "catalog/file_table.h"
#include "catalog/object_table.h"
#include "catalog/session.h"

namespace waybill::catalog {

// What catalog.cc, catalog_files.cc and catalog_attempts.cc share.
struct Catalog::Impl {
  explicit Impl(std::unique_ptr<Session> opened)
      : session(std::move(opened)),
        attempts(*session),
        files(*session, attempts),
        objects(*session),
        events(*session) {}

  // What the tables keep in memory: at the start, and again after a rollback.
  Result<void> load();
  void forget_uncommitted();

  // What an event brings along beside the step of the table.
  struct Change {
    FileEvent event;
    std::string_view reason;      // into `events`
    std::string_view row_reason;  // into the row
    std::string_view attempt;
    const CompleteFile* seen = nullptr;       // its fingerprint, SHA-256 and racy flag
    const ObjectRow* acknowledged = nullptr;  // its object from now on
  };
  // The table's step with all its effects and its event. Internal: the table does not list it.
  Result<FileRow> transition(const StoredFile& file, const Change& change);
  Result<FileRow> start_row(const CompleteFile& seen);
  // Ends the row that has this path, so that a renamed file may have it.
  Result<void> make_way(const CompleteFile& seen);
  Result<FileRow> save_quietly(const FileRow& before, const StoredFile& after);
  // Ends or saves an attempt that may bear the file's key and SHA-256: the file keeps both.
  template <typename Action>
  Result<void> keeping(FileId file, Action action);

  Result<StoredFile> known_file(FileId id);
  // The row's object is this one from now on; its key stays its own.
  Result<void> rest_on(StoredFile& known, const ObjectRow& object);
  // Whether another object of the file has the bytes of `lost`: a row that relied upon `lost`
  // relies upon that one then.
  Result<bool> rest_on_another(StoredFile& known, const ObjectRow& lost);
  [[nodiscard]] FileEvent classify(const StoredFile& file, const CompleteFile& seen,
                                   const std::optional<Sha256>& sha256) const;
  [[nodiscard]] bool other_metadata(const StoredFile& file, const CompleteFile& seen) const;
  Result<void> key_is_free(const NewAttempt& attempt);
  Result<FileRow> land_late(const StoredFile& file, const AttemptRow& attempt, ObjectRow object,
                            bool may_land_again);

  const std::unique_ptr<Session> session;
  AttemptTable attempts;
  FileTable files;
  ObjectTable objects;
  EventLog events;
};

}  // namespace waybill::catalog
