#include "agent/ignored_files.h"

#include <iterator>
#include <utility>

#include "base/paths.h"
#include "base/siphash.h"

namespace waybill::agent {
namespace {

std::uint64_t hash(const std::string& path) {
  return siphash(0, 0, name_of(path));
}

}  // namespace

bool IgnoredFiles::add(const std::string& path, const std::string& why) {
  const std::string directory(parent_of(path));
  if (listing_ && listing_->directory == directory) listing_->shown.insert(hash(path));
  const auto known = reasons_.find(path);
  if (known != reasons_.end()) return std::exchange(known->second, why) != why;
  if (reasons_.size() < named) {
    remove_beyond(path);
    reasons_.emplace(path, why);
    return true;
  }
  const bool news = beyond_[directory].insert(hash(path));
  beyond_size_ += news ? 1 : 0;
  return news;
}

bool IgnoredFiles::remove(const std::string& path) {
  if (listing_ && listing_->directory == parent_of(path)) listing_->shown.erase(hash(path));
  return reasons_.erase(path) > 0 || remove_beyond(path);
}

bool IgnoredFiles::remove_beyond(const std::string& path) {
  if (beyond_.empty()) return false;
  const auto directory = beyond_.find(std::string(parent_of(path)));
  if (directory == beyond_.end() || !directory->second.erase(hash(path))) return false;
  --beyond_size_;
  if (directory->second.size() == 0) beyond_.erase(directory);
  return true;
}

IgnoredFiles::Beyond::iterator IgnoredFiles::drop(Beyond::iterator directory) {
  beyond_size_ -= directory->second.size();
  return beyond_.erase(directory);
}

bool IgnoredFiles::remove_below(const std::string& directory) {
  const std::size_t before = size();
  const std::string below = directory.empty() ? "" : directory + '/';
  remove(directory);
  for (auto at = reasons_.lower_bound(below);
       at != reasons_.end() && at->first.starts_with(below);) {
    at = reasons_.erase(at);
  }
  if (const auto own = beyond_.find(directory); own != beyond_.end()) drop(own);
  for (auto at = beyond_.lower_bound(below); at != beyond_.end() && at->first.starts_with(below);) {
    at = drop(at);
  }
  return size() != before;
}

void IgnoredFiles::listing_begins(const std::string& directory) {
  listing_ = Listing{directory, {}};
}

bool IgnoredFiles::listing_ends(bool complete) {
  std::optional<Listing> listing = std::exchange(listing_, std::nullopt);
  if (!listing || !complete) return false;
  const std::size_t before = size();
  const std::string& directory = listing->directory;
  const std::string below = directory.empty() ? "" : directory + '/';
  NumberSet unnamed = std::move(listing->shown);
  for (auto at = reasons_.lower_bound(below);
       at != reasons_.end() && at->first.starts_with(below);) {
    const bool here = parent_of(at->first) == directory;
    // Named ones are not counted twice.
    const bool gone = here && !unnamed.erase(hash(at->first));
    at = gone ? reasons_.erase(at) : std::next(at);
  }
  if (const auto own = beyond_.find(directory); own != beyond_.end()) drop(own);
  if (unnamed.size() > 0) {
    beyond_size_ += unnamed.size();
    beyond_[directory] = std::move(unnamed);
  }
  return size() != before;
}

}  // namespace waybill::agent
