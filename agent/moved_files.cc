#include "agent/moved_files.h"

namespace waybill::agent {

void MovedFiles::moved(const FilePath& from, const FilePath& to) {
  still_there(from);
  if (to_.size() >= most) return;
  to_.emplace(from, to);
  from_[to].insert(from);
}

void MovedFiles::decided(const FilePath& to) {
  const auto former = from_.extract(to);
  if (!former) return;
  for (const FilePath& from : former.mapped()) to_.erase(from);
}

void MovedFiles::still_there(const FilePath& from) {
  const auto there = to_.extract(from);
  if (!there) return;
  const auto names = from_.find(there.mapped());
  names->second.erase(from);
  if (names->second.empty()) from_.erase(names);
}

const FilePath* MovedFiles::now_at(const FilePath& from) const {
  const auto there = to_.find(from);
  return there == to_.end() ? nullptr : &there->second;
}

bool MovedFiles::in_a_circle(const FilePath& from) const {
  const FilePath* at = now_at(from);
  for (std::size_t steps = 0; at != nullptr && steps <= to_.size(); ++steps) {
    if (*at == from) return true;
    at = now_at(*at);
  }
  return false;
}

}  // namespace waybill::agent
