#include <algorithm>

#include "base/paths.h"
#include "watcher/scanner_tree.h"

// How what is in a directory came there (WATCHING.md 2.4): by a rename or not. Events say what has
// appeared under a name, a look says which inode lies there; the two belong together if nothing
// else had appeared under the name by the time of the look.
namespace waybill::watcher {

void Scanner::Tree::note_appearances(Node& node,
                                     const std::map<std::string, Appearance>& appeared) {
  if (appeared.empty() || !folders.find(node.folder)->second.spec.arrivals) return;
  if (!node.extras) node.extras = std::make_unique<NodeExtras>();
  for (const auto& [name, how] : appeared) {
    const auto known = node.extras->appeared.find(name);
    if (known != node.extras->appeared.end()) {
      known->second = how;
    } else if (appearances < Coalescer::appearances) {
      node.extras->appeared.emplace(name, how);
      ++appearances;
    }
  }
  ScanAgenda::trim(node);
}

Appearance Scanner::Tree::take_appearance(Node& node, const std::string& name) {
  if (!node.extras) return Appearance::None;
  const auto found = node.extras->appeared.find(name);
  if (found == node.extras->appeared.end()) return Appearance::None;
  const Appearance how = found->second;
  node.extras->appeared.erase(found);
  --appearances;
  ScanAgenda::trim(node);
  return how;
}

void Scanner::Tree::forget_appearances(Node& node) {
  node.came = Appearance::None;
  if (!node.extras) return;
  appearances -= node.extras->appeared.size();
  node.extras->appeared.clear();
  ScanAgenda::trim(node);
}

void Scanner::Tree::forget_all_appearances() {
  for (auto& [id, folder] : folders) {
    NodeTree::each(*folder.root, [this](Node& node) { forget_appearances(node); });
  }
  if (listing) listing->came = Appearance::None;
}

// What it has now it has told, unless something has come up meanwhile.
void Scanner::Tree::listed_whole(Node& node) {
  if (node.listing.order != 0 || node.naming.order != 0) return;
  forget_appearances(node);
}

// What is found in a directory that has just come is as new as that.
Appearance Scanner::Tree::appearance_of_directory(const Spot& spot, const std::string& name) {
  const Appearance seen = take_appearance(spot.node, name);
  return seen == Appearance::None ? spot.came : seen;
}

void Scanner::Tree::arrived_with(Node& top, const Spot& spot) {
  if (!folders.find(top.folder)->second.spec.arrivals) return;
  NodeTree::each(top, [&](Node& node) {
    node.came = Appearance::Moved;
    agenda.mark_dirty(node, spot.epoch, spot.urgent);
  });
}

Arrival Scanner::Tree::arrival_of(const Spot& spot, const std::string& name,
                                  const FileStatus& status) {
  const Appearance seen = take_appearance(spot.node, name);
  // Of what is polled too little is heard to trust what is.
  const Folder& folder = folders.find(spot.node.folder)->second;
  if (spot.node.watch == no_watch || !folder.trusted() || folder.is_blind(spot.node)) {
    return Arrival::Unseen;
  }
  if (seen == Appearance::Moved) return Arrival::ByRename;
  if (seen == Appearance::Made) return Arrival::InPlace;
  if (spot.came == Appearance::Moved) return Arrival::WithDirectory;
  // The directory was made a moment ago, before its watch: a file that is older than it was not
  // made in it. So `mkdir -p` and a rename into that are seen, however close together they come.
  const std::int64_t born = status.fingerprint.btime;
  const bool older = born != 0 && born < spot.node.identity.btime && status.links == 1;
  if (spot.came == Appearance::Made && older) return Arrival::WithDirectory;
  return Arrival::Unseen;
}

void Scanner::Tree::confirm_arrivals() {
  if (claims.empty()) return;
  // All that had happened when they were looked at has been told then.
  const bool drained = !drain || drain();
  for (const Claim& claim : claims) {
    FileObservation& file = batch.files[claim.index];
    const std::string name(name_of(file.path));
    if (drained && !dirt.overtaken(claim.watch, name)) continue;
    std::get<Present>(file.what).arrival = Arrival::Unseen;
  }
  claims.clear();
}

}  // namespace waybill::watcher
