#include "agent/stores.h"

#include <algorithm>
#include <utility>

#include "base/overloaded.h"
#include "uploader/key.h"

namespace waybill::agent {
namespace {

constexpr Nanoseconds ask_for_copies_again = std::chrono::hours(1);
constexpr Nanoseconds first_retry = std::chrono::seconds(1);
constexpr Nanoseconds between_probes = std::chrono::hours(24);
constexpr Nanoseconds last_retry = std::chrono::seconds(30);  // rule 10: a probe every ≤ 60 s
// Far longer than a file's fast attempts take: a store that was open for so long has another
// outage.
constexpr Nanoseconds same_outage = std::chrono::minutes(10);

std::string describe(const uploader::Capabilities& found) {
  const auto flag = [](const char* name, bool value) {
    return std::string("\"") + name + "\":" + (value ? "true" : "false");
  };
  return "{" + flag("if_absent_on_put", found.if_absent_on_put) + "," +
         flag("if_absent_on_complete", found.if_absent_on_complete) + "," +
         flag("if_match_on_put", found.if_match_on_put) + "," +
         flag("if_match_unquoted", found.if_match_unquoted) + "," +
         flag("md5_etags", found.md5_etags) + "," +
         flag("head_tells_absent", found.head_tells_absent) + "}";
}

bool needs_person(const Error& cause) {
  return cause.code == ErrorCode::NeedsPerson || cause.code == ErrorCode::BadConfig;
}

}  // namespace

Stores::Stores(Session& session, std::function<void(StoreId)> opened)
    : session_(session), opened_(std::move(opened)) {}

std::optional<StoreId> Stores::use(const FolderConfig& folder) {
  const std::string endpoint =
      folder.s3.endpoint.empty() ? "aws:" + folder.s3.region : folder.s3.endpoint;
  auto row = session_.expect(session_.catalog->ensure_store(
      endpoint, folder.s3.bucket, uploader::literal_prefix(folder.prefix)));
  if (!row) return std::nullopt;
  const StoreId id = row->id;
  if (gates_.contains(id)) return id;

  Gate& gate = gates_[id];
  gate.row = std::move(*row);
  gate.name = "bucket " + folder.s3.bucket + " at " +
              (folder.s3.endpoint.empty() ? "AWS " + folder.s3.region : folder.s3.endpoint);
  auto client = session_.world.connect(folder.s3);
  if (!client) {
    close(gate, client.error());
    return id;
  }
  gate.client = std::move(*client);
  gate.sweep.emplace(session_, gate.row, gate.name, gate.client);
  start_probe(id);
  return id;
}

void Stores::trouble(StoreId store, const Error& cause) {
  Gate& gate = gates_.at(store);
  if (gate.probe || !gate.capabilities) return;  // closed already: its own probe decides
  close(gate, cause);
  probe_later(store);
}

void Stores::got_through(StoreId store) {
  Gate& gate = gates_.at(store);
  ++gate.stored;
  if (gate.openings > 1) session_.world.log.info("store open again", {{"store", gate.name}});
  gate.failures = gate.openings = 0;
}

bool Stores::copies(StoreId store, bool of_parts) const {
  const Gate& gate = gates_.at(store);
  if (!gate.capabilities || !gate.capabilities->head_tells_absent) return false;
  const auto refused = gate.no_copies.find(of_parts);
  return refused == gate.no_copies.end() ||
         session_.now() - refused->second >= ask_for_copies_again;
}

void Stores::refuses_copies(StoreId store, bool of_parts, const Error& cause) {
  Gate& gate = gates_.at(store);
  if (!gate.no_copies.contains(of_parts)) {
    session_.world.log.warning(of_parts ? "large renamed files are sent again, not copied"
                                        : "renamed files are sent again, not copied",
                               {{"store", gate.name}, {"cause", cause.describe()}});
  }
  gate.no_copies[of_parts] = session_.now();
}

// One HEAD after the first: where a reply is lost it is HEAD that must prove the object.
void Stores::crc_of_parts(StoreId store, CrcKind kind, const std::string& key,
                          const std::optional<Crc>& returned) {
  Gate& gate = gates_.at(store);
  if (!returned) {
    gate.returns_crc.erase(kind);
    return;
  }
  if (gate.returns_crc.contains(kind) || !gate.capabilities || gate.asks_for_crc) return;
  gate.asks_for_crc = true;
  gate.client->head(key, [this, store, crc = *returned,
                          post = session_.poster()](const Result<uploader::HeadReply>& head) {
    post([this, store, crc, same = head && head->crc == crc] {
      Gate& asked = gates_.at(store);
      asked.asks_for_crc = false;
      if (same && asked.capabilities) asked.returns_crc.insert(crc.kind);
    });
  });
}

void Stores::close(Gate& gate, const Error& cause) {
  if (!gate.cause) {
    if (session_.now() - gate.opened > same_outage) gate.failures = gate.openings = 0;
    gate.since = session_.wall_now();
    // One line, however often its probe succeeds and its files still fail.
    if (gate.openings == 0) {
      session_.world.log.warning("store closed",
                                 {{"store", gate.name}, {"cause", cause.describe()}});
    }
  }
  gate.capabilities.reset();
  gate.returns_crc.clear();  // it may come back as another one
  gate.cause = cause;
  ++gate.failures;
  session_.changed();
}

void Stores::probe_later(StoreId store) {
  const Gate& gate = gates_.at(store);
  const int doublings = std::clamp(gate.failures - 1, 0, 10);
  Nanoseconds delay = std::min(last_retry, Nanoseconds(first_retry * (1LL << doublings)));
  delay =
      delay / 2 + Nanoseconds(static_cast<std::int64_t>(session_.world.random.fraction() *
                                                        static_cast<double>((delay / 2).count())));
  session_.timers.at(session_.now() + delay, [this, store] { start_probe(store); });
}

void Stores::start_probe(StoreId store) {
  Gate& gate = gates_.at(store);
  if (gate.probe || gate.capabilities) return;
  begin_probe(store);
}

void Stores::begin_probe(StoreId store) {
  auto agent_id = session_.expect(session_.catalog->agent_id());
  if (!agent_id) return;
  Gate& gate = gates_.at(store);
  ++gate.probes;
  // An outage is looked at with one request now and then; anything else deserves a second look.
  const int patience = gate.failures == 0 ? uploader::RetryPolicy{}.fast_attempts : 1;
  gate.probe.emplace(gate.row.prefix, std::move(*agent_id), session_.world.random.id128(), patience,
                     session_.world.random);
  perform(store, gate.probe->start());
}

// What a store enforces changes with its versions and its settings. The gate stays open meanwhile.
void Stores::probe_daily(StoreId store) {
  session_.timers.at(session_.now() + between_probes,
                     [this, store, probes = gates_.at(store).probes] {
                       const Gate& gate = gates_.at(store);
                       if (gate.probes == probes && gate.capabilities && !gate.probe) {
                         begin_probe(store);
                       }
                     });
}

void Stores::perform(StoreId store, uploader::Probe::Action action) {
  Gate& gate = gates_.at(store);
  const auto post = session_.poster();
  // Each reply comes back to this thread and moves the probe one step.
  const auto next = [this, store](auto step, auto reply) {
    perform(store, ((*gates_.at(store).probe).*step)(std::move(reply)));
  };
  std::visit(
      Overloaded{
          [&](uploader::Probe::Put& put) {
            gate.client->put(std::move(put.request), [post,
                                                      next](Result<uploader::PutReply> reply) {
              post([next, reply = std::move(reply)] { next(&uploader::Probe::put_done, reply); });
            });
          },
          [&](uploader::Probe::Head& head) {
            gate.client->head(std::move(head.key), [post, next](Result<uploader::HeadReply> reply) {
              post([next, reply = std::move(reply)] { next(&uploader::Probe::head_done, reply); });
            });
          },
          [&](uploader::Probe::Remove& remove) {
            gate.client->remove(std::move(remove.key),
                                [post, next](Result<uploader::Nothing> reply) {
                                  post([next, reply = std::move(reply)] {
                                    next(&uploader::Probe::remove_done, reply);
                                  });
                                });
          },
          [&](const uploader::Probe::Wait& wait) {
            session_.timers.at(session_.now() + wait.time, [this, store] {
              perform(store, gates_.at(store).probe->resumed());
            });
          },
          [&](const uploader::Finding& finding) { finish_probe(store, finding); },
          [&](const uploader::Probe::Failed& failed) {
            gate.probe.reset();
            close(gate, failed.cause);
            probe_later(store);
          },
      },
      action);
}

void Stores::finish_probe(StoreId store, const uploader::Finding& finding) {
  Gate& gate = gates_.at(store);
  gate.capabilities = finding.capabilities;
  gate.notes = finding.notes;
  // As long as no file gets through the next look comes later: a store may take a probe, and
  // nothing larger.
  if (gate.cause && gate.openings++ == 0) {
    gate.quota.refill();
    session_.world.log.info("store open again", {{"store", gate.name}});
  }
  gate.cause.reset();
  gate.opened = session_.now();
  gate.row.capabilities = describe(finding.capabilities);
  gate.probe.reset();
  probe_daily(store);
  session_.changed();
  if (!session_.expect(session_.catalog->save_store(gate.row))) return;
  gate.sweep->store_opened();
  opened_(store);
  // What was out with it is asked at once: an outage ends everywhere when it ends (rule 10).
  for (const auto& [id, other] : gates_) {
    if (other.row.endpoint == gate.row.endpoint && other.cause) start_probe(id);
  }
}

std::vector<StoreView> Stores::views() const {
  std::vector<StoreView> views;
  for (const auto& [id, gate] : gates_) {
    std::string state = "ok";
    if (!gate.capabilities) {
      state = !gate.cause ? "probing" : needs_person(*gate.cause) ? "refused" : "unreachable";
    }
    views.push_back({.endpoint = gate.row.endpoint,
                     .bucket = gate.row.bucket,
                     .prefix = gate.row.prefix,
                     .state = std::move(state),
                     .guarded = gate.capabilities && gate.capabilities->if_absent_on_put,
                     .notes = gate.notes,
                     .unknown_uploads = gate.sweep ? gate.sweep->unknown() : std::nullopt});
  }
  return views;
}

// Prefixes of one bucket are stores of their own, and out together for one cause: one line.
bool Stores::told_by_another(StoreId store) const {
  const Gate& gate = gates_.at(store);
  for (const auto& [id, other] : gates_) {
    if (id == store) return false;
    if (other.cause && other.name == gate.name && other.cause->code == gate.cause->code &&
        other.cause->http_status == gate.cause->http_status &&
        other.cause->s3_code == gate.cause->s3_code) {
      return true;
    }
  }
  return false;
}

void Stores::add_reasons(std::vector<Reason>& reasons) const {
  for (const auto& [id, gate] : gates_) {
    if (gate.cause) {
      if (told_by_another(id)) continue;
      const bool person = needs_person(*gate.cause);
      reasons.push_back(
          {.code = person ? "store-refused" : "store-unreachable",
           .severity = person ? Severity::Blocked : Severity::Degraded,
           .sentence = gate.name + ": " + gate.cause->describe(),
           .help = person ? "uploads go on by themselves once this is put right; after a change of "
                            "the configuration: systemctl reload waybilld"
                          : "nothing is lost: uploads go on by themselves once it answers",
           .since = gate.since});
    } else if (gate.capabilities && !gate.capabilities->if_absent_on_put) {
      reasons.push_back(
          {.code = "store-unguarded",
           .severity = Severity::Degraded,
           .sentence = gate.name +
                       " does not enforce If-None-Match: unguarded, an object that somebody else "
                       "writes between our look and our upload could be overwritten",
           .help = "let nobody else write below this prefix"});
    }
    if (gate.sweep && gate.capabilities) gate.sweep->add_reasons(reasons);
  }
}

}  // namespace waybill::agent
