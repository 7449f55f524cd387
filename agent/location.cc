#include <algorithm>
#include <filesystem>

#include "agent/catalog_answers.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

std::string normal(const std::filesystem::path& path) {
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// The path below `folder`; nullopt: not inside.
std::optional<std::string> below(const std::string& absolute, const std::string& folder) {
  if (absolute == folder) return "";
  if (!absolute.starts_with(folder) || absolute[folder.size()] != '/') return std::nullopt;
  return absolute.substr(folder.size() + 1);
}

void add(std::vector<Target>& targets, const KnownFolder& folder, std::string path) {
  const bool there = std::any_of(targets.begin(), targets.end(), [&](const Target& target) {
    return target.folder.id == folder.id && target.path == path;
  });
  if (!there) targets.push_back({folder, std::move(path)});
}

// The argument's bytes, and, where it may be one, what its printable form stands for.
std::vector<std::string> readings(std::string_view argument) {
  std::vector<std::string> all{std::string(argument)};
  if (argument.find('\\') == std::string_view::npos) return all;
  if (auto bytes = from_printable(argument); bytes && bytes->find('\0') == std::string::npos) {
    all.push_back(std::move(*bytes));
  }
  return all;
}

std::vector<Target> as_paths(const std::vector<KnownFolder>& folders, std::string_view argument,
                             const std::string& cwd) {
  std::vector<Target> targets;
  for (const std::string& reading : readings(argument)) {
    const std::string absolute = normal(std::filesystem::path(cwd) / reading);
    for (const KnownFolder& folder : folders) {
      if (auto path = below(absolute, folder.path)) add(targets, folder, std::move(*path));
    }
  }
  return targets;
}

std::vector<Target> as_paths_below(const std::vector<KnownFolder>& folders,
                                   std::string_view argument) {
  std::vector<Target> targets;
  for (const std::string& reading : readings(argument)) {
    const std::string path = normal(reading);
    if (path.empty() || path.starts_with('/') || path == "." || path.starts_with("..")) continue;
    for (const KnownFolder& folder : folders) {
      // NAME/path is how status gives its examples.
      if (auto rest = below(path, folder.name)) add(targets, folder, std::move(*rest));
      add(targets, folder, path);
    }
  }
  return targets;
}

Failure in_no_folder(const std::vector<KnownFolder>& folders, std::string_view argument) {
  std::string sentence = printable(argument) + " is nothing that Waybill knows of";
  if (folders.empty()) return fail(ErrorCode::NotFound, sentence + ": no folder is watched");
  sentence += folders.size() == 1 ? "; the folder is " : "; the folders are ";
  constexpr std::size_t enough = 5;
  for (std::size_t i = 0; i < std::min(folders.size(), enough); ++i) {
    sentence += (i == 0 ? "" : ", ") + printable(folders[i].path);
  }
  if (folders.size() > enough) sentence += " …";
  return fail(ErrorCode::NotFound, sentence);
}

Result<bool> is_known(catalog::Reader& reader, const Target& target) {
  if (target.path.empty()) return true;
  auto row = reader.find_live(target.folder.id, target.path);
  if (!row) return fail(std::move(row.error()));
  if (*row) return true;
  auto inside =
      reader.files({.folder = target.folder.id, .path_prefix = target.path + "/", .limit = 1});
  if (!inside) return fail(std::move(inside.error()));
  return !inside->empty();
}

Result<bool> was_renamed(catalog::Reader& reader, const Target& target) {
  auto renamed = reader.renamed_from(target.folder.id, target.path);
  if (!renamed) return fail(std::move(renamed.error()));
  return renamed->has_value();
}

Result<std::vector<Target>> only(Result<bool> (*known_of)(catalog::Reader&, const Target&),
                                 catalog::Reader& reader, const std::vector<Target>& targets) {
  std::vector<Target> known;
  for (const Target& target : targets) {
    const auto found = known_of(reader, target);
    if (!found) return fail(found.error());
    if (*found) known.push_back(target);
  }
  return known;
}

}  // namespace

Result<Target> locate(catalog::Reader& reader, const std::vector<KnownFolder>& folders,
                      std::string_view argument, const std::string& cwd) {
  const std::vector<Target> paths = as_paths(folders, argument, cwd);
  auto known = only(is_known, reader, paths);
  if (!known) return fail(std::move(known.error()));
  if (!known->empty()) return known->front();
  if (!argument.starts_with('/')) {
    const std::vector<Target> below = as_paths_below(folders, argument);
    known = only(is_known, reader, below);
    // A name of before counts where no file has it.
    if (known && known->empty()) known = only(was_renamed, reader, below);
    if (!known) return fail(std::move(known.error()));
    if (known->size() == 1) return known->front();
    if (known->size() > 1) {
      return fail(ErrorCode::BadInput,
                  printable(argument) + " is in several folders: say " +
                      printable((*known)[0].folder.path + "/" + (*known)[0].path) + " or " +
                      printable((*known)[1].folder.path + "/" + (*known)[1].path));
    }
  }
  if (!paths.empty()) return paths.front();
  return in_no_folder(folders, argument);
}

Result<Target> locate(const std::vector<KnownFolder>& folders, std::string_view argument,
                      const std::string& cwd) {
  const std::vector<Target> paths = as_paths(folders, argument, cwd);
  if (!paths.empty()) return paths.front();
  return in_no_folder(folders, argument);
}

}  // namespace waybill::agent
