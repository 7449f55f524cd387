#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/content_memory.h"
#include "agent/due_proofs.h"
#include "agent/file_metadata.h"
#include "agent/intake.h"
#include "agent/leftovers.h"
#include "agent/session.h"
#include "agent/stores.h"
#include "base/buffer_pool.h"
#include "uploader/upload.h"
#include "watcher/stable_reader.h"

namespace waybill::agent {

// From a ready file to a stored row: reads it, records it with a durable attempt, and carries out
// what the attempt's Upload machine asks for. Coord thread only.
class Transfers {
 public:
  // `left`: this path may not be pending any more.
  Transfers(Session& session, Stores& stores, Intake& intake,
            std::function<void(const FilePath&)> left);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // At start: every attempt that was under way is taken up with a HEAD (DESIGN.md 4.8).
  void resume_open_attempts();
  // At start: what blocked a file may have been put right meanwhile, and its timer is gone.
  void release_blocked();
  [[nodiscard]] Load load() const;
  void start(ReadyFile file);
  // Its content is no longer wanted: newer content, or no file.
  void cancel(FileId file);
  void store_opened(StoreId store);
  // Its times could not tell it from a write at the same instant: it is read once more, two ticks
  // later (PROTOCOL.md rule 9).
  void check_again(const ReadyFile& file);
  // That reading is still to come.
  [[nodiscard]] bool doubted(const FilePath& file) const {
    return doubted_.contains(file) || compared_.contains(file);
  }
  // What is said of it may be other than what is stored: the file is to be looked at, and read and
  // sent where that is so.
  void compare(const FilePath& file);
  // Looks at such files, and at all of the folders that owe that: a few at a time.
  void look_beside();
  // When there is more to look at.
  [[nodiscard]] std::optional<BootTime> next_look_beside() const;
  // Blocked files, and those that their store fails (one, or all of a folder, or all) go again. How
  // many.
  std::int64_t retry(std::optional<FolderId> folder, const std::string& path);

  [[nodiscard]] bool busy(const FilePath& file) const;
  // As what it is being read; nullopt: it is not.
  [[nodiscard]] std::optional<Fingerprint> being_read(const FilePath& file) const;
  [[nodiscard]] bool idle() const { return reading_.empty() && running_.empty(); }
  // What it is doing with this file, in a sentence; empty: nothing.
  [[nodiscard]] std::string phase(const FilePath& file) const;
  // It waits because an earlier attempt on its key may still land (rule 2).
  [[nodiscard]] bool awaits_earlier_attempt(const FilePath& file) const;
  // It waits because its key is held for a file that was renamed.
  [[nodiscard]] bool awaits_renamed_file(const FilePath& file) const;
  // Files that are read now, but for those that a queued row counts.
  [[nodiscard]] std::int64_t reading(FolderId folder) const;
  [[nodiscard]] std::optional<BootTime> oldest_reading(FolderId folder) const;
  [[nodiscard]] std::vector<FilePath> busy_paths() const;
  void add_reasons(std::vector<Reason>& reasons) const;

 private:
  struct Running;

  // --- the same file under another name ---
  std::optional<std::vector<catalog::FileRow>> former_rows(FolderId folder, const std::string& path,
                                                           const Fingerprint& fingerprint);
  bool looks_for_former_name(ReadyFile& file);
  std::optional<catalog::FileRow> renamed(const catalog::CompleteFile& file);
  bool former_name_is_gone(const ReadyFile& file);
  bool may_ask(const FilePath& path, const Fingerprint& fingerprint);

