#include "agent/moved_files.h"

#include <utility>

namespace waybill::agent {

void MovedFiles::moved(const FilePath& from, Place to) {
  settled(from);
  if (to_.size() >= most) return;
  from_[to.name].insert(from);
  to_.emplace(from, std::move(to));
}

void MovedFiles::changed(const FilePath& to) {
  const auto former = from_.find(to);
  if (former == from_.end()) return;
  for (const FilePath& from : former->second) to_.at(from).unchanged = false;
}

void MovedFiles::decided(const FilePath& to) {
  const auto former = from_.extract(to);
  if (!former) return;
  for (const FilePath& from : former.mapped()) to_.erase(from);
}

void MovedFiles::settled(const FilePath& from) {
  const auto there = to_.extract(from);
  if (!there) return;
  const auto names = from_.find(there.mapped().name);
  names->second.erase(from);
  if (names->second.empty()) from_.erase(names);
}

const MovedFiles::Place* MovedFiles::now_at(const FilePath& from) const {
  const auto there = to_.find(from);
  return there == to_.end() ? nullptr : &there->second;
}

bool MovedFiles::in_a_circle(const FilePath& from) const {
  const Place* at = now_at(from);
  for (std::size_t steps = 0; at != nullptr && steps <= to_.size(); ++steps) {
    if (at->name == from) return true;
    at = now_at(at->name);
  }
  return false;
}

}  // namespace waybill::agent
