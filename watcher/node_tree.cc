#include "watcher/node_tree.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace waybill::watcher {

namespace {

// Without recursion: a tree may be deeper than the stack.
std::vector<Node*> leaves_first(Node& top) {
  std::vector<Node*> order{&top};
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const auto& child : order[next]->children) order.push_back(child.get());
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

bool NodesByName::operator()(const std::unique_ptr<Node>& a, const std::unique_ptr<Node>& b) const {
  return a->name < b->name;
}
bool NodesByName::operator()(const std::unique_ptr<Node>& a, std::string_view b) const {
  return a->name < b;
}
bool NodesByName::operator()(std::string_view a, const std::unique_ptr<Node>& b) const {
  return a < b->name;
}

Node& NodeTree::add_root(FolderId folder) {
  std::unique_ptr<Node>& root = roots_[folder];
  root = std::make_unique<Node>();
  root->folder = folder;
  ++size_;
  return *root;
}

Node* NodeTree::root(FolderId folder) const {
  const auto found = roots_.find(folder);
  return found == roots_.end() ? nullptr : found->second.get();
}

void NodeTree::drop_root(FolderId folder) {
  const auto found = roots_.find(folder);
  if (found == roots_.end()) return;
  tell(*found->second);
  roots_.erase(found);
}

Node& NodeTree::add_child(Node& parent, std::string_view name) {
  auto node = std::make_unique<Node>();
  node->folder = parent.folder;
  node->parent = &parent;
  node->name = name;
  ++size_;
  return **parent.children.insert(std::move(node)).first;
}

Node* NodeTree::child(const Node& parent, std::string_view name) {
  const auto found = parent.children.find(name);
  return found == parent.children.end() ? nullptr : found->get();
}

void NodeTree::tell(Node& node) {
  const std::vector<Node*> order = leaves_first(node);
  for (Node* const at : order) {
    dropped_(*at);
    set_watch(*at, no_watch);
    --size_;
  }
  // So that no destructor nests deeper than one level.
  for (Node* const at : order) at->children.clear();
}

NodeTree::~NodeTree() {
  for (const auto& [folder, root] : roots_) {
    for (Node* const at : leaves_first(*root)) at->children.clear();
  }
}

void NodeTree::drop(Node& node) {
  Node* const parent = node.parent;
  tell(node);
  parent->children.erase(parent->children.find(std::string_view(node.name)));
}

void NodeTree::drop_children(Node& node) {
  while (!node.children.empty()) drop(**node.children.begin());
}

Node& NodeTree::move(Node& node, Node& parent, std::string_view name) {
  const std::string kept(name);  // `name` may be the node's own
  auto handle =
      node.parent->children.extract(node.parent->children.find(std::string_view(node.name)));
  if (Node* const displaced = child(parent, kept)) drop(*displaced);
  node.name = kept;
  node.parent = &parent;
  parent.children.insert(std::move(handle));
  return node;
}

bool NodeTree::is_ancestor(const Node& ancestor, const Node& node) {
  for (const Node* at = &node; at != nullptr; at = at->parent) {
    if (at == &ancestor) return true;
  }
  return false;
}

void NodeTree::set_watch(Node& node, WatchId watch) {
  if (node.watch != no_watch) watches_.erase(static_cast<std::int32_t>(node.watch));
  node.watch = watch;
  if (watch != no_watch) watches_[static_cast<std::int32_t>(watch)] = &node;
}

Node* NodeTree::by_watch(WatchId watch) const {
  const auto found = watches_.find(static_cast<std::int32_t>(watch));
  return found == watches_.end() ? nullptr : found->second;
}

Node* NodeTree::find(Node& top, std::string_view path) {
  Node* at = &top;
  while (at != nullptr && !path.empty()) {
    const std::size_t slash = path.find('/');
    at = child(*at, path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return at;
}

std::string NodeTree::path(const Node& node) {
  std::vector<const std::string*> names;
  std::size_t length = 0;
  for (const Node* at = &node; at->parent != nullptr; at = at->parent) {
    names.push_back(&at->name);
    length += at->name.size() + 1;
  }
  std::string path;
  path.reserve(length);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) path += '/';
    path += **name;
  }
  return path;
}

void NodeTree::each(Node& top, const std::function<void(Node&)>& visit) {
  std::vector<Node*> waiting{&top};
  while (!waiting.empty()) {
    Node* const node = waiting.back();
    waiting.pop_back();
    visit(*node);
    for (const auto& child : node->children) waiting.push_back(child.get());
  }
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && !name.empty()) path += '/';
  path += name;
  return path;
}

}  // namespace waybill::watcher
