#include "agent/turns.h"

#include <algorithm>
#include <tuple>

namespace waybill::agent {
namespace {

using catalog::Lane;

template <typename Which>
int count(const Load& load, Which which) {
  int files = 0;
  for (const auto& [queue, slots] : load.slots) {
    if (which(queue)) files += slots;
  }
  return files;
}

bool is_big(const QueueName& queue) {
  return queue.lane != Lane::Small;
}
bool is_large(const QueueName& queue) {
  return queue.lane == Lane::Large;
}

template <typename Map, typename Key>
std::uint64_t served(const Map& turns, const Key& key) {
  const auto found = turns.find(key);
  return found == turns.end() ? 0 : found->second;
}

}  // namespace

bool Turns::has_room(const QueueName& queue, const Load& load) const {
  if (count(load, [](const QueueName&) { return true; }) >= limits_.slots) return false;
  if (queue.lane == Lane::Small) {
    const std::uint64_t then = load.held_small + catalog::largest_small;
    // However much the big ones hold, a quarter is for the small ones.
    return load.held_small == 0 || then + load.held_big <= limits_.memory ||
           then <= limits_.memory / 4;
  }
  if (count(load, is_big) >= limits_.big()) return false;
  if (queue.lane == Lane::Medium) {
    return load.held_big == 0 || load.held_big + catalog::largest_medium <= limits_.big_memory();
  }
  // What a large one holds is bounded part by part.
  const int left = limits_.large() - count(load, is_large);
  if (left <= 0) return false;
  const bool reserved = limits_.several_folders && limits_.large() > 1 && left == 1;
  return !reserved || count(load, [&queue](const QueueName& other) {
                        return is_large(other) && other.folder == queue.folder;
                      }) == 0;
}

std::optional<QueueName> Turns::next(const std::vector<QueueName>& waiting, const Load& load) {
  std::vector<QueueName> able;
  for (const QueueName& queue : waiting) {
    if (has_room(queue, load)) able.push_back(queue);
  }
  const bool fresh_waits =
      std::any_of(able.begin(), able.end(), [](const QueueName& queue) { return !queue.again; });
  if (fresh_waits &&
      count(load, [](const QueueName& queue) { return queue.again; }) >= limits_.again()) {
    std::erase_if(able, [](const QueueName& queue) { return queue.again; });
  }
  const auto rank = [this, &load](const QueueName& queue) {
    const Kind kind(queue.lane, queue.again);
    const auto under_way = load.slots.find(queue);
    return std::tuple(served(kinds_, kind), under_way == load.slots.end() ? 0 : under_way->second,
                      served(queues_, queue));
  };
  const auto first = std::min_element(
      able.begin(), able.end(),
      [&rank](const QueueName& a, const QueueName& b) { return rank(a) < rank(b); });
  if (first == able.end()) return std::nullopt;
  ++turn_;
  kinds_[{first->lane, first->again}] = turn_;
  queues_[*first] = turn_;
  return *first;
}

}  // namespace waybill::agent
