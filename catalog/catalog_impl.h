#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "catalog/attempt_table.h"
#include "catalog/catalog.h"
#include "catalog/file_table.h"
#include "catalog/object_table.h"
#include "catalog/session.h"

namespace waybill::catalog {

// What catalog.cc, catalog_files.cc and catalog_attempts.cc share.
struct Catalog::Impl {
  explicit Impl(std::unique_ptr<Session> opened)
      : session(std::move(opened)), files(*session), objects(*session), attempts(*session) {}

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
  Result<FileRow> transition(const FileWithObject& file, const Change& change);
  Result<FileRow> start_row(const CompleteFile& seen, std::string_view reason);
  Result<FileRow> save_quietly(const FileRow& before, const FileWithObject& after);
  Result<void> record(const FileRow& row, const Change& change);

  Result<FileWithObject> known_file(FileId id);
  Result<FileEvent> classify(const FileWithObject& file, const CompleteFile& seen,
                             const std::optional<Sha256>& sha256);
  Result<void> key_is_free(const NewAttempt& attempt);
  Result<FileRow> land_late(const FileWithObject& file, const AttemptRow& attempt,
                            ObjectRow object);

  const std::unique_ptr<Session> session;
  FileTable files;
  ObjectTable objects;
  AttemptTable attempts;
};

}  // namespace waybill::catalog