  // --- reading ---
  void read_small(const ReadyFile& file);
  void open_large(const ReadyFile& file);
  bool must_hash_first(const ReadyFile& file);
  struct Hashing {
    std::shared_ptr<watcher::PartReader> reader;
    std::uint64_t at = 0;
  };
  struct Hashed {
    std::optional<Sha256> sha256;  // nullopt: for want of metadata nothing was hashed
    Result<std::string> metadata;  // said_of()
  };
  using HashDone = std::function<void(const Result<Hashed>&)>;
  void look_and_hash(const ReadyFile& file, HashDone done);
  void hash(const ReadyFile& file, Hashing so_far, HashDone done);
  void open_parts(const ReadyFile& file, const std::optional<Sha256>& sha256);
  void on_small(const ReadyFile& file, const Result<watcher::Content>& content,
                const BesideFile& beside);
  void on_large(const ReadyFile& file, const Result<std::shared_ptr<watcher::PartReader>>& parts,
                const std::optional<Sha256>& sha256, const BesideFile& beside);
  // RetryLater: its sidecar is not still yet; anything else blocks it.
  Result<std::string> said_of(const FilePath& file, const watcher::AboutFile& about,
                              const BesideFile& beside);
  void nothing_to_send_with(const ReadyFile& file, const Error& error);
  void read_failed(const ReadyFile& file, const Error& error);
  [[nodiscard]] bool may_take(const ReadyFile& file, bool leased);
  void read_again(const ReadyFile& file);
  void read_again_in(const ReadyFile& file, Nanoseconds wait);
  void on_read_again(const ReadyFile& file, const Result<Hashed>& hashed);
  void told_again(catalog::CompleteFile seen, const Result<std::string>& metadata);
  [[nodiscard]] watcher::LeaseMode lease_mode(FolderId folder) const;
  [[nodiscard]] std::optional<CrcKind> crc_with_put(FolderId folder) const;

  // --- comparing what is said with what is stored ---
  struct Comparison {
    FilePath file;
    Fingerprint fingerprint;
    BesideFile beside;
    Result<watcher::AboutFile> about = {};
  };
  struct Walk {
    std::set<FolderId> folders;
    BootTime begun;
    catalog::FileState state = catalog::FileState::Uploading;
    FileId after{};
    bool all = false;  // of it has been handed to readers
  };
  [[nodiscard]] Comparison comparison_of(const catalog::FileRow& row) const;
  struct Changed {
    std::set<std::string> paths;  // of files beside which something has changed
    std::string last;             // that was looked at: they take turns
    bool asked = false;           // the readers have some
  };
  [[nodiscard]] std::vector<Comparison> next_changed(FolderId folder, Changed& changed);
  // If it is blocked: what blocked it may be mended. False: the session has failed.
  bool let_go_again(const std::optional<catalog::FileRow>& row);
  void look_at_changed();
  void look_at_all();
  void walk_on();
  // Files of one folder.
  void ask_readers(std::vector<Comparison> some, Task done);
  void compared(const Comparison& one);

  // --- claiming ---
  struct Source {
    std::shared_ptr<const watcher::Content> content;  // small
    std::shared_ptr<watcher::PartReader> parts;       // large
    std::optional<std::string> metadata = {};         // as it was when they were read
  };
  void record(const ReadyFile& file, std::optional<Sha256> sha256, Source source);
  void claim(const catalog::FileRow& row, Source source);
  struct Place {
    std::string key;
    std::optional<std::string> base_etag;
    bool new_version = false;  // a new version beside a sole object
  };
  // False: the session has failed.
  bool keep_key(const catalog::FileRow& row, const std::string& key);
  // Where the next generation goes; nullopt: the row has been blocked, or the session has failed.
  std::optional<Place> choose_place(const catalog::FileRow& row, const std::string& attempt_id);
  // Where the store has these bytes under the key of the row's former name; nullopt: they are to be
  // sent.
  std::optional<uploader::CopySource> copy_source(const catalog::FileRow& row,
                                                  const std::string& key);
  std::optional<Place> beside_another_file(const catalog::FileRow& row,
                                           const catalog::ObjectRow& object,
                                           const std::string& beside);
  [[nodiscard]] bool waits_for(FileId file, FileId other) const;
  void let_go_on(FileId renamed);
  std::optional<bool> must_wait_for_earlier_attempt(const catalog::FileRow& row,
                                                    const std::string& key, const Source& source);
  void block(const catalog::FileRow& row, const std::string& reason);
  void wait_for_cause(FileId file, const FilePath& path, const std::string& reason);
  void record_blocked(const ReadyFile& file, const std::string& reason);

