#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/file_set.h"
#include "agent/gone_directories.h"
#include "agent/seen_names.h"
#include "base/ids.h"
#include "catalog/catalog.h"

namespace waybill::agent {

// What is known below a directory, or directly in it, and may not be there any more.
struct Doubt {
  FolderId folder{};
  std::string directory;
  bool deep = false;
  // What is not in doubt: what a listing has shown, or the rows that a whole scan has seen.
  std::variant<std::monostate, SeenNames, FileSet> seen = {};

  // How far it has been asked after.
  enum class Stage : std::uint8_t { Rows, Held, Arrivals } stage = Stage::Rows;
  catalog::Catalog::NamesFrom row = {};
  std::string path = {};  // what is held; what has arrived
};

// An absence is never believed (WATCHING.md 1, readdir is not atomic): each name in doubt is looked
// up, and what the scanner then says counts. However much is in doubt, no more than `at_a_time`
// names are asked for together, and the next ones once those were looked up; the rest is known by
// its directory alone. Coord thread only.
class Doubts {
 public:
  static constexpr std::size_t at_a_time = 4096;
  // Adds names that are in doubt until there are `at_a_time`, and notes in the doubt where it
  // stopped; true: there are no more.
  using More = std::function<bool(Doubt&, std::vector<std::string>& names)>;
  // To be answered by looked(id).
  using Ask = std::function<void(FolderId, std::vector<std::string> names, std::uint64_t id)>;
  // Ids begin above `first`: the scanner may still answer to whoever asked before.
  Doubts(More more, Ask ask, std::uint64_t first = 0)
      : more_(std::move(more)), ask_(std::move(ask)), asked_(first) {}

  // What is left of an earlier one of the same kind and directory is asked for anew.
  void add(Doubt doubt);
  // All below the directory.
  void gone(FolderId folder, const std::string& directory);
  // One name; where there are many, all in its directory.
  void name(FolderId folder, const std::string& path);
  void looked(std::uint64_t id);
  void forget(FolderId folder);
  // Something of the folder is to be asked, or is not answered yet.
  [[nodiscard]] bool any(FolderId folder) const;

 private:
  void ask_on();
  // The folder of what comes next.
  [[nodiscard]] std::optional<FolderId> line_up();

  const More more_;
  const Ask ask_;
  std::deque<Doubt> waiting_;
  std::map<FolderId, GoneDirectories> gone_;
  std::map<FolderId, std::vector<std::string>> names_;
  std::optional<std::uint64_t> open_;  // asked and not answered
  FolderId open_folder_{};             // of that
  std::uint64_t asked_;
};

}  // namespace waybill::agent
