#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/rows.h"

namespace waybill::catalog {

// A settled file, as its reader saw it.
struct CompleteFile {
  FolderId folder{};
  std::string path;
  Fingerprint fingerprint;
  bool racy = false;
  std::optional<Sha256>
      sha256;  // nullopt: not read yet (backlog, or above the multipart threshold)
  // Which the object is to have; another one is new content. nullopt: not looked at.
  std::optional<std::string> metadata = std::nullopt;
};

struct NewAttempt {
  std::string id;
  FileId file{};
  StoreId store{};
  std::string key;
  AttemptKind kind = AttemptKind::Single;
  std::string condition;
  Fingerprint fingerprint;
  std::optional<Sha256> sha256;
  std::uint64_t part_size = 0;
  bool new_version = false;  // the bucket keeps versions: may share the key of a sole object
  std::string metadata = {};
};

// What S3 acknowledged, and how well it is proven.
struct StoredObject {
  std::string version;
  std::string etag;
  std::uint64_t size = 0;
  Sha256 sha256{};
  std::string checksum;
  ProofLevel proof = ProofLevel::None;
  std::string proof_detail;
};

// The only writer's view of the catalog: one connection, owned by the coord thread. Every verb is
// one transition of the pure table (file_state.h) with its effects and its `events` row, inside the
// open transaction; nothing is promised to anybody before commit() returned.
//
// Errors: DiskFull (nothing was written: stop claiming), Ambiguous (commit: outcome unknown; the
// catalog is closed and the caller reopens and reads), Damaged, NewerVersion, NeedsPerson
// (permissions, locked by another process), Internal (an illegal transition).
class Catalog {
 public:
  // Creates, migrates or opens DIR/catalog.db (WAL, synchronous=FULL). Takes the single-writer
  // lock: a second daemon on the same directory gets NeedsPerson. A newer schema is NewerVersion,
  // untouched. A damaged catalog is set aside (set_aside.h), and Damaged as long as no other lies
  // in its place; so is one that has gone.
  static Result<std::unique_ptr<Catalog>> open(const std::string& state_dir, const Clock& clock);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // --- grouped commits ------------------------------------------------------------------------
  // Verbs begin a transaction by themselves. commit() makes all since the last one durable.
  Result<void> commit();
  // Forgets all since the last commit (after a verb failed half-way).
  void rollback();
  [[nodiscard]] bool dirty() const;
  // Ends what was read of one moment. To be called soon after reading, before any wait: until then
  // the log grows. commit() and rollback() do it too.
  void release_snapshot();
  // A verb met damage: the next open() looks at every page, as after an unclean stop.
  void distrust();
  // For an idle moment: moves the write-ahead log into the database. Bounds itself otherwise.
  Result<void> checkpoint();

  // --- who and where --------------------------------------------------------------------------
  Result<std::string> agent_id();  // minted at first start
  Result<StoreRow> ensure_store(std::string_view endpoint, std::string_view bucket,
                                std::string_view prefix);
  Result<void> save_store(const StoreRow& store);
  Result<FolderRow> ensure_folder(std::string_view name, std::string_view path, StoreId store);
  Result<void> save_folder(const FolderRow& folder);

