#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/fingerprint.h"
#include "base/ids.h"
#include "watcher/event_source.h"
#include "watcher/translator.h"

// The scanner's picture of the watched directories. Pure bookkeeping, no I/O. Scan thread only.
namespace waybill::watcher {

constexpr WatchId no_watch{-1};

// A directory in one life of its inode.
struct Identity {
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};
// An inode with its birth time is the same on whatever device number the disk has today.
inline bool same_directory(const Identity& known, const Identity& found) {
  if (known.ino != found.ino) return false;
  if (known.btime != 0 && found.btime != 0) return known.btime == found.btime;
  return known.dev == found.dev;
}
inline Identity identity_of(const Fingerprint& f) {
  return {.dev = f.dev, .ino = f.ino, .btime = f.btime};
}

// What of a folder lies on one mount.
struct MountSpan {
  std::uint64_t mount = 0;
  unsigned crossings = 0;  // between it and the folder's root
  std::string blind_spot;  // OpenDirectory::blind_spot()
};

struct Node;
struct NodesByName {
  using is_transparent = void;
  bool operator()(const std::unique_ptr<Node>& a, const std::unique_ptr<Node>& b) const;
  bool operator()(const std::unique_ptr<Node>& a, std::string_view b) const;
  bool operator()(std::string_view a, const std::unique_ptr<Node>& b) const;
};

// A place in a queue of the agenda. order 0: not queued.
struct Place {
  std::uint64_t epoch = 0;
  std::uint64_t order = 0;
  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.epoch, a.order) < std::tie(b.epoch, b.order);
  }
};

// What few directories have at a time: names to look up, and tries that failed ("": its own).
struct NodeExtras {
  struct Failure {
    unsigned tries = 0;
    int os_errno = 0;
    BootTime due;
    bool passing = true;   // may end without a person
    bool told = false;     // it was worth a word: ScanAgenda::fail
    bool waiting = false;  // in the agenda's schedule
  };
  std::map<std::string, std::uint64_t, std::less<>> names;  // and the epoch of each
  std::map<std::string, Failure, std::less<>> failures;
  std::map<std::string, Appearance, std::less<>> appeared;  // how, until it is seen under the name
};

// A directory of a tree. What it is called is its parent's business (WATCHING.md 3 e): a node is
// owned by (parent, name) and recognised by its watch.
struct Node {
  FolderId folder{};
  Node* parent = nullptr;  // nullptr: a folder's root
  std::string name;
  Identity identity;
  const MountSpan* span = nullptr;  // of the folder's; nullptr: a root that was never opened
  WatchId watch = no_watch;
  bool unwatched = false;              // no watch to be had: polled
  bool urgent = false;                 // which of the two listing queues
  Appearance came = Appearance::None;  // it itself, until it has been listed whole
  Place listing;
  Place naming;
  std::unique_ptr<NodeExtras> extras;
  std::set<std::unique_ptr<Node>, NodesByName> children;
};

class NodeTree {
 public:
  // `dropped` is told of every node that goes, children first, while its path is still to be had.
  explicit NodeTree(std::function<void(Node&)> dropped) : dropped_(std::move(dropped)) {}
  ~NodeTree();  // tells nobody
  NodeTree(const NodeTree&) = delete;
  NodeTree& operator=(const NodeTree&) = delete;

  Node& add_root(FolderId folder);
  [[nodiscard]] Node* root(FolderId folder) const;
  void drop_root(FolderId folder);

  // There must be no child of that name.
  Node& add_child(Node& parent, std::string_view name);
  [[nodiscard]] static Node* child(const Node& parent, std::string_view name);
  // With all below it.
  void drop(Node& node);
  void drop_children(Node& node);
  // Takes it out of its place and puts it into another. What is in that place is dropped, after the
  // node was taken out: it may have been below.
  Node& move(Node& node, Node& parent, std::string_view name);
  [[nodiscard]] static bool is_ancestor(const Node& ancestor, const Node& node);

  void set_watch(Node& node, WatchId watch);  // no_watch: none any more
  [[nodiscard]] Node* by_watch(WatchId watch) const;

  // Below `top`; nullptr: there is none.
  [[nodiscard]] static Node* find(Node& top, std::string_view path);
  // Below the folder; "" for the root.
  [[nodiscard]] static std::string path(const Node& node);
  static void each(Node& top, const std::function<void(Node&)>& visit);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void tell(Node& node);

  const std::function<void(Node&)> dropped_;
  std::map<FolderId, std::unique_ptr<Node>> roots_;
  std::unordered_map<std::int32_t, Node*> watches_;
  std::size_t size_ = 0;
};

// "a" and "b" are "a/b"; "" and "b" are "b".
std::string join(std::string_view directory, std::string_view name);

}  // namespace waybill::watcher
