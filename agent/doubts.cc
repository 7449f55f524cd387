#include "agent/doubts.h"

#include <algorithm>
#include <utility>

#include "base/paths.h"

namespace waybill::agent {

void Doubts::add(Doubt doubt) {
  std::erase_if(waiting_, [&doubt](const Doubt& other) {
    return other.folder == doubt.folder && other.directory == doubt.directory &&
           other.seen.index() == doubt.seen.index();
  });
  waiting_.push_back(std::move(doubt));
  ask_on();
}

void Doubts::gone(FolderId folder, const std::string& directory) {
  gone_[folder].add(directory);
  ask_on();
}

void Doubts::name(FolderId folder, const std::string& path) {
  std::vector<std::string>& names = names_[folder];
  if (names.size() >= at_a_time) return gone(folder, std::string(parent_of(path)));
  names.push_back(path);
  ask_on();
}

void Doubts::looked(std::uint64_t id) {
  if (open_ != id) return;
  open_.reset();
  ask_on();
}

void Doubts::forget(FolderId folder) {
  std::erase_if(waiting_, [folder](const Doubt& doubt) { return doubt.folder == folder; });
  gone_.erase(folder);
  names_.erase(folder);
}

bool Doubts::any(FolderId folder) const {
  return (open_ && open_folder_ == folder) || gone_.contains(folder) || names_.contains(folder) ||
         std::any_of(waiting_.begin(), waiting_.end(),
                     [folder](const Doubt& doubt) { return doubt.folder == folder; });
}

// Of what has gone one directory of a folder at a time.
std::optional<FolderId> Doubts::line_up() {
  for (auto at = gone_.begin(); at != gone_.end();) {
    const bool under_way = std::any_of(waiting_.begin(), waiting_.end(), [&at](const Doubt& doubt) {
      return doubt.folder == at->first && std::holds_alternative<std::monostate>(doubt.seen);
    });
    auto next = under_way ? std::nullopt : at->second.take();
    if (next) {
      waiting_.push_back({.folder = at->first, .directory = std::move(*next), .deep = true});
    }
    at = at->second.size() == 0 ? gone_.erase(at) : std::next(at);
  }
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().folder;
}

void Doubts::ask_on() {
  while (!open_) {
    FolderId folder{};
    std::vector<std::string> names;
    if (!names_.empty()) {
      auto first = names_.extract(names_.begin());
      folder = first.key();
      names = std::move(first.mapped());
    } else if (const auto next = line_up()) {
      folder = *next;
    } else {
      return;
    }
    while (names.size() < at_a_time && line_up() == folder) {
      Doubt doubt = std::move(waiting_.front());
      waiting_.pop_front();
      if (!more_(doubt, names)) waiting_.push_back(std::move(doubt));
    }
    if (names.empty()) continue;
    open_ = ++asked_;
    open_folder_ = folder;
    ask_(folder, std::move(names), *open_);
  }
}

}  // namespace waybill::agent
