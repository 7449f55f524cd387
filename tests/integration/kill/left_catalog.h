#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace waybill::test {

// What a killed daemon left in its catalog. A copy is read, so that nothing is recovered or
// checkpointed before the next start does that.
struct LeftCatalog {
  struct Stored {
    std::string path;
    std::string key;
    std::string sha256;  // hex
  };
  std::vector<Stored> stored;                 // live rows that say so
  std::map<std::string, int> files_by_state;  // live rows
  std::set<std::string> keys_of_attempts;     // what may still land, wanted or not

  // `scratch`: a directory of the caller's for the copy. Throws std::runtime_error where there is
  // no catalog to read.
  static LeftCatalog read(const std::string& state_directory, const std::string& scratch);
};

}  // namespace waybill::test
