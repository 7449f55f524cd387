#include "watcher/node_tree.h"

#include <gtest/gtest.h>

namespace waybill::watcher {
namespace {

constexpr FolderId the_folder{1};

class NodeTreeTest : public testing::Test {
 protected:
  std::vector<std::string> gone_;
  NodeTree tree_{[this](Node& node) { gone_.push_back(NodeTree::path(node)); }};
  Node& root_ = tree_.add_root(the_folder);
};

TEST_F(NodeTreeTest, APathIsTheNamesFromTheRoot) {
  Node& a = tree_.add_child(root_, "a");
  Node& b = tree_.add_child(a, "b");
  EXPECT_EQ(NodeTree::path(root_), "");
  EXPECT_EQ(NodeTree::path(b), "a/b");
  EXPECT_EQ(tree_.size(), 3U);
}

TEST_F(NodeTreeTest, ADroppedDirectoryTakesAllBelowItAndTellsTheChildrenFirst) {
  Node& a = tree_.add_child(root_, "a");
  Node& b = tree_.add_child(a, "b");
  tree_.add_child(b, "c");
  tree_.set_watch(b, WatchId{7});
  tree_.drop(a);
  EXPECT_EQ(gone_, (std::vector<std::string>{"a/b/c", "a/b", "a"}));
  EXPECT_EQ(tree_.size(), 1U);
  EXPECT_EQ(tree_.by_watch(WatchId{7}), nullptr);
}

TEST_F(NodeTreeTest, AMovedDirectoryKeepsItsWatchAndChildren) {
  Node& a = tree_.add_child(root_, "a");
  Node& b = tree_.add_child(a, "b");
  Node& c = tree_.add_child(root_, "c");
  tree_.set_watch(a, WatchId{7});
  tree_.move(a, c, "new");
  EXPECT_EQ(NodeTree::path(b), "c/new/b");
  EXPECT_EQ(tree_.by_watch(WatchId{7}), &a);
  EXPECT_EQ(NodeTree::child(root_, "a"), nullptr);
  EXPECT_TRUE(gone_.empty());
}

// rmdir and rename may put a directory in the place of one it was in.
TEST_F(NodeTreeTest, ADirectoryMayTakeThePlaceOfItsOwnParent) {
  Node& a = tree_.add_child(root_, "a");
  Node& b = tree_.add_child(a, "b");
  tree_.add_child(b, "c");
  tree_.move(b, root_, "a");
  EXPECT_EQ(NodeTree::child(root_, "a"), &b);
  EXPECT_NE(NodeTree::child(b, "c"), nullptr);
  EXPECT_EQ(gone_, std::vector<std::string>{"a"});
  EXPECT_EQ(tree_.size(), 3U);
}

TEST_F(NodeTreeTest, ARenameWithinADirectoryIsAMove) {
  Node& a = tree_.add_child(root_, "a");
  tree_.move(a, root_, "b");
  EXPECT_EQ(NodeTree::child(root_, "b"), &a);
  EXPECT_EQ(NodeTree::child(root_, "a"), nullptr);
}

TEST_F(NodeTreeTest, AncestorsAreKnown) {
  Node& a = tree_.add_child(root_, "a");
  Node& b = tree_.add_child(a, "b");
  EXPECT_TRUE(NodeTree::is_ancestor(root_, b));
  EXPECT_TRUE(NodeTree::is_ancestor(b, b));
  EXPECT_FALSE(NodeTree::is_ancestor(b, a));
}

TEST_F(NodeTreeTest, ATreeDeeperThanTheStackIsDropped) {
  Node* at = &root_;
  for (int level = 0; level < 200'000; ++level) at = &tree_.add_child(*at, "d");
  std::size_t told = 0;
  NodeTree::each(root_, [&told](Node&) { ++told; });
  EXPECT_EQ(told, 200'001U);
}

}  // namespace
}  // namespace waybill::watcher
