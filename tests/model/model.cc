#include "tests/model/model.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "tests/model/oracle.h"
#include "tests/model/sidecars.h"
#include "tests/model/world.h"

namespace waybill::model {
namespace {

using OnCondition = fakes::StoreBehaviour::OnCondition;

class Model {
 public:
  explicit Model(std::uint64_t seed)
      : dice_(seed * 7919 + 1),
        said_dice_(seed * 104'729 + 3),
        copy_dice_(seed * 15'487 + 5),
        world_(seed, [this](const std::string& what) { complain(what); }),
        sidecars_(seed, world_,
                  {.touched = [this](const std::string& path) { oracle_.touched(path); },
                   .note = [this](const std::string& what) { note(what); }}),
        oracle_(world_, sidecars_, [this](const std::string& what) { complain(what); }) {
    draw_store();
    auto& folder = world_.config.folders.front();
    copies_ = copy_dice_.next() % 2 == 0;
    if (copies_) folder.on_rename = agent::OnRename::Copy;
    if (dice_.next() % 2 == 0) folder.settle = Nanoseconds::zero();
    if (dice_.next() % 2 == 0) world_.slow = 1 + dice_.next() % 30;
    if (dice_.next() % 3 == 0) folder.prefix = "drop/{mtime:%S}/";
    for (const char* directory : {"/drop/dir", "/drop/dir/sub"}) {
      world_.files.make_directory(directory);
    }
    world_.how = [this] {
      const bool power = dice_.next() % 2 == 0;
      note(power ? "  power lost" : "  killed");
      return power ? World::Death::Power : World::Death::Process;
    };
    world_.died = [this] {
      oracle_.at_every_step();
      oracle_.after_death();
    };
    if (dice_.next() % 3 == 0) put_foreign("dir/f1", "somebody else's");
  }

  Verdict run() {
    world_.start();
    const std::uint64_t acts = 15 + dice_.next() % 25;
    for (std::uint64_t i = 0; i < acts && fine(); ++i) {
      sidecars_.act(written_);
      act();
      sidecars_.act(written_);
      if (said_dice_.next() % 6 == 0) say();
      const std::uint64_t seldom = world_.witness.copies_late ? 3 : 8;
      if (copies_ && copy_dice_.next() % seldom == 0) rename_what_is_stored();
      steps(dice_.next() % 40);
      if (dice_.next() % 4 == 0) pass(std::chrono::milliseconds(dice_.next() % 20'000));
    }
    if (fine()) heal();
    return {complaint_, trace_, oracle_.renames(), oracle_.copies()};
  }

 private:
  [[nodiscard]] bool fine() const { return complaint_.empty(); }
  void complain(const std::string& what) {
    if (fine()) complaint_ = what;
    note("! " + what);
  }
  void note(const std::string& what) {
    trace_ +=
        std::to_string(world_.clock.boot().time_since_epoch() / std::chrono::milliseconds(1)) +
        " ms  " + what + "\n";
  }

  void draw_store() {
    auto& how = world_.bucket.behaviour;
    const auto one_in = [this](std::uint64_t n) { return dice_.next() % n == 0; };
    if (one_in(3)) how.if_absent_on_put = one_in(3) ? OnCondition::Unknown : OnCondition::Ignores;
    if (one_in(3)) how.if_absent_on_complete = OnCondition::Ignores;
    if (one_in(3)) how.if_match = one_in(3) ? OnCondition::Unknown : OnCondition::Ignores;
    how.if_match_on_absent_is_412 = one_in(3);
    how.md5_etags = !one_in(3);
    how.returns_checksums = how.returns_crcs = !one_in(3);
    how.versioned = one_in(4);
    how.complete_may_be_replayed = one_in(2);
    how.copies = copy_dice_.next() % 8 != 0;
    world_.witness.copies_late = copy_dice_.next() % 3 == 0;
    how.pins_copies = copy_dice_.next() % 2 == 0;
    if (copy_dice_.next() % 2 == 0) {
      how.if_absent_on_copy =
          copy_dice_.next() % 3 == 0 ? OnCondition::Unknown : OnCondition::Ignores;
    }
    if (world_.witness.copies_late) {
      // Nothing holds them (Ceph 16.2).
      how.copies = true;
      how.pins_copies = false;
      how.if_absent_on_copy = OnCondition::Ignores;
    }
    world_.bucket.lists_whole_keys_only = one_in(4);
    if (one_in(3)) {
      world_.bucket.clock_ahead =
          std::chrono::minutes(static_cast<std::int64_t>(dice_.next() % 240) - 120);
    }
  }

  void steps(std::uint64_t count) {
    while (fine() && count-- > 0 && world_.run_one()) oracle_.at_every_step();
  }
  void pass(Nanoseconds time) {
    const BootTime until = world_.clock.boot() + time;
    world_.run_until(
        [&] {
          oracle_.at_every_step();
          return !fine() || world_.clock.boot() >= until;
        },
        until);
  }

  // --- what happens ---

  std::string any_path() { return Oracle::paths[dice_.next() % std::size(Oracle::paths)]; }
  static std::string on_disk(const std::string& path) {
    return std::string(World::folder) + "/" + path;
  }

  void act() {
    switch (dice_.next() % 19) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return write(any_path(), new_content());
      case 5:
        return write_known();
      case 6:
        return remove(any_path());
      case 7:
        return move();
      case 8:
        return touch(any_path());
      case 9:
      case 10:
        note("dies soon");
        return world_.die_at(dice_.next() % 60);
      case 11:
        world_.witness.faults = dice_.next() % 2 == 0 ? dice_.next() % 80 : 0;
        return note("faults " + std::to_string(world_.witness.faults) + " %");
      case 12:
        return foreign();
      case 13:
        world_.witness.heads_hidden = dice_.next() % 2 == 0;
        return note(world_.witness.heads_hidden ? "HEAD is refused" : "HEAD works");
      case 14:
        return disturb();
      case 15:
        return wait();
      case 16:
      case 17:
        return flap();
      case 18:
        return foreign_upload();
    }
  }

  // Few sizes: contents that only a reading tells apart.
  std::string new_content() {
    std::string content = "content " + std::to_string(1000 + ++contents_);
    if (dice_.next() % 8 == 0) content.resize(40'000 + dice_.next() % 2 * 30'000, '.');
    known_.push_back(content);
    return content;
  }
  void write(const std::string& path, const std::string& content) {
    note("write " + path + " = " + content.substr(0, 12) + ", " + std::to_string(content.size()));
    if (const auto now = oracle_.disk().find(path); now != oracle_.disk().end()) {
      before_[path] = now->second;
    }
    written_ = path;
    oracle_.written(path, content);
    world_.files.write(on_disk(path), content);
  }
  void write_known() {
    // What a path had before comes back.
    if (!before_.empty() && dice_.next() % 2 == 0) {
      const auto which =
          std::next(before_.begin(), static_cast<std::ptrdiff_t>(dice_.next() % before_.size()));
      return write(which->first, std::string(which->second));
    }
    if (known_.empty()) return;
    write(any_path(),
          known_[known_.size() - 1 - dice_.next() % std::min<std::size_t>(3, known_.size())]);
  }
  // Changes that are taken back, sooner or later, perhaps with the whole file.
  void flap() {
    const std::string path = any_path();
    const auto now = oracle_.disk().find(path);
    const std::string former = now == oracle_.disk().end() ? new_content() : now->second;
    for (std::uint64_t rounds = 1 + dice_.next() % 3; fine() && rounds > 0; --rounds) {
      write(path, new_content());
      steps(dice_.next() % 40);
      if (fine() && dice_.next() % 2 == 0) {
        remove(path);
        steps(dice_.next() % 20);
      }
      if (fine()) write(path, former);
      if (dice_.next() % 2 == 0) pass(std::chrono::milliseconds(dice_.next() % 6'000));
    }
  }
  void remove(const std::string& path) {
    if (!oracle_.disk().contains(path)) return;
    note("remove " + path);
    oracle_.gone(path);
    world_.files.remove(on_disk(path));
  }
  void move() {
    const std::string from = any_path();
    const std::string to = any_path();
    if (from == to || !oracle_.disk().contains(from)) return;
    note("move " + from + " to " + to);
    moved_from_ = from;
    oracle_.moved(from, to);
    world_.files.move(on_disk(from), on_disk(to));
    // As a log is rotated.
    if (dice_.next() % 3 == 0) write(from, new_content());
  }
  void rename_what_is_stored() {
    pass(std::chrono::seconds(5 + copy_dice_.next() % 5));
    moved_from_.clear();
    if (fine()) move();
    if (moved_from_.empty() || !world_.witness.copies_late) return;
    // What is copied, or may still be, is another's by then.
    if (copy_dice_.next() % 2 == 0) pass(std::chrono::seconds(5 + copy_dice_.next() % 5));
    if (fine()) put_foreign(moved_from_, "somebody else's");
  }
  void touch(const std::string& path) {
    if (!oracle_.disk().contains(path)) return;
    note("touch " + path);
    oracle_.touched(path);
    world_.files.set_mtime(on_disk(path), world_.clock.wall().time_since_epoch().count());
  }

  // Something else is said of a file; its bytes stay.
  void say() {
    const std::string path = Oracle::paths[said_dice_.next() % std::size(Oracle::paths)];
    if (!oracle_.disk().contains(path)) return;
    const std::string sample = std::to_string(said_dice_.next() % 3);
    note("say of " + path + " that its sample is " + sample);
    oracle_.touched(path);
    world_.files.set_attribute(on_disk(path), "user.waybill.sample", sample);
  }

  void foreign() {
    const std::string path = any_path();
    if (dice_.next() % 3 == 0) {
      const auto* there = world_.bucket.find("drop/" + path);
      if (there == nullptr) return;
      note("somebody deletes the object of " + path);
      world_.bucket.erase("drop/" + path);
      return;
    }
    const auto known = oracle_.disk().find(path);
    const bool same = known != oracle_.disk().end() && dice_.next() % 2 == 0;
    put_foreign(path, same ? known->second : "somebody else's");
  }
  void put_foreign(const std::string& path, const std::string& content) {
    note("somebody puts " + content.substr(0, 15) + " at the key of " + path);
    world_.bucket.put_foreign("drop/" + path, content);
  }

  // On a key of ours, begun some time ago, and nobody is at it any more.
  void foreign_upload() {
    const std::string key = "drop/" + any_path();
    const auto age = std::chrono::minutes(40 + static_cast<std::int64_t>(dice_.next() % 4'000));
    auto& bucket = world_.bucket;
    bucket.now = world_.clock.wall() + bucket.clock_ahead - age;
    if (world_.witness.created_around(key, bucket.now)) {
      bucket.now += age;
      return;
    }
    note("somebody has begun an upload of " + key);
    world_.witness.note_foreign_upload(bucket.create_foreign_upload(key));
    bucket.now = world_.clock.wall() + bucket.clock_ahead;
  }

  void disturb() {
    switch (dice_.next() % 3) {
      case 0:
        note("the next sync fails");
        return world_.disk.fail_next_sync();
      case 1: {
        const auto by = std::chrono::seconds(static_cast<std::int64_t>(dice_.next() % 240) - 120);
        note("the wall clock jumps by " + std::to_string(by.count()) + " s");
        return world_.clock.set_wall(world_.clock.wall() + by);
      }
      case 2:
        note("the same write again, within a tick");
        if (!oracle_.disk().empty()) {
          const std::string path = oracle_.disk().begin()->first;
          write(path, new_content());
          steps(dice_.next() % 20);
          write(path, new_content());
        }
    }
  }

  void wait() {
    note("wait");
    auto ticket = std::make_shared<agent::WaitTicket>();
    oracle_.wait_began(ticket);
    world_.command(agent::StartWait{.folder = {}, .path_prefix = {}, .ticket = ticket});
  }

  void heal() {
    note("heal");
    world_.live_on();
    world_.witness.faults = 0;
    world_.witness.heads_hidden = false;
    world_.witness.copies_late = false;
    // What is not ours leaves, so that nothing needs a person any more.
    for (const char* path : Oracle::paths) {
      const auto* there = world_.bucket.find(std::string("drop/") + path);
      if (there != nullptr && there->attempt.empty()) world_.bucket.erase(std::string(there->key));
    }
    if (std::ranges::any_of(Oracle::paths,
                            [this](auto* path) { return sidecars_.written(path); })) {
      pass(std::chrono::minutes(10));
      if (fine()) oracle_.when_sidecars_linger();
    }
    sidecars_.finish();
    pass(std::chrono::hours(3));
    world_.run_until([this] { return world_.resting(); },
                     world_.clock.boot() + std::chrono::hours(2));
    // P8: and it says so.
    if (fine() && !world_.resting()) complain("P8: it never says that it rests");
    oracle_.at_every_step();
    if (fine()) oracle_.when_healed();
  }

  Random dice_;
  Random said_dice_;  // its own, so that all else happens with it as without
  Random copy_dice_;  // likewise
  std::string complaint_;
  std::string trace_;
  World world_;
  Sidecars sidecars_;
  Oracle oracle_;
  bool copies_ = false;  // renamed files are to be copied
  std::string moved_from_;
  std::uint64_t contents_ = 0;
  std::vector<std::string> known_;
  std::string written_;                        // the path that was written last
  std::map<std::string, std::string> before_;  // path → its last content but one
};

}  // namespace

Verdict run_seed(std::uint64_t seed) {
  return Model(seed).run();
}

}  // namespace waybill::model