  // --- files ----------------------------------------------------------------------------------
  Result<std::optional<FileRow>> find_live(FolderId folder, std::string_view path);
  Result<std::optional<FileRow>> file(FileId id);
  // Live rows directly in `directory` ("" is the root, else without trailing slash) when `deep` is
  // false, anywhere below it otherwise; in path order, one by one.
  Result<void> for_each_live(FolderId folder, std::string_view directory, bool deep,
                             const std::function<void(const FileRow&)>& visit);
  // The same rows by what a comparison with the disk needs, in any order: a whole folder of a
  // million files in well under a second. `visit` returns false to pause behind that row: the next
  // call with the same `from` goes on there, past what was changed meanwhile. True: there are no
  // more.
  struct Name {
    FileId id{};
    FileState state{};
    std::string path;
  };
  struct NamesFrom {  // as it is made, at the beginning
    std::string path;
    FileId id{};
  };
  Result<bool> for_each_name(FolderId folder, std::string_view directory, bool deep,
                             NamesFrom& from, const std::function<bool(const Name&)>& visit);
  // Rows in `state`, ids above `after`, in id order, `limit` at the most.
  Result<std::vector<FileRow>> in_state(FileState state, FileId after, std::size_t limit);
  // Queued rows of one queue behind `after` (nullopt: from its head), as they are to be served.
  Result<std::vector<FileRow>> queued(const Queue& queue, const std::optional<QueuePlace>& after,
                                      std::size_t limit);
  // Since when the file that is queued or uploading longest waits, ns since 1970; no entry: none.
  // Costs a few look-ups, however many wait.
  Result<std::map<FolderId, std::int64_t>> oldest_pending();

  // CompleteNewContent | CompleteObjectContent | CompleteAttemptContent, decided here from the
  // SHA-256s; an unknown SHA-256 with a changed fingerprint counts as new content. Returns the row
  // as it now is (a fresh row where the table says so).
  Result<FileRow> complete(const CompleteFile& file);
  // Fixes what only reading told: SHA-256 of a queued row, with its fingerprint. No event.
  Result<FileRow> set_content(FileId file, const Fingerprint& fingerprint, const Sha256& sha256);
  Result<FileRow> set_key(FileId file, std::string_view key);
  // Where its object is no more either (object_replaced()), it is blocked as lost, until CauseFixed
  // says that somebody has taken note of it.
  Result<FileRow> vanished(FileId file);
  // Rows at other paths of that folder that tell of the very inode of this file (with its time of
  // birth; none where there is no such), those that are Gone first; a few at the most. What it held
  // then its size and time of modification may tell, and for certain only a hash.
  Result<std::vector<FileRow>> same_inode_elsewhere(FolderId folder, std::string_view path,
                                                    const Fingerprint& fingerprint);
  // The row's file, Gone from its path, is `seen`, read and of the row's SHA-256: the row goes on
  // under the new path, with a key to be evaluated for it. Its object is held until a new one is
  // stored: not sole, and another file's to replace by no policy.
  // PreconditionFailed, and nothing changed: the path has a row of a file that is not gone. (One
  // that has only been queued there, and nothing else, is this file's, and ends.)
  Result<FileRow> renamed(FileId file, const CompleteFile& seen);
  // Queued → Stored where its object has its very content, metadata and key, and nothing may still
  // change that (complete()); else the row as it is.
  Result<FileRow> take_object(FileId file, std::optional<std::string> metadata);
  // Absent, Rebased, Foreign, Transient, NeedsPerson, CauseFixed, … : an event with a reason.
  Result<FileRow> apply(FileId file, FileEvent event, std::string_view reason);
  // A fingerprint that changed while the content did not (touch, chmod, a cleared racy flag).
  Result<void> refresh_fingerprint(FileId file, const Fingerprint& fingerprint, bool racy);

  // --- arrivals by rename that no row tells of yet --------------------------------------------
  Result<std::optional<ArrivalRow>> arrival(FolderId folder, std::string_view path);
  // In place of what was noted of that path before.
  Result<void> note_arrival(FolderId folder, const ArrivalRow& arrival);
  Result<void> forget_arrival(FolderId folder, std::string_view path);
  // Those behind the path `after`, in path order, `limit` at the most.
  Result<std::vector<ArrivalRow>> arrivals(FolderId folder, std::string_view after,
                                           std::size_t limit);

  // --- what is mounted in folders -------------------------------------------------------------
  Result<std::vector<MountRow>> mounts(FolderId folder);
  // In place of what was noted of that path before. `covers`: where nothing was, the files that
  // rows tell of below it are covered from here on. True: that was so.
  Result<bool> note_mount(FolderId folder, const MountRow& mount, bool covers);
  // Nothing below it is covered any more either.
  Result<void> forget_mount(FolderId folder, std::string_view path);
  // Files over which something was mounted, and that were not seen since.
  Result<std::vector<FileId>> covered(FolderId folder);
  Result<void> uncover(FileId file);

