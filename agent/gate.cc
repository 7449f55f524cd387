#include "agent/gate.h"

#include <algorithm>

namespace waybill::agent {

void Gate::hold(const FilePath& file, Held held) {
  if (held_.insert_or_assign(file, std::move(held)).second) ++in_folder_[file.first];
}

const Gate::Held* Gate::find(const FilePath& file) const {
  const auto found = held_.find(file);
  return found == held_.end() ? nullptr : &found->second;
}

std::optional<Gate::Held> Gate::release(const FilePath& file) {
  const auto found = held_.find(file);
  if (found == held_.end()) return std::nullopt;
  Held held = std::move(found->second);
  held_.erase(found);
  --in_folder_[file.first];
  return held;
}

std::int64_t Gate::size(FolderId folder) const {
  const auto found = in_folder_.find(folder);
  return found == in_folder_.end() ? 0 : found->second;
}

std::vector<std::string> Gate::below(FolderId folder, const std::string& directory,
                                     bool deep) const {
  std::vector<std::string> paths;
  std::string from;
  each_below(folder, directory, deep, from, [&paths](const std::string& path) {
    paths.push_back(path);
    return true;
  });
  return paths;
}

bool Gate::each_below(FolderId folder, const std::string& directory, bool deep, std::string& from,
                      const std::function<bool(const std::string&)>& visit) const {
  const std::string start = directory.empty() ? "" : directory + '/';
  for (auto at = held_.lower_bound({folder, std::max(start, from)});
       at != held_.end() && at->first.first == folder && at->first.second.starts_with(start);
       ++at) {
    const std::string& path = at->first.second;
    from = path + '\0';
    const bool meant = deep || path.find('/', start.size()) == std::string::npos;
    if (meant && !visit(path)) return false;
  }
  return true;
}

void Gate::each(const std::function<void(const FilePath&, const Held&)>& visit) const {
  for (const auto& [file, held] : held_) visit(file, held);
}

}  // namespace waybill::agent
