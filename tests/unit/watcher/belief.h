#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "watcher/scanner.h"

namespace waybill::watcher {

// What somebody who listens to a scanner, and asks back where the rules say so, believes about one
// folder. In the end it must be the truth. One thread.
class Belief {
 public:
  explicit Belief(FolderId folder) : folder_(folder) {}

  void take(const Observation& observation) {
    std::visit([this](const auto& what) { on(what); }, observation);
  }

  // Paths that may be gone: to be looked at. Empties the list.
  std::vector<std::string> take_doubts() {
    std::vector<std::string> doubts(doubts_.begin(), doubts_.end());
    doubts_.clear();
    return doubts;
  }

  // Known from before a restart: what the whole scan does not show is in doubt.
  void remember(std::map<std::string, Fingerprint> known) {
    files = std::move(known);
    seen_by_scan_.emplace();
  }

  [[nodiscard]] bool doubtless() const { return doubts_.empty(); }

  [[nodiscard]] std::set<std::string> paths() const {
    std::set<std::string> all;
    for (const auto& [path, fingerprint] : files) all.insert(path);
    return all;
  }

  std::map<std::string, Fingerprint> files;
  std::map<std::string, std::string> ignored;
  std::map<std::string, Error> unreadable;
  std::map<std::string, int> times_seen;
  std::vector<FolderStatus> statuses;
  std::vector<std::uint64_t> barriers;
  std::vector<std::uint64_t> answered;
  std::set<std::string> lost;       // every path that was ever taken back
  std::set<std::string> suspended;  // looked up in vain
  std::vector<MountEntered> mounts;
  int listings = 0;
  int complete_scans = 0;
  int overflows = 0;
  std::vector<BootTime> watermarks;

 private:
  static bool is_below(const std::string& path, const std::string& directory) {
    return directory.empty() || path.starts_with(directory + "/");
  }

  void on(const Seen& seen) {
    if (seen.folder != folder_) return;
    for (const FileObservation& file : seen.files) {
      for (auto& [directory, shown] : listing_) shown.insert(file.path);
      ignored.erase(file.path);
      if (const auto* present = std::get_if<Present>(&file.what)) {
        files[file.path] = present->fingerprint;
        if (seen_by_scan_) seen_by_scan_->insert(file.path);
        ++times_seen[file.path];
      } else if (const auto* why = std::get_if<Ignored>(&file.what)) {
        forget(file.path);
        ignored[file.path] = why->reason;
      } else if (const auto* trouble = std::get_if<Unreadable>(&file.what)) {
        unreadable[file.path] = trouble->cause;
      } else if (std::holds_alternative<Suspended>(file.what)) {
        suspended.insert(file.path);
      } else {
        forget(file.path);
      }
    }
  }
  void on(const ListingBegins& begins) {
    if (begins.folder != folder_) return;
    ++listings;
    listing_[begins.directory] = {};
    unreadable.erase(begins.directory);
  }
  void on(const ListingEnds& ends) {
    if (ends.folder != folder_) return;
    const std::set<std::string> shown = std::exchange(listing_[ends.directory], {});
    listing_.erase(ends.directory);
    if (!ends.complete) return;
    for (const auto& [path, fingerprint] : files) {
      const std::size_t slash = path.rfind('/');
      const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash);
      const bool in_doubt = directory == ends.directory && !shown.contains(path);
      if (in_doubt) doubts_.insert(path);
    }
  }
  void on(const DirectoryGone& gone) {
    if (gone.folder != folder_) return;
    for (const auto& [path, fingerprint] : files) {
      if (is_below(path, gone.directory)) doubts_.insert(path);
    }
  }
  void on(const MountEntered& entered) {
    if (entered.folder == folder_) mounts.push_back(entered);
  }
  void on(const FolderStatus& status) {
    if (status.folder == folder_) statuses.push_back(status);
  }
  void on(const ScanComplete& complete) {
    if (complete.folder != folder_) return;
    ++complete_scans;
    if (!seen_by_scan_) return;
    for (const auto& [path, fingerprint] : files) {
      if (!seen_by_scan_->contains(path)) doubts_.insert(path);
    }
    seen_by_scan_.reset();
  }
  void on(const EventsLost&) {
    ++overflows;
    if (seen_by_scan_) seen_by_scan_->clear();
  }
  void on(const Watermark& watermark) {
    if (watermark.folder == folder_) watermarks.push_back(watermark.until);
  }
  void on(const Looked& looked) { answered.push_back(looked.id); }
  void on(const Listed& listed) { answered.push_back(listed.id); }
  void on(const Barrier& barrier) { barriers.push_back(barrier.id); }

  void forget(const std::string& path) {
    if (files.erase(path) != 0) lost.insert(path);
  }

  const FolderId folder_;
  std::map<std::string, std::set<std::string>> listing_;
  std::set<std::string> doubts_;
  std::optional<std::set<std::string>> seen_by_scan_;
};

}  // namespace waybill::watcher
