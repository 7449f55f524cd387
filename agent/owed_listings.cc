#include "agent/owed_listings.h"

#include "base/paths.h"

namespace waybill::agent {

void OwedListings::left_out(const FilePath& file, BootTime now) {
  Owed& owed = folders_.try_emplace(file.first, Owed{.since = now}).first->second;
  const std::string_view directory = parent_of(file.second);
  owed.asked.met(directory);
  // Without names only the listing that was asked for does not meet what is counted already.
  const bool counted = !owed.waiting.all() || !owed.asked.empty();
  owed.waiting.left_out(directory, counted);
}

void OwedListings::taken_in(const FilePath& file) {
  const auto owed = folders_.find(file.first);
  if (owed == folders_.end()) return;
  LeftOut& counting = owed->second.asked.empty() ? owed->second.waiting : owed->second.asked;
  counting.met(parent_of(file.second));
}

void OwedListings::listing_begins(FolderId folder, const std::string& directory) {
  const auto owed = folders_.find(folder);
  if (owed != folders_.end()) owed->second.waiting.listing_begins(directory);
}

void OwedListings::listing_ends(FolderId folder, const std::string& directory, bool complete) {
  const auto owed = folders_.find(folder);
  if (owed != folders_.end()) owed->second.waiting.listing_ends(directory, complete);
}

// Folders take turns.
void OwedListings::ask_on(const std::function<std::int64_t(FolderId)>& room) {
  auto at = folders_.upper_bound(open_folder_);
  for (std::size_t i = 0; i < folders_.size() && !open_; ++i) {
    if (at == folders_.end()) at = folders_.begin();
    auto& [folder, owed] = *at++;
    const std::int64_t files = owed.waiting.empty() ? 0 : room(folder);
    if (files <= 0) continue;
    owed.waiting.move_some(files, owed.last, owed.asked);
    open_ = ++asked_;
    open_folder_ = folder;
    ask_(folder, owed.asked.names(), *open_);
  }
}

void OwedListings::listed(std::uint64_t id) {
  if (open_ != id) return;
  open_.reset();
  const auto owed = folders_.find(open_folder_);
  if (owed == folders_.end()) return;
  owed->second.asked = {};
  drop_if_done(open_folder_);
}

void OwedListings::forget(FolderId folder) {
  folders_.erase(folder);
}

void OwedListings::forget_below(FolderId folder, const std::string& directory) {
  const auto owed = folders_.find(folder);
  if (owed == folders_.end()) return;
  owed->second.waiting.forget_below(directory);
  drop_if_done(folder);
}

bool OwedListings::any(std::optional<FolderId> folder) const {
  return folder ? folders_.contains(*folder) : !folders_.empty();
}

bool OwedListings::concerns(const FilePath& path) const {
  const Owed* const owed = find(path.first);
  return owed != nullptr &&
         (owed->waiting.concerns(path.second) || owed->asked.concerns(path.second));
}

std::int64_t OwedListings::files(FolderId folder) const {
  const Owed* const owed = find(folder);
  return owed == nullptr ? 0 : owed->waiting.files() + owed->asked.files();
}

std::optional<BootTime> OwedListings::since(FolderId folder) const {
  const Owed* const owed = find(folder);
  return owed == nullptr ? std::nullopt : std::optional(owed->since);
}

const OwedListings::Owed* OwedListings::find(FolderId folder) const {
  const auto owed = folders_.find(folder);
  return owed == folders_.end() ? nullptr : &owed->second;
}

void OwedListings::drop_if_done(FolderId folder) {
  const auto owed = folders_.find(folder);
  if (owed->second.waiting.empty() && owed->second.asked.empty()) folders_.erase(owed);
}

}  // namespace waybill::agent
