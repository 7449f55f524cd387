#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/sqlite.h"
#include "catalog/state_directory.h"
#include "catalog/tally.h"

namespace waybill::catalog {

// The writer's connection and its open transaction. Thread: the catalog's owner.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const std::string& state_dir, const Clock& clock);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // First call of every verb that writes. After a write failed half-way this returns that failure
  // until rollback(): half a transition must never be committed.
  Result<void> begin();
  Result<void> commit();
  void rollback();
  void fail_until_rollback(const Error& error);
  // Damage was met: the next start looks at every page, whatever comes first.
  void distrust();
  [[nodiscard]] bool dirty() const { return in_transaction_; }
  // The end of what is read of one moment: reads share a snapshot, which spares them a lock each,
  // and as long as it is held the log cannot start anew (PROTOCOL.md section 5). Also by commit(),
  // rollback() and checkpoint().
  void release_snapshot();
  Result<void> checkpoint();

  // A write within the transaction.
  Result<void> write(const char* sql, std::initializer_list<Value> values);
  Result<Rows> read(const char* sql, std::initializer_list<Value> values);
  [[nodiscard]] std::int64_t changes() const { return connection_->changes(); }
  [[nodiscard]] std::int64_t last_row_id() const { return connection_->last_row_id(); }

  [[nodiscard]] std::int64_t now() const { return clock_->wall().time_since_epoch().count(); }
  Tally& tally() { return tally_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] const std::string& agent_id() const { return agent_id_; }

 private:
  Session(StateDirectory directory, Connection connection, const Clock& clock);
  static Result<std::unique_ptr<Session>> open_in(StateDirectory directory, const std::string& path,
                                                  const Clock& clock);
  Result<void> start();
  Result<void> recover_or_load();
  Result<void> set_clean(bool clean);
  Result<Statement*> statement(const char* sql);
  [[nodiscard]] Result<void> usable() const;
  void close();

  const Clock* clock_;
  // Released with the connection when a commit's outcome is unknown, so that the caller can open
  // the catalog again beside this one.
  std::optional<StateDirectory> directory_;
  std::optional<Connection> connection_;
  std::unordered_map<const char*, Statement> statements_;  // by the literal's address
  Tally tally_;
  std::string agent_id_;
  bool in_transaction_ = false;
  bool has_snapshot_ = false;  // for reading alone
  bool trusted_ = true;
  std::optional<Error> broken_;
};

}  // namespace waybill::catalog
