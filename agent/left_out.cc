#include "agent/left_out.h"

#include <utility>

#include "base/paths.h"

namespace waybill::agent {

void LeftOut::left_out(std::string_view directory, bool counted) {
  const auto known = named_.find(directory);
  if (known != named_.end() && known->second.to_meet > 0) {
    --known->second.to_meet;
    return;
  }
  add(directory, {.files = counted ? 1 : 0});
}

void LeftOut::add(std::string_view directory, Count count) {
  files_ += count.files;
  if (all_) return;
  const auto known = named_.find(directory);
  if (known != named_.end()) {
    known->second.files += count.files;
    return;
  }
  if (named_.size() >= most || bytes_ + directory.size() > most_bytes) {
    all_ = true;
    named_.clear();
    bytes_ = 0;
    return;
  }
  named_.emplace(directory, count);
  bytes_ += directory.size();
}

void LeftOut::met(std::string_view directory) {
  if (all_) {
    if (files_ > 0) --files_;
    return;
  }
  const auto known = named_.find(directory);
  if (known == named_.end() || known->second.files == 0) return;
  --known->second.files;
  --files_;
  if (known->second.to_meet > 0) --known->second.to_meet;
}

void LeftOut::listing_begins(std::string_view directory) {
  const auto known = named_.find(directory);
  if (known != named_.end()) known->second.to_meet = known->second.files;
}

void LeftOut::listing_ends(std::string_view directory, bool complete) {
  const auto known = named_.find(directory);
  if (known == named_.end()) return;
  const std::int64_t missed = std::exchange(known->second.to_meet, 0);
  if (!complete) return;
  known->second.files -= missed;
  files_ -= missed;
}

void LeftOut::move_some(std::int64_t files, std::string& last, LeftOut& to) {
  if (all_) {
    to = std::exchange(*this, {});
    return;
  }
  for (auto at = named_.upper_bound(last); !named_.empty() && to.files_ < files;) {
    if (at == named_.end()) at = named_.begin();
    last = at->first;
    to.add(at->first, at->second);
    at = drop(at);
  }
}

bool LeftOut::take(std::string_view directory) {
  const auto known = named_.find(directory);
  if (known == named_.end()) return all_;
  drop(known);
  return true;
}

void LeftOut::forget_below(std::string_view directory) {
  if (directory.empty()) {
    *this = {};
    return;
  }
  if (const auto at = named_.find(directory); at != named_.end()) drop(at);
  const std::string below = std::string(directory) + '/';
  for (auto at = named_.lower_bound(below); at != named_.end() && at->first.starts_with(below);) {
    at = drop(at);
  }
}

bool LeftOut::concerns(std::string_view path) const {
  if (all_ || (path.empty() && !empty())) return true;
  if (named_.contains(path) || (!path.empty() && named_.contains(parent_of(path)))) return true;
  const std::string below = std::string(path) + '/';
  const auto at = named_.lower_bound(below);
  return at != named_.end() && at->first.starts_with(below);
}

std::vector<std::string> LeftOut::names() const {
  std::vector<std::string> names;
  names.reserve(named_.size());
  for (const auto& [name, count] : named_) names.push_back(name);
  return names;
}

LeftOut::Named::iterator LeftOut::drop(Named::iterator at) {
  files_ -= at->second.files;
  bytes_ -= at->first.size();
  return named_.erase(at);
}

}  // namespace waybill::agent
