#include <utility>

#include "agent/intake.h"
#include "base/overloaded.h"

// The part of Intake about what may have gone: rows, files that are held, arrivals.
namespace waybill::agent {

using catalog::Catalog;

bool Intake::names_in_doubt(Doubt& doubt, std::vector<std::string>& names) {
  const FolderId folder = doubt.folder;
  const std::string& directory = doubt.directory;
  const auto add = [&names](const std::string& path) {
    names.push_back(path);
    return names.size() < Doubts::at_a_time;
  };
  if (doubt.stage == Doubt::Stage::Rows) {
    const auto seen = [&doubt](const Catalog::Name& row) {
      return std::visit(Overloaded{[](const std::monostate&) { return false; },
                                   [&row](SeenNames& shown) { return shown.contains(row.path); },
                                   [&row](const FileSet& rows) { return rows.contains(row.id); }},
                        doubt.seen);
    };
    const auto end = session_.expect(session_.catalog->for_each_name(
        folder, directory, doubt.deep, doubt.row, [&](const Catalog::Name& row) {
          return !at_its_path(row.state) || seen(row) || add(row.path);
        }));
    if (!end) return true;
    if (!*end) return false;
    doubt.stage = Doubt::Stage::Held;
  }
  if (doubt.stage == Doubt::Stage::Held) {
    auto* const shown = std::get_if<SeenNames>(&doubt.seen);
    const bool end =
        gate_.each_below(folder, directory, doubt.deep, doubt.path, [&](const std::string& path) {
          return (shown != nullptr && shown->contains(path)) || add(path);
        });
    if (!end) return false;
    doubt.stage = Doubt::Stage::Arrivals;
    doubt.path.clear();
  }
  const bool whole_scan = std::holds_alternative<FileSet>(doubt.seen);
  return !whole_scan || !by_rename(folder) || arrivals_in_doubt(doubt, names);
}

// Those of which the whole scan has not seen the file.
bool Intake::arrivals_in_doubt(Doubt& doubt, std::vector<std::string>& names) {
  constexpr std::size_t page = 1000;
  while (names.size() < Doubts::at_a_time) {
    const auto known = session_.expect(session_.catalog->arrivals(doubt.folder, doubt.path, page));
    if (!known || known->empty()) return true;
    for (const catalog::ArrivalRow& row : *known) {
      if (names.size() >= Doubts::at_a_time) return false;
      doubt.path = row.path;
      if (!waiting({doubt.folder, row.path})) names.push_back(row.path);
    }
  }
  return false;
}

}  // namespace waybill::agent