  // --- running ---
  [[nodiscard]] std::string content_type_of(const std::string& path) const;
  void begin(catalog::AttemptRow attempt, const catalog::FileRow& row, Source source, bool resumed);
  void feed(const std::string& attempt_id, uploader::Input input);
  void perform(Running& running, uploader::Action action);
  void send_copy(Running& running, uploader::SendCopy& copy);
  void go_on_from_file(Running& running, const uploader::NotCopied& told);
  void send_put(Running& running);
  void put_content(Running& running);
  void read_parts(const Running& running);
  void serve_waiting();
  void read_next_part(Running& running);
  [[nodiscard]] watcher::PartReader::Digests digests_of(const Running& running,
                                                        const uploader::SendPart& part) const;
  void on_part(const std::string& attempt_id, const uploader::SendPart& part,
               const std::shared_ptr<watcher::PartReader>& reader,
               const Result<watcher::PartReader::PartContent>& content,
               const std::optional<Result<Sha256>>& whole);
  void part_answered(Running& running, std::uint64_t length);
  void charge(Running& running, std::uint64_t bytes);
  void give_back(Running& running, std::uint64_t bytes);
  void release_content(Running& running);
  void persist_content(Running& running, const Sha256& sha256);
  void endpoint_trouble(Running& running, const Error& cause);
  void hold_alone(Running& running, const Error& cause);
  void go_on(Running& running);  // what was held
  std::int64_t retry_failing(std::optional<FolderId> folder, const std::string& path);
  void source_lost(Running& running);
  void finish(Running& running, const uploader::Outcome& outcome);
  void stored(Running& running, const uploader::Stored& outcome);
  bool comes_late(const std::string& attempt_id);
  void dropped(Running& running, const uploader::Dropped& outcome);
  void remove(const std::string& attempt_id);
  void no_longer_stored(const catalog::FileRow& row);
  // The callback for a request of this attempt, and the note of the request that was given it.
  template <typename Reply, typename MakeInput>
  uploader::Done<Reply> replies_to(Running& running, MakeInput make_input);
  void sent(Running& running, uploader::RequestId request);
  bool abandon(catalog::AttemptRow attempt);
  void leave_uploads(Running& running);
  bool leave_unclear_create(const Running& running);
  [[nodiscard]] bool key_in_use(const std::string& key) const;

  Session& session_;
  Stores& stores_;
  Intake& intake_;
  DueProofs due_proofs_;
  Leftovers leftovers_;
  const std::function<void(const FilePath&)> left_;

  void begin_reading(const ReadyFile& file, std::uint64_t charge);
  // To be called once what a reading has led to is under way.
  void no_longer_reading(const FilePath& file);

  struct Reading {
    Fingerprint fingerprint;
    QueueName queue;
    std::uint64_t charge = 0;  // bytes
    std::optional<BootTime> since;
    bool recorded = false;
  };
  std::map<FilePath, Reading> reading_;
  std::map<std::string, std::unique_ptr<Running>> running_;  // by attempt id
  std::map<FilePath, std::string> attempt_of_path_;
  std::set<FilePath> doubted_;              // to be read again
  std::set<FilePath> compared_;             // what is said of them is looked at, or will be
  std::map<FolderId, Changed> to_compare_;  // those of them for which there was no reader yet
  std::optional<Walk> walk_;                // over all of some folders
  std::size_t pages_ = 0;                   // of it, that the readers have
  BootTime next_walk_{};
  std::map<FilePath, Fingerprint> asked_;  // whether its former name is gone
  BootTime forget_asked_at_{};
  std::map<FileId, Nanoseconds> blocked_for_;  // how long the last wait of a blocked file was
  std::map<FileId, FileId> held_up_;           // who wants a former key → the renamed file
  std::map<StoreId, std::vector<std::string>> to_resume_;  // until the store opens
  std::shared_ptr<std::optional<uploader::RequestId>> last_request_;
  ContentMemory memory_;
  const BufferPool part_buffers_;
  std::deque<std::string> waiting_for_memory_;  // attempts, who came first in front
};

}  // namespace waybill::agent
