#pragma once

#include <cstddef>
#include <map>
#include <set>

#include "agent/gate.h"

namespace waybill::agent {

// Rows whose file was seen under another name: what has come to their own name since waits until
// that one is recorded, so that the row can go on there with its object (PROTOCOL.md section 4).
// Coord thread only.
class MovedFiles {
 public:
  // The file of `from`'s row lies at `to`.
  void moved(const FilePath& from, const FilePath& to);
  // What lies at `to` is recorded, or is no longer what was moved there.
  void decided(const FilePath& to);
  // It lies at its own name as well: hard links.
  void still_there(const FilePath& from);

  // Where it is now; null: nobody knows of another place. Valid until the next change.
  [[nodiscard]] const FilePath* now_at(const FilePath& from) const;
  // Names that exchanged their files: each would wait for the other.
  [[nodiscard]] bool in_a_circle(const FilePath& from) const;
  [[nodiscard]] bool empty() const { return to_.empty(); }

 private:
  static constexpr std::size_t most = 100'000;

  std::map<FilePath, FilePath> to_;              // by former name
  std::map<FilePath, std::set<FilePath>> from_;  // by present name
};

}  // namespace waybill::agent
