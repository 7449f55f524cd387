BEGIN;
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
, since INTEGER) STRICT;
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
, metadata TEXT) STRICT;
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
, metadata TEXT) STRICT, WITHOUT ROWID;
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
CREATE UNIQUE INDEX files_live_path ON files(folder_id, path) WHERE live = 1;
CREATE INDEX files_by_state ON files(state) WHERE live = 1 AND state <> 3;
CREATE UNIQUE INDEX objects_live_key ON objects(store_id, key) WHERE live = 1;
CREATE INDEX files_queue ON files(
  folder_id, (tries > 0), ((size > 1048576) + (size > 16777216)), since)
  WHERE live = 1 AND state = 0;
CREATE INDEX events_renamed ON events(reason) WHERE event = 18;
CREATE INDEX files_live_ino ON files(ino, (btime % 32749)) WHERE live = 1;
CREATE VIEW state_names(state, name) AS VALUES
  (0, 'queued'), (1, 'uploading'), (2, 'blocked'), (3, 'stored'),
  (4, 'removing'), (5, 'removed'), (6, 'gone');
CREATE VIEW event_names(event, name) AS VALUES
  (0, 'complete-new-content'), (1, 'complete-object-content'), (2, 'complete-attempt-content'),
  (3, 'vanished'), (4, 'claim'), (5, 'acknowledged'), (6, 'rebased'), (7, 'absent'),
  (8, 'equal-foreign'), (9, 'foreign'), (10, 'transient'), (11, 'needs-person'),
  (12, 'cause-fixed'), (13, 'removal-due'), (14, 'unlinked'), (15, 'removal-refused'),
  (16, 'scrub-found-bad'), (17, 'scrub-found-lost'), (18, 'renamed');
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
       o.version, o.proof AS proof_level, p.detail AS proof, o.owned, o.sole, o.metadata,
       strftime('%Y-%m-%d %H:%M:%f', o.proven_at / 1000.0, 'unixepoch') AS proven_utc
FROM objects o JOIN files f ON f.id = o.file_id JOIN folders d ON d.id = f.folder_id
     JOIN stores s ON s.id = o.store_id LEFT JOIN proofs p ON p.id = o.proof_detail
