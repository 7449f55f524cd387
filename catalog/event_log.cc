#include "catalog/event_log.h"

#include "catalog/columns.h"
#include "catalog/packed_hex.h"

namespace waybill::catalog {

Result<void> EventLog::load() {
  found_.clear();
  auto last = first(session_.read("SELECT max(seq) FROM events", {}), first_integer);
  if (!last) return fail(last.error());
  next_ = last->value_or(0) + 1;
  return {};
}

bool EventLog::merges(std::int64_t previous, FileEvent event) const {
  return event == FileEvent::Claim && found_.contains(previous);
}

std::int64_t EventLog::upcoming(std::int64_t previous, FileEvent event) const {
  return merges(previous, event) ? previous : next_;
}

Result<void> EventLog::append(const FileRow& file, std::int64_t previous, FileEvent event,
                              std::string_view reason, std::string_view attempt) {
  const auto packed = packed_hex(attempt);
  const Value id = packed ? Value::blob(*packed) : Value(std::nullopt);
  if (merges(previous, event)) {
    return session_.write("UPDATE events SET event = ?, attempt = ? WHERE seq = ?",
                          {event, id, previous});
  }
  auto done = session_.write(
      "INSERT INTO events(seq, at, file_id, gen, event, reason, attempt, prev)"
      " VALUES(?,?,?,?,?,?,?,?)",
      {next_, session_.now() / ns_per_ms, file.id, file.generation, event,
       Value::text_or_null(reason), id, previous == 0 ? Value(std::nullopt) : Value(previous)});
  if (!done) return done;
  if (event == FileEvent::CompleteNewContent) found_.insert(next_);
  ++next_;
  return {};
}

Result<bool> EventLog::prune(std::int64_t before, std::int64_t limit, std::int64_t& pruned) {
  pruned = 0;
  auto last = first(
      session_.read("SELECT max(seq) FROM (SELECT seq, at FROM events WHERE seq > ? AND seq < ?"
                    " ORDER BY seq LIMIT ?) WHERE at < ?",
                    {looked_at_, next_ - 1, limit, before / ns_per_ms}),
      first_integer);
  if (!last) return fail(last.error());
  const std::int64_t up_to = last->value_or(0);
  if (up_to == 0) {
    looked_at_ = 0;  // the next pass looks at all again
    return false;
  }
  if (auto begun = session_.begin(); !begun) return fail(begun.error());
  auto done = session_.write(
      "DELETE FROM events WHERE seq > ? AND seq <= ? AND at < ? AND NOT EXISTS (SELECT 1 FROM"
      " files f WHERE f.id = events.file_id AND f.event = events.seq AND f.live = 1"
      " AND f.state < 3)",
      {looked_at_, up_to, before / ns_per_ms});
  if (!done) return fail(done.error());
  pruned = session_.changes();
  if (pruned > 0) {
    // Whoever remembers a number can tell whether what came behind it is still there.
    done = session_.write(
        "INSERT INTO meta(name, value) VALUES('pruned', ?) ON CONFLICT(name) DO UPDATE"
        " SET value = max(value, excluded.value)",
        {up_to});
    if (!done) return fail(done.error());
  }
  looked_at_ = up_to;
  return true;
}

}  // namespace waybill::catalog
