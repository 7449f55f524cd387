#include "catalog/schema.h"

#include <array>

namespace waybill::catalog {

namespace {

// PROTOCOL.md section 3; told to people in SCHEMA.md. What keeps a file within its 500 bytes
// (DESIGN.md section 8): attempt ids and MD5 ETags are 16 bytes; key and SHA-256 are stored once,
// with whoever bears them (columns.h); a file's events are a chain rather than an index, and the
// two of commit A one row (event_log.h).
constexpr const char* version_1 = R"sql(
CREATE TABLE meta(
  name   TEXT PRIMARY KEY,
  value  ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE stores(
  id            INTEGER PRIMARY KEY,
  endpoint      TEXT NOT NULL,
  bucket        TEXT NOT NULL,
  prefix        TEXT NOT NULL,
  capabilities  TEXT,
  epoch         INTEGER NOT NULL DEFAULT 1,
  nonce         TEXT,
  UNIQUE(endpoint, bucket, prefix)
) STRICT;

CREATE TABLE folders(
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  path      BLOB NOT NULL,
  store_id  INTEGER NOT NULL REFERENCES stores(id),
  dev       INTEGER NOT NULL DEFAULT 0,
  ino       INTEGER NOT NULL DEFAULT 0,
  btime     INTEGER NOT NULL DEFAULT 0,
  boot_id   TEXT,
  clean     INTEGER NOT NULL DEFAULT 0,
  state     TEXT NOT NULL DEFAULT 'active',
  reason    TEXT
) STRICT;

CREATE TABLE files(
  id         INTEGER PRIMARY KEY,
  folder_id  INTEGER NOT NULL REFERENCES folders(id),
  path       BLOB NOT NULL,
  live       INTEGER NOT NULL,
  state      INTEGER NOT NULL,
  gen        INTEGER NOT NULL,
  dev        INTEGER NOT NULL,
  ino        INTEGER NOT NULL,
  btime      INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  mtime      INTEGER NOT NULL,
  ctime      INTEGER NOT NULL,
  racy       INTEGER NOT NULL,
  sha        BLOB,
  object_id  INTEGER REFERENCES objects(id),
  tries      INTEGER NOT NULL,
  reason     TEXT,
  key        BLOB,
  arrived    INTEGER NOT NULL,
  event      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX files_live_path ON files(folder_id, path) WHERE live = 1;
CREATE INDEX files_live_ino ON files(ino) WHERE live = 1;
CREATE INDEX files_by_state ON files(state) WHERE live = 1 AND state <> 3;

CREATE TABLE objects(
  id            INTEGER PRIMARY KEY,
  store_id      INTEGER NOT NULL REFERENCES stores(id),
  key           BLOB NOT NULL,
  live          INTEGER NOT NULL,
  version       TEXT,
  etag          ANY NOT NULL,
  size          INTEGER NOT NULL,
  sha           BLOB NOT NULL,
  checksum      TEXT,
  proof         INTEGER NOT NULL,
  proof_detail  INTEGER REFERENCES proofs(id),
  owned         INTEGER NOT NULL,
  sole          INTEGER NOT NULL,
  file_id       INTEGER NOT NULL REFERENCES files(id),
  gen           INTEGER NOT NULL,
  attempt       BLOB,
  proven_at     INTEGER NOT NULL,
  proof_due     INTEGER
) STRICT;
CREATE UNIQUE INDEX objects_live_key ON objects(store_id, key) WHERE live = 1;

CREATE TABLE proofs(
  id      INTEGER PRIMARY KEY,
  detail  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE attempts(
  id         BLOB PRIMARY KEY,
  file_id    INTEGER NOT NULL REFERENCES files(id),
  gen        INTEGER NOT NULL,
  store_id   INTEGER NOT NULL REFERENCES stores(id),
  key        BLOB NOT NULL,
  kind       INTEGER NOT NULL,
  condition  TEXT,
  state      INTEGER NOT NULL,
  sent_at    INTEGER NOT NULL,
  dev        INTEGER NOT NULL,
  ino        INTEGER NOT NULL,
  btime      INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  mtime      INTEGER NOT NULL,
  ctime      INTEGER NOT NULL,
  sha        BLOB,
  upload_id  TEXT,
  part_size  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE parts(
  attempt_id  BLOB NOT NULL REFERENCES attempts(id),
  n           INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  md5         BLOB,
  crc         BLOB,
  etag        TEXT NOT NULL,
  PRIMARY KEY(attempt_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE events(
  seq      INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  file_id  INTEGER NOT NULL REFERENCES files(id),
  gen      INTEGER NOT NULL,
  event    INTEGER NOT NULL,
  reason   TEXT,
  attempt  BLOB,
  prev     INTEGER
) STRICT;

CREATE TABLE counts(
  folder_id       INTEGER NOT NULL REFERENCES folders(id),
  state           INTEGER NOT NULL,
  files           INTEGER NOT NULL,
  retrying        INTEGER NOT NULL,
  bytes           INTEGER NOT NULL,
  last_stored_at  INTEGER NOT NULL,
  PRIMARY KEY(folder_id, state)
) STRICT, WITHOUT ROWID;

CREATE VIEW state_names(state, name) AS VALUES
  (0, 'queued'), (1, 'uploading'), (2, 'blocked'), (3, 'stored'),
  (4, 'removing'), (5, 'removed'), (6, 'gone');

CREATE VIEW event_names(event, name) AS VALUES
  (0, 'complete-new-content'), (1, 'complete-object-content'), (2, 'complete-attempt-content'),
  (3, 'vanished'), (4, 'claim'), (5, 'acknowledged'), (6, 'rebased'), (7, 'absent'),
  (8, 'equal-foreign'), (9, 'foreign'), (10, 'transient'), (11, 'needs-person'),
  (12, 'cause-fixed'), (13, 'removal-due'), (14, 'unlinked'), (15, 'removal-refused'),
  (16, 'scrub-found-bad'), (17, 'scrub-found-lost');

CREATE VIEW current_files AS
SELECT f.id, d.name AS folder, CAST(f.path AS TEXT) AS path,
       (SELECT name FROM state_names s WHERE s.state = f.state) AS state,
       f.gen AS generation, f.size, lower(hex(coalesce(f.sha, a.sha, o.sha))) AS sha256,
       CAST(coalesce(f.key, a.key, o.key) AS TEXT) AS key, f.tries, f.reason,
       datetime(f.arrived / 1000, 'unixepoch') AS arrived_utc
FROM files f JOIN folders d ON d.id = f.folder_id
     LEFT JOIN attempts a ON f.state < 3 AND a.file_id = f.id AND a.gen = f.gen AND a.state <> 4
     LEFT JOIN objects o ON o.id = f.object_id
WHERE f.live = 1;

CREATE VIEW receipts AS
SELECT f.id AS file_id, d.name AS folder, CAST(f.path AS TEXT) AS path, o.size,
       lower(hex(o.sha)) AS sha256, s.endpoint, s.bucket, CAST(o.key AS TEXT) AS key,
       CASE typeof(o.etag) WHEN 'blob' THEN '"' || lower(hex(o.etag)) || '"' ELSE o.etag END
         AS etag,
       o.version, o.proof AS proof_level, p.detail AS proof, o.owned, o.sole,
       strftime('%Y-%m-%d %H:%M:%f', o.proven_at / 1000.0, 'unixepoch') AS proven_utc
FROM objects o JOIN files f ON f.id = o.file_id JOIN folders d ON d.id = f.folder_id
     JOIN stores s ON s.id = o.store_id LEFT JOIN proofs p ON p.id = o.proof_detail
WHERE o.live = 1;

CREATE VIEW history AS
WITH told(seq, at, file_id, gen, event, reason, attempt, prev) AS (
  SELECT seq, at, file_id, gen, event, reason, attempt, prev FROM events
  UNION ALL
  SELECT seq, at, file_id, gen, 0, NULL, NULL, prev FROM events e
  WHERE event = 4 AND NOT EXISTS (SELECT 1 FROM events p WHERE p.seq = e.prev AND p.gen = e.gen))
SELECT e.seq, strftime('%Y-%m-%d %H:%M:%f', e.at / 1000.0, 'unixepoch') AS at_utc,
       d.name AS folder, CAST(f.path AS TEXT) AS path, e.file_id, e.gen AS generation,
       (SELECT name FROM event_names n WHERE n.event = e.event) AS event, e.reason,
       lower(hex(e.attempt)) AS attempt, e.prev
FROM told e JOIN files f ON f.id = e.file_id JOIN folders d ON d.id = f.folder_id;
)sql";

// The queue is served by folder, by size, what was put back in a line of its own, in the order of
// waiting (columns.h, lane.h); `since` is NULL for what waits for nothing.
constexpr const char* version_2 = R"sql(
ALTER TABLE files ADD COLUMN since INTEGER;
UPDATE files SET since = arrived WHERE live = 1 AND state <> 3 AND state IN (0, 1, 2);
CREATE INDEX files_queue ON files(
  folder_id, (tries > 0), ((size > 1048576) + (size > 16777216)), since)
  WHERE live = 1 AND state = 0;

-- One pass over the events in their order, so that asking from a number on stops at its limit. An
-- event whose predecessor has been pruned says nothing of it.
DROP VIEW history;
CREATE VIEW history AS
SELECT e.seq, strftime('%Y-%m-%d %H:%M:%f', e.at / 1000.0, 'unixepoch') AS at_utc,
       d.name AS folder, CAST(f.path AS TEXT) AS path, e.file_id, e.gen AS generation,
       (SELECT name FROM event_names n WHERE n.event = e.event * t.told) AS event,
       CASE t.told WHEN 1 THEN e.reason END AS reason,
       CASE t.told WHEN 1 THEN lower(hex(e.attempt)) END AS attempt, e.prev
FROM events e CROSS JOIN (SELECT 0 AS told UNION ALL SELECT 1) t
     CROSS JOIN files f ON f.id = e.file_id CROSS JOIN folders d ON d.id = f.folder_id
WHERE t.told = 1 OR (e.event = 4 AND
      (e.prev IS NULL OR EXISTS (SELECT 1 FROM events p WHERE p.seq = e.prev AND p.gen <> e.gen)));
)sql";

// Names that a rename was seen to give to a file, of which there is no row yet.
constexpr const char* version_3 = R"sql(
CREATE TABLE arrivals(
  folder_id  INTEGER NOT NULL REFERENCES folders(id),
  path       BLOB NOT NULL,
  dev        INTEGER NOT NULL,
  ino        INTEGER NOT NULL,
  btime      INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY(folder_id, path)
) STRICT, WITHOUT ROWID;
)sql";

// What is mounted in folders, and the files that lie below a mount that came over them.
constexpr const char* version_4 = R"sql(
CREATE TABLE mounts(
  folder_id  INTEGER NOT NULL REFERENCES folders(id),
  path       BLOB NOT NULL,
  dev        INTEGER NOT NULL,
  ino        INTEGER NOT NULL,
  btime      INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY(folder_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE covered_files(
  file_id  INTEGER PRIMARY KEY REFERENCES files(id)
) STRICT;
)sql";

// A file is found again under another name; which of them had a name before, few rows tell.
constexpr const char* version_5 = R"sql(
DROP VIEW event_names;
CREATE VIEW event_names(event, name) AS VALUES
  (0, 'complete-new-content'), (1, 'complete-object-content'), (2, 'complete-attempt-content'),
  (3, 'vanished'), (4, 'claim'), (5, 'acknowledged'), (6, 'rebased'), (7, 'absent'),
  (8, 'equal-foreign'), (9, 'foreign'), (10, 'transient'), (11, 'needs-person'),
  (12, 'cause-fixed'), (13, 'removal-due'), (14, 'unlinked'), (15, 'removal-refused'),
  (16, 'scrub-found-bad'), (17, 'scrub-found-lost'), (18, 'renamed');
CREATE INDEX events_renamed ON events(reason) WHERE event = 18;
-- Inodes are used again and again where files come and go: only the time of birth tells them apart.
DROP INDEX files_live_ino;
CREATE INDEX files_live_ino ON files(ino, btime) WHERE live = 1;
)sql";

// What is said of a file beside what Waybill says: of an attempt before it is sent, of an object as
// it has it.
constexpr const char* version_6 = R"sql(
ALTER TABLE attempts ADD COLUMN metadata TEXT;
ALTER TABLE objects ADD COLUMN metadata TEXT;
DROP VIEW receipts;
CREATE VIEW receipts AS
SELECT f.id AS file_id, d.name AS folder, CAST(f.path AS TEXT) AS path, o.size,
       lower(hex(o.sha)) AS sha256, s.endpoint, s.bucket, CAST(o.key AS TEXT) AS key,
       CASE typeof(o.etag) WHEN 'blob' THEN '"' || lower(hex(o.etag)) || '"' ELSE o.etag END
         AS etag,
       o.version, o.proof AS proof_level, p.detail AS proof, o.owned, o.sole, o.metadata,
       strftime('%Y-%m-%d %H:%M:%f', o.proven_at / 1000.0, 'unixepoch') AS proven_utc
FROM objects o JOIN files f ON f.id = o.file_id JOIN folders d ON d.id = f.folder_id
     JOIN stores s ON s.id = o.store_id LEFT JOIN proofs p ON p.id = o.proof_detail
WHERE o.live = 1;
)sql";

// Of the time of birth what tells lives of an inode apart, in 2 bytes a file instead of 8: a
// remainder by a prime, since file systems count in ticks, microseconds or seconds. And what is to
// be looked at again is found without a look at all that is stored; what was replaced is in no
// doubt.
constexpr const char* version_7 = R"sql(
DROP INDEX files_live_ino;
CREATE INDEX files_live_ino ON files(ino, (btime % 32749)) WHERE live = 1;
CREATE INDEX objects_proof_due ON objects(id) WHERE live = 1 AND proof_due IS NOT NULL;
UPDATE objects SET proof_due = NULL WHERE live = 0;
)sql";

// Only copies of former files that were replaced, which no row tells of, until a person takes note.
constexpr const char* version_8 = R"sql(
CREATE TABLE lost_objects(
  object_id  INTEGER PRIMARY KEY REFERENCES objects(id),
  at         INTEGER NOT NULL
) STRICT;
)sql";

constexpr auto steps = std::to_array<Migration>({{.to = 1, .sql = version_1},
                                                 {.to = 2, .sql = version_2},
                                                 {.to = 3, .sql = version_3},
                                                 {.to = 4, .sql = version_4},
                                                 {.to = 5, .sql = version_5},
                                                 {.to = 6, .sql = version_6},
                                                 {.to = 7, .sql = version_7},
                                                 {.to = 8, .sql = version_8}});

}  // namespace

std::span<const Migration> migrations() {
  return steps;
}

Result<SchemaVersion> inspect(Connection& connection, std::int64_t newest) {
  auto owner = connection.integer("PRAGMA application_id");
  if (!owner) return fail(owner.error());
  auto version = connection.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  auto tables = connection.integer("SELECT count(*) FROM sqlite_master");
  if (!tables) return fail(tables.error());

  const bool empty = tables->value_or(0) == 0;
  if (owner->value_or(0) != application_id && !(empty && owner->value_or(0) == 0)) {
    return fail(ErrorCode::NeedsPerson, "this database belongs to another program");
  }
  if (version->value_or(0) > newest) {
    return fail(ErrorCode::NewerVersion,
                "the catalog was written by a later version of waybill (schema " +
                    std::to_string(version->value_or(0)) + ", this program knows " +
                    std::to_string(newest) + "): install that version again");
  }
  return SchemaVersion{.version = version->value_or(0)};
}

Result<void> migrate(Connection& connection, std::span<const Migration> missing) {
  for (const Migration& step : missing) {
    auto version = connection.integer("PRAGMA user_version");
    if (!version) return fail(version.error());
    if (version->value_or(0) >= step.to) continue;
    const std::string sql = "BEGIN IMMEDIATE;" + std::string(step.sql) +
                            ";PRAGMA application_id = " + std::to_string(application_id) +
                            ";PRAGMA user_version = " + std::to_string(step.to) + ";COMMIT";
    if (auto done = connection.run(sql.c_str()); !done) {
      if (connection.in_transaction()) static_cast<void>(connection.run("ROLLBACK"));
      return done;
    }
  }
  return {};
}

Result<void> quick_check(Connection& connection) {
  auto verdict = connection.string("PRAGMA quick_check(1)");
  if (!verdict) return fail(verdict.error());
  if (verdict->value_or("") != "ok") {
    return fail(ErrorCode::Damaged,
                "a page does not hold what it should: " + verdict->value_or("no verdict"));
  }
  return {};
}

}  // namespace waybill::catalog