WHERE o.live = 1;
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
CREATE TABLE arrivals(
  folder_id  INTEGER NOT NULL REFERENCES folders(id),
  path       BLOB NOT NULL,
  dev        INTEGER NOT NULL,
  ino        INTEGER NOT NULL,
  btime      INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY(folder_id, path)
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('agent_id','0123456789abcdef0123456789abcdef');
INSERT INTO meta VALUES('clean',1);
INSERT INTO stores VALUES(1,'https://s3.test','bucket','p/',NULL,1,NULL);
INSERT INTO folders VALUES(1,'inbox',X'2F7372762F696E626F78',1,0,0,0,NULL,0,'active',NULL);
INSERT INTO files VALUES(1,1,X'717565756564',1,0,1,1,101,1,3,1,1,0,X'D36BE6494248EE06AC18F38EA1119DFE4699FDCFCBBCC30A2E4F1CCBCE68DFAC',NULL,0,NULL,NULL,1782864000000,1,1782864000000);
INSERT INTO files VALUES(2,1,X'626C6F636B6564',1,2,1,1,102,2,3,2,2,0,X'3E23E8160039594A33894F6564E1B1348BBD7A0088D42C4ACB73EEAED59C009D',NULL,0,'an object that is not ours has this key: p/blocked',NULL,1782864000000,3,1782864000000);
INSERT INTO files VALUES(3,1,X'676F6E65',1,6,1,1,103,3,3,3,3,0,NULL,1,0,NULL,NULL,1782864000000,6,NULL);
INSERT INTO files VALUES(4,1,X'6F6464FFFE6E616D65',1,3,1,1,104,4,3,4,4,0,NULL,2,0,NULL,NULL,1782864000000,8,NULL);
INSERT INTO files VALUES(5,1,X'73746F726564',1,3,2,1,106,6,3,6,6,0,NULL,4,0,NULL,NULL,1782864000000,12,NULL);
INSERT INTO files VALUES(6,1,X'6C61726765',1,1,1,1,107,7,41943040,7,7,0,NULL,NULL,0,NULL,NULL,1782864000000,13,1782864000000);
INSERT INTO objects VALUES(1,1,X'702F676F6E65',1,NULL,'"e"',3,X'04EFAF080F5A3E74E1C29D1CA6A48569382CBBCD324E8D59D2B83EF21C039F00','=',3,1,1,1,3,1,X'7A9D66BE1356F11C261C43A74576503F',1782864000000,NULL,NULL);
INSERT INTO objects VALUES(2,1,X'702F6F6464FFFE6E616D65',1,NULL,'"e"',3,X'990CB8EBD0AFB7150DA453A213036A92F2C05E091DF0D803E62D257EA7796C27','=',3,1,1,0,4,1,X'EC7696021CCDE0E16FC7FF9D40C6454E',1782864000000,NULL,NULL);
INSERT INTO objects VALUES(3,1,X'702F73746F726564',0,NULL,'"e"',3,X'A7937B64B8CAA58F03721BB6BACF5C78CB235FEBE0E70B1B84CD99541461A08E','=',3,1,1,0,5,1,X'DDED7A0D78F5A242C69DDF102D59A1E0',1782864000000,NULL,NULL);
INSERT INTO objects VALUES(4,1,X'702F73746F726564',1,NULL,'"e"',3,X'16367AACB67A4A017C8DA8AB95682CCB390863780F7114DDA0A0E0C55644C7C4','=',3,1,1,0,5,2,X'181AE0D8ED93025D6444C1F8736F496E',1782864000000,NULL,'{"sample":"12"}');
INSERT INTO proofs VALUES(1,'S3 checked the signed SHA-256');
INSERT INTO attempts VALUES(X'1E35F6E377C15D144EAC11E2DBAA8C7B',6,1,1,X'702F6C61726765',1,'absent',2,1700000000000000000,1,107,7,41943040,7,7,NULL,'an upload id',16777216,'{"mode":"100644","uid":"0","gid":"0"}');
INSERT INTO events VALUES(1,1782864000000,1,1,0,NULL,NULL,NULL);
INSERT INTO events VALUES(2,1782864000000,2,1,0,NULL,NULL,NULL);
INSERT INTO events VALUES(3,1782864000000,2,1,11,'an object that is not ours has this key: p/blocked',NULL,2);
INSERT INTO events VALUES(4,1782864000000,3,1,4,NULL,X'7A9D66BE1356F11C261C43A74576503F',NULL);
INSERT INTO events VALUES(5,1782864000000,3,1,5,NULL,NULL,4);
INSERT INTO events VALUES(6,1782864000000,3,1,3,NULL,NULL,5);
INSERT INTO events VALUES(7,1782864000000,4,1,4,NULL,X'EC7696021CCDE0E16FC7FF9D40C6454E',NULL);
INSERT INTO events VALUES(8,1782864000000,4,1,5,NULL,NULL,7);
INSERT INTO events VALUES(9,1782864000000,5,1,4,NULL,X'DDED7A0D78F5A242C69DDF102D59A1E0',NULL);
INSERT INTO events VALUES(10,1782864000000,5,1,5,NULL,NULL,9);
INSERT INTO events VALUES(11,1782864000000,5,2,4,NULL,X'181AE0D8ED93025D6444C1F8736F496E',10);
INSERT INTO events VALUES(12,1782864000000,5,2,5,NULL,NULL,11);
INSERT INTO events VALUES(13,1782864000000,6,1,4,NULL,X'1E35F6E377C15D144EAC11E2DBAA8C7B',NULL);
INSERT INTO arrivals VALUES(1,X'61727269766564',1,108,8,1782864000000);
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
INSERT INTO mounts VALUES(1,X'6469736B',1,109,9,1782864000000);
INSERT INTO covered_files VALUES(5);
INSERT INTO counts VALUES(1,0,1,0,3,0);
INSERT INTO counts VALUES(1,1,1,0,41943040,0);
INSERT INTO counts VALUES(1,2,1,0,3,0);
INSERT INTO counts VALUES(1,3,2,0,6,1782864000000000000);
INSERT INTO counts VALUES(1,6,1,0,3,0);
PRAGMA application_id = 1466005858;
CREATE INDEX objects_proof_due ON objects(id) WHERE live = 1 AND proof_due IS NOT NULL;
CREATE TABLE lost_objects(
  object_id  INTEGER PRIMARY KEY REFERENCES objects(id),
  at         INTEGER NOT NULL
) STRICT;
INSERT INTO lost_objects VALUES(3,1782864000000);
PRAGMA user_version = 8;
COMMIT;
