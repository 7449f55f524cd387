#include "agent/arrival.h"

namespace waybill::agent {
namespace {

using catalog::FileState;

// It passed the gate once, and what it was then has not been stored.
bool on_its_way(FileState state) {
  return state == FileState::Queued || state == FileState::Uploading || state == FileState::Blocked;
}

bool stored(FileState state) {
  return state == FileState::Stored || state == FileState::Removing;
}

}  // namespace

bool same_life(const Fingerprint& a, const Fingerprint& b) {
  if (a.ino != b.ino) return false;
  if (a.btime != 0 && b.btime != 0) return a.btime == b.btime;
  return a.dev == b.dev;
}

bool unchanged(const catalog::FileRow& row, const Fingerprint& now) {
  return row.fingerprint.size == now.size && row.fingerprint.mtime == now.mtime;
}

catalog::ArrivalRow arrival_of(const std::string& path, const Fingerprint& fingerprint) {
  return {.path = path, .dev = fingerprint.dev, .ino = fingerprint.ino, .btime = fingerprint.btime};
}

Verdict judge(const Fingerprint& now, const Traces& traces, ArrivedUnseen unseen) {
  if (traces.arrived) {
    const Fingerprint then{
        .dev = traces.arrived->dev, .ino = traces.arrived->ino, .btime = traces.arrived->btime};
    if (same_life(then, now)) return Verdict::Take;
  }
  if (traces.made && same_life(*traces.made, now)) return Verdict::MadeInPlace;
  if (traces.row && same_life(traces.row->fingerprint, now)) {
    if (on_its_way(traces.row->state) || traces.row->fingerprint == now) return Verdict::Take;
    if (stored(traces.row->state)) return Verdict::ChangedInPlace;
  }
  return unseen == ArrivedUnseen::Take ? Verdict::Take : Verdict::Unseen;
}

std::string why(Verdict verdict, bool polled) {
  switch (verdict) {
    case Verdict::Take:
      return "";
    case Verdict::MadeInPlace:
      return "it was made in place: complete = \"rename\" takes only what a rename puts there";
    case Verdict::ChangedInPlace:
      return "it was changed in place after it was stored: complete = \"rename\" takes only what a "
             "rename puts there";
    case Verdict::Unseen:
      return polled ? "how it came was not seen: the folder is polled, and only its events tell of "
                      "renames"
                    : "how it came was not seen: it was there before, came while waybilld was not "
                      "running, or its event was lost";
  }
  return "";
}

}  // namespace waybill::agent
