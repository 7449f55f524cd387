#pragma once

#include <cstddef>
#include <map>
#include <set>

#include "agent/gate.h"

namespace waybill::agent {

// Rows whose file was seen under another name: once something else is at their own name, their file
// has gone from there; and that waits until the moved one is recorded, so that the row can go on
// there with its object (PROTOCOL.md section 4). Coord thread only.
class MovedFiles {
 public:
  struct Place {
    FilePath name;
    bool unchanged = false;  // the row may go on there: it has the size and time that the row knows
  };

  // The file of `from`'s row lies there.
  void moved(const FilePath& from, Place to);
  // What lies at `to` has changed since.
  void changed(const FilePath& to);
  // What lies at `to` is recorded, or is another file.
  void decided(const FilePath& to);
  // `from`'s row has a file at its own name (hard links), or tells of what came there.
  void settled(const FilePath& from);

  // Null: nobody knows of another place. Valid until the next change.
  [[nodiscard]] const Place* now_at(const FilePath& from) const;
  // Names that exchanged their files: each would wait for the other.
  [[nodiscard]] bool in_a_circle(const FilePath& from) const;
  [[nodiscard]] bool empty() const { return to_.empty(); }

 private:
  // More at a time are not followed: each is looked at again and again while others wait for it.
  static constexpr std::size_t most = 10'000;

  std::map<FilePath, Place> to_;                 // by former name
  std::map<FilePath, std::set<FilePath>> from_;  // by present name
};

}  // namespace waybill::agent