  // Deletes history from before `before` (ns since 1970), a bounded number of events a call, so
  // that nothing else waits for long; what pending files rely on stays.
  struct Pruned {
    std::int64_t events = 0;
    bool more = false;
  };
  Result<Pruned> prune_events(std::int64_t before);

  // --- attempts and objects -------------------------------------------------------------------
  // Commit A's verb: Queued → Uploading with a durable attempt; freezes the row's key. An id that
  // the row's generation has used before goes on with that attempt.
  // PreconditionFailed, and nothing changed: the key is held by the object of another file or of
  // somebody else, by a sole object (unless `new_version`), or by another file's open attempt. A
  // key with a suffix is free.
  Result<FileRow> claim(const NewAttempt& attempt);
  Result<std::optional<AttemptRow>> attempt(std::string_view id);
  // But for uploads that were left: those are nobody's try any more.
  Result<std::vector<AttemptRow>> attempts_of(FileId file);
  Result<std::vector<AttemptRow>> open_attempts();  // all that are not ended: at start
  // Another file has an attempt on that key that may still land: a claim of it would be refused.
  [[nodiscard]] bool another_file_uploads_to(StoreId store, std::string_view key,
                                             FileId file) const;
  Result<void> save_attempt(const AttemptRow& attempt);  // upload id, SHA-256, state, condition
  Result<void> end_attempt(std::string_view id);
  // A row of its own, `id`, for an upload of that attempt which could not be aborted: what it began
  // stays known until it is gone (P6), and holds nothing (is_left_upload()). Without an upload id:
  // for what its last Create, which was not answered, may have begun.
  Result<AttemptRow> leave_upload(const AttemptRow& of, std::string id, std::string upload_id);
  // Commit B's verb: records the object, Uploading → Stored, ends the attempt. `owned` false is
  // EqualForeign. An attempt that its row no longer runs (late landing) records the object only and
  // returns the row unchanged. `may_land_again`: an earlier send of it was never answered, so the
  // attempt stays, abandoned, until its quarantine has ended.
  Result<FileRow> acknowledge(std::string_view attempt, const StoredObject& object, bool owned,
                              bool may_land_again = false);
  // Live objects over which something else may have landed: only a HEAD can tell.
  Result<std::vector<ObjectId>> proofs_due();
  // A HEAD has shown that it is there, as `seen` says. Level None: what was proven of it still
  // holds.
  Result<void> proven_again(ObjectId id, const StoredObject& seen);
  // A HEAD has shown that it is no more: its key has what `by` made (an attempt; empty: nothing of
  // ours). Its file is queued again where it was stored, and lost where it has gone and nothing
  // else has its bytes.
  struct Replaced {
    std::optional<FileRow> row;  // whose state has changed
    bool only_copy_lost = false;
  };
  Result<Replaced> object_replaced(ObjectId id, std::string_view by, std::string_view reason);
  // Only copies of former files that are no more: no row tells of them.
  Result<LostObjects> lost_objects();
  // A person has taken note of them all.
  Result<void> note_lost_objects();
  Result<std::optional<ObjectRow>> object(ObjectId id);
  Result<std::optional<ObjectRow>> live_object_at(StoreId store, std::string_view key);

  // --- counts ---------------------------------------------------------------------------------
  struct Counts {
    std::int64_t by_state[7] = {};
    std::int64_t retrying = 0;        // Queued with tries > 0
    std::int64_t last_stored_at = 0;  // ns since 1970; 0: never
    std::int64_t stored_bytes = 0;
  };
  // Kept in memory and maintained by the verbs; reading it costs nothing.
  [[nodiscard]] Counts counts(FolderId folder) const;

 private:
  struct Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::catalog
