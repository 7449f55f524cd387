#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/config.h"
#include "base/fingerprint.h"
#include "catalog/rows.h"

// Whether a file may be taken where only what arrived by rename counts as complete (WATCHING.md
// 2.4). Pure.
namespace waybill::agent {

// What is known of a name, beside what lies there now.
struct Traces {
  std::optional<catalog::ArrivalRow> arrived;  // a rename was seen to put it there
  std::optional<Fingerprint> made;             // it was seen being made there
  std::optional<catalog::FileRow> row;         // what was taken under that name before
};

enum class Verdict : std::uint8_t {
  Take,
  MadeInPlace,     // until a rename puts it there
  ChangedInPlace,  // since it was stored; likewise
  Unseen,          // nobody knows; a person may
};

// Something written in place to what has arrived and is not stored yet is the ordinary business of
// settling.
Verdict judge(const Fingerprint& now, const Traces& traces, ArrivedUnseen unseen);

// The same inode in the same life of it. Where there is a birth time, inode and birth time decide:
// device numbers change when a machine restarts.
bool same_life(const Fingerprint& a, const Fingerprint& b);

// As its row knows it, as far as size and time of modification tell: a rename changes neither.
bool unchanged(const catalog::FileRow& row, const Fingerprint& now);

// The arrival of exactly this inode.
catalog::ArrivalRow arrival_of(const std::string& path, const Fingerprint& fingerprint);

// Why it is not taken; `polled`: the folder's, so that nobody can know.
std::string why(Verdict verdict, bool polled);

}  // namespace waybill::agent
