#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "watcher/node_tree.h"

namespace waybill::watcher {

// What the scanner has to do, in which order. Pure. Scan thread only.
//
// Every piece of work carries an epoch; work that comes out of other work inherits it. So "all that
// had happened before" is "all work of an epoch up to this one is done", however much is added
// meanwhile; older epochs go first. Work that failed waits in a schedule and counts as done until
// its time comes.
class ScanAgenda {
 public:
  // A directory is to be listed. Urgent: an event says so. Not urgent: a scan of everything.
  void mark_dirty(Node& node, std::uint64_t epoch, bool urgent);
  // A name of a directory is to be looked up. Too many names make the directory dirty.
  void add_name(Node& node, std::string_view name, std::uint64_t epoch);
  // Other work of a folder (a look-up by path), counted only.
  void count(FolderId folder, std::uint64_t epoch) { ++open_[folder][epoch]; }

  struct Work {
    Node* node = nullptr;
    std::uint64_t epoch = 0;
    bool urgent = true;
    FolderId folder{};
  };
  // The next to list; it is not queued any more (so that a mark made from here on counts), but its
  // epoch stays open until finish(). Urgent and other work take turns.
  std::optional<Work> next_listing();
  // The next directory with names, and as many of its oldest as `limit`.
  std::optional<Work> next_names(std::size_t limit, std::vector<std::string>& names);
  void finish(FolderId folder, std::uint64_t epoch);

  // Again later: `name` of the directory, or "" for the directory itself. Each failure doubles the
  // wait; what a person must end (NeedsPerson) is tried more rarely than what passes by itself.
  // True: it is news; of what may pass by itself only once it has lasted for some 25 s (then it is
  // `told`). Of more than `failures_per_directory` names the rest is left to another listing of
  // the directory, which is owed after a second, the wait doubled up to an hour.
  bool fail(Node& node, std::string_view name, const Error& error, BootTime now);
  static constexpr std::size_t failures_per_directory = 1024;
  [[nodiscard]] static const NodeExtras::Failure* failure(const Node& node, std::string_view name);
  void succeed(Node& node, std::string_view name);
  // Something failed in it that has no place of its own among the failures.
  [[nodiscard]] static bool owes_listing(const Node& node);
  // It was listed whole. True: that was owed, and everything in it has its place again.
  bool listed_rest(Node& node);
  [[nodiscard]] static std::vector<std::string> failing_names(const Node& node);
  // Whatever fails again is news.
  static void tell_again(Node& node);
  // The directory's own next try comes now: the cause of its failure may have gone.
  void hasten(Node& node, std::uint64_t epoch);
  // Failures whose time has come become work.
  void fire(BootTime now, std::uint64_t epoch);
  [[nodiscard]] std::optional<BootTime> next_due() const;

  // The node goes.
  void forget(Node& node);
  // Gives its extras back where there is nothing in them.
  static void trim(Node& node);

  // Something can be done now.
  [[nodiscard]] bool idle() const { return !has_listings() && !has_names(); }
  [[nodiscard]] bool has_listings() const { return !urgent_.empty() || !bulk_.empty(); }
  [[nodiscard]] bool has_names() const { return !naming_.empty(); }
  // Of a scan of everything some directory has not been listed yet.
  [[nodiscard]] bool scanning() const { return !bulk_.empty(); }
  // Something waits that may pass by itself, and has not been told. Of one folder, or of any.
  [[nodiscard]] bool hoping(std::optional<FolderId> folder) const;
  // No work of the folder up to that epoch is open.
  [[nodiscard]] bool settled(FolderId folder, std::uint64_t epoch) const;
  [[nodiscard]] bool settled(std::uint64_t epoch) const;

 private:
  using Queue = std::map<Place, Node*>;
  void enqueue(Queue& queue, Place& place, Node& node, std::uint64_t epoch);
  void dequeue(Queue& queue, Place& place, Node& node);
  unsigned owe_listing(Node& node, BootTime now);  // how often it was
  void unschedule(Node& node, const std::string& name, NodeExtras::Failure& failure);

  Queue urgent_;
  Queue bulk_;
  Queue naming_;
  std::map<FolderId, std::map<std::uint64_t, std::size_t>> open_;
  std::set<std::tuple<BootTime, Node*, std::string>> schedule_;
  std::uint64_t order_ = 0;
  bool urgent_had_its_turn_ = false;
};

}  // namespace waybill::watcher
