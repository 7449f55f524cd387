#include "watcher/scan_agenda.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "watcher/coalescer.h"

namespace waybill::watcher {

namespace {

// Tries that fail before what may pass by itself is told, and no longer waited for.
constexpr unsigned patience = 9;
// No entry has such a name: the directory itself, to be listed again for what of it fails beyond
// those that are kept.
constexpr std::string_view the_rest = "/";
constexpr unsigned patience_for_the_rest = 6;  // listings, in some 30 s

}  // namespace

void ScanAgenda::enqueue(Queue& queue, Place& place, Node& node, std::uint64_t epoch) {
  place = {.epoch = epoch, .order = ++order_};
  queue.emplace(place, &node);
  ++open_[node.folder][epoch];
}

void ScanAgenda::dequeue(Queue& queue, Place& place, Node& node) {
  if (place.order == 0) return;
  queue.erase(place);
  finish(node.folder, place.epoch);
  place = {};
}

void ScanAgenda::mark_dirty(Node& node, std::uint64_t epoch, bool urgent) {
  if (node.listing.order != 0) {
    if (node.listing.epoch <= epoch && (node.urgent || !urgent)) return;
    epoch = std::min(epoch, node.listing.epoch);
    urgent = urgent || node.urgent;
    dequeue(node.urgent ? urgent_ : bulk_, node.listing, node);
  }
  node.urgent = urgent;
  enqueue(urgent ? urgent_ : bulk_, node.listing, node, epoch);
}

void ScanAgenda::add_name(Node& node, std::string_view name, std::uint64_t epoch) {
  // Its listing is about to look at every name.
  if (node.listing.order != 0 && node.urgent && node.listing.epoch <= epoch) return;
  if (!node.extras) node.extras = std::make_unique<NodeExtras>();
  if (node.extras->names.size() >= Coalescer::names_per_directory) {
    epoch = node.naming.order == 0 ? epoch : std::min(epoch, node.naming.epoch);
    dequeue(naming_, node.naming, node);
    node.extras->names.clear();
    mark_dirty(node, epoch, true);
    return;
  }
  node.extras->names.emplace(name, epoch);
  if (node.naming.order != 0) {
    if (node.naming.epoch <= epoch) return;
    dequeue(naming_, node.naming, node);
  }
  enqueue(naming_, node.naming, node, epoch);
}

std::optional<ScanAgenda::Work> ScanAgenda::next_listing() {
  if (urgent_.empty() && bulk_.empty()) return std::nullopt;
  const bool urgent = bulk_.empty() || (!urgent_.empty() && !urgent_had_its_turn_);
  urgent_had_its_turn_ = urgent;
  Queue& queue = urgent ? urgent_ : bulk_;
  const auto [place, node] = *queue.begin();
  queue.erase(queue.begin());
  node->listing = {};
  return Work{.node = node, .epoch = place.epoch, .urgent = urgent, .folder = node->folder};
}

std::optional<ScanAgenda::Work> ScanAgenda::next_names(std::size_t limit,
                                                       std::vector<std::string>& names) {
  if (naming_.empty()) return std::nullopt;
  const auto [place, node] = *naming_.begin();
  auto& waiting = node->extras->names;
  // The oldest only: names that keep coming must not make older ones look unfinished.
  std::optional<std::uint64_t> oldest_left;
  for (auto at = waiting.begin(); at != waiting.end();) {
    if (at->second == place.epoch && names.size() < limit) {
      names.push_back(std::move(waiting.extract(at++).key()));
    } else {
      oldest_left = std::min(oldest_left.value_or(at->second), at->second);
      ++at;
    }
  }
  const Work work{.node = node, .epoch = place.epoch, .urgent = true, .folder = node->folder};
  naming_.erase(naming_.begin());
  node->naming = {};
  if (oldest_left) enqueue(naming_, node->naming, *node, *oldest_left);
  trim(*node);
  return work;
}

void ScanAgenda::finish(FolderId folder, std::uint64_t epoch) {
  const auto epochs = open_.find(folder);
  const auto count = epochs->second.find(epoch);
  if (--count->second == 0) epochs->second.erase(count);
  if (epochs->second.empty()) open_.erase(epochs);
}

bool ScanAgenda::fail(Node& node, std::string_view name, const Error& error, BootTime now) {
  const bool passing = error.code != ErrorCode::NeedsPerson;
  const Nanoseconds first =
      passing ? Nanoseconds(std::chrono::milliseconds(100)) : Nanoseconds(std::chrono::seconds(5));
  const Nanoseconds most = passing ? std::chrono::seconds(10) : std::chrono::seconds(60);
  constexpr unsigned enough = 20;  // doublings beyond which every wait is `most`
  if (!node.extras) node.extras = std::make_unique<NodeExtras>();
  auto& failures = node.extras->failures;
  if (!name.empty() && failures.size() >= failures_per_directory && !failures.contains(name)) {
    return owe_listing(node, now) >= patience_for_the_rest || !passing;
  }
  const auto [at, fresh] = failures.emplace(name, NodeExtras::Failure{});
  NodeExtras::Failure& failure = at->second;
  unschedule(node, at->first, failure);
  const Nanoseconds wait =
      std::min<Nanoseconds>(most, first * (1LL << std::min(failure.tries, enough)));
  ++failure.tries;
  if (failure.os_errno != error.os_errno) failure.told = false;
  failure.os_errno = error.os_errno;
  failure.passing = passing;
  failure.due = now + wait;
  failure.waiting = true;
  schedule_.emplace(failure.due, &node, at->first);
  const bool news = !failure.told && (!passing || failure.tries >= patience);
  failure.told = failure.told || news;
  return news;
}

unsigned ScanAgenda::owe_listing(Node& node, BootTime now) {
  const auto at = node.extras->failures.emplace(the_rest, NodeExtras::Failure{}).first;
  NodeExtras::Failure& rest = at->second;
  // Once a listing, however many of its entries fail.
  if (rest.waiting) return rest.tries;
  constexpr unsigned enough = 20;  // doublings beyond which every wait is the longest
  const Nanoseconds wait = std::min<Nanoseconds>(
      std::chrono::seconds(1) * (1LL << std::min(rest.tries, enough)), std::chrono::hours(1));
  ++rest.tries;
  rest.passing = false;  // nothing waits for it
  rest.due = now + wait;
  rest.waiting = true;
  schedule_.emplace(rest.due, &node, at->first);
  return rest.tries;
}

bool ScanAgenda::owes_listing(const Node& node) {
  return failure(node, the_rest) != nullptr;
}

bool ScanAgenda::listed_rest(Node& node) {
  const NodeExtras::Failure* const rest = failure(node, the_rest);
  if (rest == nullptr || rest->waiting) return false;
  succeed(node, the_rest);
  return true;
}

std::vector<std::string> ScanAgenda::failing_names(const Node& node) {
  std::vector<std::string> names;
  if (!node.extras) return names;
  for (const auto& [name, failure] : node.extras->failures) {
    if (!name.empty() && name != the_rest) names.push_back(name);
  }
  return names;
}

const NodeExtras::Failure* ScanAgenda::failure(const Node& node, std::string_view name) {
  if (!node.extras) return nullptr;
  const auto found = node.extras->failures.find(name);
  return found == node.extras->failures.end() ? nullptr : &found->second;
}

void ScanAgenda::succeed(Node& node, std::string_view name) {
  if (!node.extras) return;
  const auto found = node.extras->failures.find(name);
  if (found == node.extras->failures.end()) return;
  unschedule(node, found->first, found->second);
  node.extras->failures.erase(found);
  trim(node);
}

void ScanAgenda::tell_again(Node& node) {
  if (!node.extras) return;
  for (auto& [name, failure] : node.extras->failures) failure.told = false;
}

void ScanAgenda::hasten(Node& node, std::uint64_t epoch) {
  if (!node.extras) return;
  const auto found = node.extras->failures.find(std::string_view());
  if (found == node.extras->failures.end() || !found->second.waiting) return;
  unschedule(node, found->first, found->second);
  mark_dirty(node, epoch, true);
}

void ScanAgenda::fire(BootTime now, std::uint64_t epoch) {
  while (!schedule_.empty() && std::get<BootTime>(*schedule_.begin()) <= now) {
    const auto [due, node, name] = *schedule_.begin();
    schedule_.erase(schedule_.begin());
    node->extras->failures.find(name)->second.waiting = false;
    if (name == the_rest) {
      mark_dirty(*node, epoch, false);
    } else if (name.empty()) {
      mark_dirty(*node, epoch, true);
    } else {
      add_name(*node, name, epoch);
    }
  }
}

std::optional<BootTime> ScanAgenda::next_due() const {
  if (schedule_.empty()) return std::nullopt;
  return std::get<BootTime>(*schedule_.begin());
}

void ScanAgenda::forget(Node& node) {
  dequeue(node.urgent ? urgent_ : bulk_, node.listing, node);
  dequeue(naming_, node.naming, node);
  if (!node.extras) return;
  for (auto& [name, failure] : node.extras->failures) unschedule(node, name, failure);
  node.extras.reset();
}

void ScanAgenda::unschedule(Node& node, const std::string& name, NodeExtras::Failure& failure) {
  if (failure.waiting) schedule_.erase({failure.due, &node, name});
  failure.waiting = false;
}

void ScanAgenda::trim(Node& node) {
  if (node.extras && node.extras->names.empty() && node.extras->failures.empty() &&
      node.extras->appeared.empty()) {
    node.extras.reset();
  }
}

bool ScanAgenda::hoping(std::optional<FolderId> folder) const {
  return std::any_of(schedule_.begin(), schedule_.end(), [folder](const auto& waiting) {
    const auto& [due, node, name] = waiting;
    if (folder && node->folder != *folder) return false;
    const NodeExtras::Failure& failure = node->extras->failures.find(name)->second;
    return failure.passing && failure.tries < patience;
  });
}

bool ScanAgenda::settled(FolderId folder, std::uint64_t epoch) const {
  const auto epochs = open_.find(folder);
  return epochs == open_.end() || epochs->second.begin()->first > epoch;
}

bool ScanAgenda::settled(std::uint64_t epoch) const {
  return std::all_of(open_.begin(), open_.end(),
                     [epoch](const auto& folder) { return folder.second.begin()->first > epoch; });
}

}  // namespace waybill::watcher
