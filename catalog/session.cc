#include "catalog/session.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/random.h"
#include "base/test_points.h"
#include "catalog/schema.h"
#include "catalog/set_aside.h"

namespace waybill::catalog {

namespace {

Result<void> look(const std::string& path) {
  // A rollback journal is left by a creation that broke off, since from then on there is only a
  // write-ahead log. Only a writer can undo what it undoes; start() inspects what is left.
  std::error_code ignored;
  if (const auto size = std::filesystem::file_size(path + "-journal", ignored);
      !ignored && size > 0) {
    return {};
  }
  auto connection = Connection::open(path, Connection::Mode::ReadOnly);
  if (!connection) return fail(connection.error());
  auto version = inspect(*connection, migrations().back().to);
  if (!version) {
    version.error().message += " (" + path + ")";
    return fail(version.error());
  }
  return {};
}

}  // namespace

Session::Session(StateDirectory directory, Connection connection, const Clock& clock)
    : clock_(&clock), directory_(std::move(directory)), connection_(std::move(connection)) {}

Session::~Session() {
  if (!connection_) return;
  rollback();
  // Best effort: without the mark the next start only checks more.
  if (!broken_ && trusted_) static_cast<void>(set_clean(true));
}

Result<std::unique_ptr<Session>> Session::open(const std::string& state_dir, const Clock& clock) {
  auto directory = StateDirectory::open(state_dir);
  if (!directory) return fail(directory.error());
  const std::string path = directory->catalog_path();
  const std::string folder = directory->path();
  if (auto done = finish_setting_aside(folder); !done) return fail(done.error());
  if (auto fine = none_set_aside(folder); !fine) return fail(fine.error());
  std::error_code ignored;
  if (directory->had_catalog() && !std::filesystem::exists(path, ignored)) {
    return fail(ErrorCode::Damaged, "catalog.db has gone from " + folder);
  }
  auto session = open_in(std::move(*directory), path, clock);
  if (session || session.error().code != ErrorCode::Damaged) return session;
  return fail(set_aside(folder, clock.wall(), session.error()));
}

Result<std::unique_ptr<Session>> Session::open_in(StateDirectory directory, const std::string& path,
                                                  const Clock& clock) {
  auto created = directory.create_catalog_file();
  if (!created) return fail(created.error());
  // Looked at read-only first, so that a catalog of a later version stays as it is, to the byte.
  if (auto known = look(path); !known) return fail(known.error());

  auto connection = Connection::open(path, Connection::Mode::ReadWrite);
  if (!connection) return fail(connection.error());
  std::unique_ptr<Session> session(
      new Session(std::move(directory), std::move(*connection), clock));
  if (auto started = session->start(); !started) {
    session->close();  // no clean mark for what did not open
    return fail(started.error());
  }
  return session;
}

Result<void> Session::start() {
  auto known = inspect(*connection_, migrations().back().to);
  if (!known) return fail(known.error());
  if (known->version == 0 && directory_->had_catalog()) {
    return fail(ErrorCode::Damaged, "catalog.db is empty, and it was not");
  }
  auto mode = connection_->string("PRAGMA journal_mode = WAL");
  if (!mode) return fail(mode.error());
  if (mode->value_or("") != "wal") {
    return fail(ErrorCode::NeedsPerson,
                "the file system of the state directory has no shared memory, which the catalog "
                "needs: use a local one");
  }
  // Nobody else writes but a person at a SQL prompt; the connection waits a short time for them,
  // since coord must not stand still. The owner checkpoints when idle; a log of 8192 pages (32 MiB)
  // is checkpointed at once, since a longer one makes readers slow and the next start long
  // (PROTOCOL.md section 8).
  auto set = connection_->run(
      "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8192;"
      "PRAGMA cache_size = -16384; PRAGMA cell_size_check = ON");
  if (!set) return set;
  if (WAYBILL_PLANTED(SynchronousNormal)) {
    if (auto less = connection_->run("PRAGMA synchronous = NORMAL"); !less) return less;
  }
  if (auto kept = connection_->keep_wal_files(); !kept) return kept;
  // An index of millions of rows is sorted on the way, which would be 70 MB of memory a million: in
  // a temporary file, where there is a place for one.
  auto migrated = migrate(*connection_, migrations());
  if (auto memory = connection_->run("PRAGMA temp_store = MEMORY"); !memory) return memory;
  if (!migrated) migrated = migrate(*connection_, migrations());
  if (!migrated) return migrated;
  // The names of the database, its WAL and its lock must outlive a power loss together with what
  // the first commit promises.
  if (auto synced = directory_->sync(); !synced) return synced;
  if (auto loaded = recover_or_load(); !loaded) return loaded;
  return directory_->remember_catalog();
}

Result<void> Session::recover_or_load() {
  auto clean = connection_->integer("SELECT value FROM meta WHERE name = 'clean'");
  if (!clean) return fail(clean.error());
  auto agent = connection_->string("SELECT value FROM meta WHERE name = 'agent_id'");
  if (!agent) return fail(agent.error());
  const bool first_start = !agent->has_value();
  const bool stopped_cleanly = clean->value_or(0) == 1;
  if (!first_start && !stopped_cleanly) {
    if (auto checked = quick_check(*connection_); !checked) return checked;
  }
  auto loaded = stopped_cleanly ? tally_.load(*connection_) : tally_.rebuild(*connection_);
  if (!loaded) return loaded;

  if (auto begun = begin(); !begun) return begun;
  if (first_start) {
    agent_id_ = Random::from_system().id128();
    auto kept =
        write("INSERT INTO meta(name, value) VALUES('agent_id', ?)", {Value::text(agent_id_)});
    if (!kept) return kept;
  } else {
    agent_id_ = **agent;
  }
  auto marked = write("INSERT OR REPLACE INTO meta(name, value) VALUES('clean', 0)", {});
  if (!marked) return marked;
  if (auto done = commit(); !done || !first_start) return done;
  // From here on the database alone says whose it is, should its log be lost.
  return checkpoint();
}

Result<void> Session::set_clean(bool clean) {
  if (auto begun = begin(); !begun) return begun;
  auto marked = write("INSERT OR REPLACE INTO meta(name, value) VALUES('clean', ?)", {clean});
  if (!marked) return marked;
  return commit();
}

Result<void> Session::usable() const {
  if (broken_) return fail(*broken_);
  return {};
}

Result<void> Session::begin() {
  if (auto fine = usable(); !fine) return fine;
  if (in_transaction_) return {};
  // A snapshot that somebody has written past since cannot become a transaction.
  release_snapshot();
  auto prepared = statement("BEGIN IMMEDIATE");
  if (!prepared) return fail(prepared.error());
  if (auto begun = (*prepared)->run({}); !begun) return begun;
  in_transaction_ = true;
  return {};
}

void Session::rollback() {
  if (!connection_) return;
  // A write that failed for want of room may have ended the transaction by itself.
  if (connection_->in_transaction()) static_cast<void>(connection_->run("ROLLBACK"));
  in_transaction_ = false;
  has_snapshot_ = false;
  broken_.reset();
  tally_.rolled_back();
}

void Session::release_snapshot() {
  if (!std::exchange(has_snapshot_, false) || !connection_) return;
  // Nothing was written: there is nothing that could fail to be.
  if (auto ending = statement("COMMIT")) static_cast<void>((*ending)->run({}));
}

void Session::fail_until_rollback(const Error& error) {
  if (!broken_) broken_ = error;
}

Result<void> Session::commit() {
  if (auto fine = usable(); !fine) return fine;
  release_snapshot();
  if (!in_transaction_) return {};

  auto upsert = statement(Tally::upsert_sql);
  auto flushed = upsert ? tally_.flush(**upsert) : Result<void>(fail(upsert.error()));
  if (!flushed) {
    rollback();
    return flushed;
  }
  auto ending = statement("COMMIT");
  if (!ending) {
    rollback();
    return fail(ending.error());
  }
  auto done = (*ending)->run({});
  if (done) {
    in_transaction_ = false;
    tally_.committed();
    return {};
  }
  // Two failures are certain to have left nothing behind: one that left the transaction open, and a
  // log that had no room for the commit's last frame. After any other (a failed fsync, above all)
  // the commit may be there or not, and only reading the catalog again can tell (PROTOCOL.md 1).
  if (connection_->in_transaction() || connection_->ran_out_of_room() ||
      WAYBILL_PLANTED(FailedCommitTakenAsRollback)) {
    rollback();
    return done;
  }
  done.error().code = ErrorCode::Ambiguous;
  close();
  broken_ = done.error();
  return done;
}

void Session::distrust() {
  trusted_ = false;
}

void Session::close() {
  statements_.clear();
  connection_.reset();
  directory_.reset();
  in_transaction_ = false;
  has_snapshot_ = false;
  tally_.rolled_back();
}

Result<void> Session::checkpoint() {
  if (auto fine = usable(); !fine) return fine;
  release_snapshot();
  return connection_->checkpoint();
}

Result<Statement*> Session::statement(const char* sql) {
  if (auto fine = usable(); !fine) return fail(fine.error());
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return &found->second;
  auto prepared = connection_->prepare(sql);
  if (!prepared) return fail(prepared.error());
  return &statements_.emplace(sql, std::move(*prepared)).first->second;
}

Result<void> Session::write(const char* sql, std::initializer_list<Value> values) {
  auto prepared = statement(sql);
  if (!prepared) return fail(prepared.error());
  auto done = (*prepared)->run(values);
  if (!done) broken_ = done.error();
  return done;
}

Result<Rows> Session::read(const char* sql, std::initializer_list<Value> values) {
  auto prepared = statement(sql);
  if (!prepared) return fail(prepared.error());
  if (!in_transaction_ && !has_snapshot_) {
    auto beginning = statement("BEGIN");
    if (!beginning) return fail(beginning.error());
    if (auto begun = (*beginning)->run({}); !begun) return fail(begun.error());
    has_snapshot_ = true;
  }
  return (*prepared)->query(values);
}

}  // namespace waybill::catalog
