#include "watcher/marker.h"

namespace waybill::watcher {

namespace {

constexpr std::string_view placeholder = "{name}";

struct Split {
  std::string_view directory;  // with its slash
  std::string_view name;
};

Split split(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {.directory = {}, .name = path};
  return {.directory = path.substr(0, slash + 1), .name = path.substr(slash + 1)};
}

}  // namespace

std::optional<std::string> MarkerRule::fault_of(std::string_view pattern, std::string_view what,
                                                std::string_view like) {
  const std::string example = ", like \"" + std::string(like) + "\"";
  const std::size_t at = pattern.find(placeholder);
  if (at == std::string_view::npos ||
      pattern.find(placeholder, at + placeholder.size()) != std::string_view::npos) {
    return "a " + std::string(what) + "'s name has {name} in it, once" + example;
  }
  if (pattern.size() == placeholder.size()) {
    return "every file would be its own " + std::string(what) + "; add something" + example;
  }
  if (pattern.find('/') != std::string_view::npos) {
    return "a " + std::string(what) + " lies beside its file: a name without a slash" + example;
  }
  return std::nullopt;
}

MarkerRule::MarkerRule(std::string_view pattern)
    : before_(pattern.substr(0, pattern.find(placeholder))),
      after_(pattern.substr(pattern.find(placeholder) + placeholder.size())) {}

std::string MarkerRule::marker_of(std::string_view path) const {
  const auto [directory, name] = split(path);
  return std::string(directory) + before_ + std::string(name) + after_;
}

std::optional<std::string> MarkerRule::marked_by(std::string_view path) const {
  auto [directory, name] = split(path);
  if (name.size() <= before_.size() + after_.size() || !name.starts_with(before_) ||
      !name.ends_with(after_)) {
    return std::nullopt;
  }
  name.remove_prefix(before_.size());
  name.remove_suffix(after_.size());
  return std::string(directory) + std::string(name);
}

Result<bool> marker_is_there(FileSystem& files, const Root& root, const std::string& marker) {
  const auto [directory, name] = split(marker);
  auto opened = files.open_directory(
      root, directory.empty() ? directory : directory.substr(0, directory.size() - 1));
  const Result<FileStatus> status = opened ? (*opened)->look(name) : fail(opened.error());
  if (status) return status->kind == FileKind::Regular;
  if (status.error().code == ErrorCode::SourceGone) return false;
  return fail(status.error());
}

}  // namespace waybill::watcher
