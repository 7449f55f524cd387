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

}  // namespace waybill::catalog
