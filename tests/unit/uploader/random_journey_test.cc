// Seeded journeys through random stores, faults, restarts and other people's objects. Whatever
// happens, each ends, and none breaks a promise (DESIGN.md section 1). A failing seed is printed:
// it replays the run.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "tests/unit/uploader/journey.h"
#include "uploader/metadata.h"

namespace waybill::uploader {
namespace {

using fakes::Fault;
using fakes::Operation;
using fakes::StoreBehaviour;
using OnCondition = StoreBehaviour::OnCondition;

constexpr Operation operations[] = {
    Operation::Put,    Operation::Copy,      Operation::Head,
    Operation::Create, Operation::PutPart,   Operation::Complete,
    Operation::Abort,  Operation::ListParts, Operation::ListUploads};

template <typename T, std::size_t N>
T one_of(Random& dice, const T (&choices)[N]) {
  return choices[dice.next() % N];
}

bool chance(Random& dice, double probability) {
  return dice.fraction() < probability;
}

StoreBehaviour random_behaviour(Random& dice) {
  const OnCondition strengths[] = {OnCondition::Enforces, OnCondition::Enforces,
                                   OnCondition::Ignores, OnCondition::Unknown};
  StoreBehaviour behaviour;
  behaviour.if_absent_on_put = one_of(dice, strengths);
  behaviour.if_absent_on_complete = one_of(dice, strengths);
  behaviour.if_absent_on_copy = one_of(dice, strengths);
  behaviour.copies = !chance(dice, 0.2);
  behaviour.pins_copies = chance(dice, 0.7);
  behaviour.if_match = one_of(dice, strengths);
  behaviour.if_match_unquoted = chance(dice, 0.3);
  behaviour.if_match_on_absent_is_412 = chance(dice, 0.5);
  behaviour.md5_etags = chance(dice, 0.7);
  behaviour.returns_checksums = chance(dice, 0.5);
  behaviour.versioned = chance(dice, 0.3);
  behaviour.head_hides_absence = chance(dice, 0.1);
  behaviour.complete_may_be_replayed = chance(dice, 0.5);
  return behaviour;
}

// Faults that this operation can meet on a real server.
Fault random_fault(Random& dice, Operation operation) {
  const Fault any[] = {Fault::LostReply, Fault::LostRequest, Fault::FailBefore, Fault::Throttle,
                       Fault::Denied};
  const Fault commit[] = {Fault::LostReply,     Fault::LostRequest, Fault::LandsLater,
                          Fault::Precondition,  Fault::Conflict,    Fault::FailBefore,
                          Fault::NotImplemented};
  const Fault part[] = {Fault::LostReply, Fault::LandsLater, Fault::FailBefore, Fault::Throttle,
                        Fault::BadDigest};
  // ListUploads that is denied leaves orphans behind: a scenario of its own.
  const Fault reading[] = {Fault::LostReply, Fault::FailBefore, Fault::Throttle};
  const Fault copy[] = {Fault::LostReply,    Fault::LostRequest,    Fault::LandsLater,
                        Fault::Precondition, Fault::Conflict,       Fault::FailBefore,
                        Fault::Missing,      Fault::NotImplemented, Fault::Denied};
  switch (operation) {
    case Operation::Copy:
      return one_of(dice, copy);
    case Operation::Put:
    case Operation::Complete:
      return one_of(dice, commit);
    case Operation::PutPart:
      return one_of(dice, part);
    case Operation::Head:
    case Operation::ListUploads:
    case Operation::ListParts:
    case Operation::Abort:
      return one_of(dice, reading);
    case Operation::Create:
    case Operation::Remove:
    case Operation::ListUploadsBelow:
      return one_of(dice, any);
  }
  return Fault::None;
}

class RandomJourney {
 public:
  explicit RandomJourney(std::uint64_t seed) : dice_(seed), journey_(random_behaviour(dice_)) {
    journey_.retry.fast_attempts = 2 + static_cast<int>(dice_.next() % 4);
    if (chance(dice_, 0.5)) journey_.quota = RetryQuota(static_cast<int>(dice_.next() % 40));
    if (chance(dice_, 0.5)) journey_.make_multipart(1 + static_cast<int>(dice_.next() % 9));
    if (chance(dice_, 0.4)) set_copy();
    set_the_scene();
    set_faults();
    set_checksums();
  }

  void run() {
    bool restarted = false;
    journey_.begin(false);
    for (int steps = 0; !journey_.finished(); ++steps) {
      ASSERT_LT(steps, 5'000) << "it does not converge: "
                              << testing::PrintToString(journey_.requests);
      if (restarts_ > 0 && chance(dice_, 0.05)) {
        --restarts_;
        restarted = true;
        journey_.restart(dice_);
        continue;
      }
      if (chance(dice_, lose_source_)) journey_.feed(SourceLost{});
      if (journey_.finished()) break;
      ASSERT_TRUE(journey_.step(&dice_))
          << "it stands still: " << testing::PrintToString(journey_.requests);
    }
    check_trespass();
    check_uploads();
    check_outcome();
    check_commits();
    if (!restarted) check_zombies();
    check_trespass();
  }

 private:
  void set_checksums() {
    if (chance(dice_, 0.3)) return;
    journey_.attempt.crc = chance(dice_, 0.5) ? CrcKind::Crc64Nvme : CrcKind::Crc32c;
    journey_.store.behaviour.returns_crcs = chance(dice_, 0.7);
    journey_.leaves_out_md5 = chance(dice_, 0.5);
  }
  void set_copy() {
    journey_.make_copy();
    if (!chance(dice_, 0.3)) return;
    // Somebody else's takes the place of what is to be copied.
    const std::string source = journey_.attempt.copy->key;
    journey_.before(one_of(dice_, operations), 1 + static_cast<int>(dice_.next() % 3),
                    [this, source] { journey_.store.put_foreign(source, "theirs"); });
  }
  void set_the_scene() {
    const std::string& key = journey_.attempt.key;
    const auto earlier = [this](const std::string& id) {
      Attempt attempt = journey_.attempt;
      attempt.id = id;
      attempt.sha256 = sha256(as_bytes("an earlier generation"));
      return make_metadata(attempt);
    };
    switch (dice_.next() % 6) {
      case 0:
        journey_.store.put_foreign(key, "theirs");
        break;
      case 1:
        journey_.store.put_foreign(key, journey_.content);
        break;
      case 2:
        journey_.store.put_foreign(key, "an earlier generation", earlier("prior"));
        journey_.attempt.prior_attempts = {"prior"};
        break;
      case 3:
        journey_.store.put_foreign(key, "an earlier generation", earlier("base"));
        journey_.attempt.base_etag = journey_.store.find(key)->etag;
        break;
      case 4:
        journey_.attempt.base_etag = "\"of an object that is gone\"";
        break;
      default:
        break;
    }
    const StoreBehaviour& behaviour = journey_.store.behaviour;
    const bool guarded =
        behaviour.if_absent_on_put == OnCondition::Enforces &&
        behaviour.if_absent_on_complete == OnCondition::Enforces &&
        (!journey_.attempt.copy || behaviour.if_absent_on_copy == OnCondition::Enforces) &&
        behaviour.if_match == OnCondition::Enforces;
    // Somebody's PUT between two requests of ours: only enforced conditions guard against that.
    if (guarded && chance(dice_, 0.3)) {
      journey_.before(one_of(dice_, operations), 1 + static_cast<int>(dice_.next() % 3),
                      [this, key] { journey_.store.put_foreign(key, "theirs, later"); });
      // A 501 in such a store would take the guard away; see set_faults().
      foreign_may_come_ = true;
    }
    if (chance(dice_, 0.2)) {
      journey_.before(one_of(dice_, operations), 1 + static_cast<int>(dice_.next() % 3),
                      [this] { journey_.store.forget_uploads(); });
    }
    if (chance(dice_, 0.3)) {
      journey_.before(one_of(dice_, operations), 1 + static_cast<int>(dice_.next() % 4), [this] {
        journey_.faulty().land_zombies();
        journey_.store.land_zombies();
      });
    }
    restarts_ = chance(dice_, 0.3) ? 1 + static_cast<int>(dice_.next() % 2) : 0;
    lose_source_ = chance(dice_, 0.2) ? 0.05 : 0.0;
  }

  void set_faults() {
    const auto faults = dice_.next() % 8;
    for (std::uint64_t i = 0; i < faults; ++i) {
      const Operation operation = one_of(dice_, operations);
      const Fault fault = random_fault(dice_, operation);
      if (fault == Fault::NotImplemented && foreign_may_come_) continue;
      journey_.fault(operation, 1 + static_cast<int>(dice_.next() % 5), fault);
    }
  }

  [[nodiscard]] bool is_ours(const fakes::FakeStore::Object& object) const {
    const auto identity = parse_metadata(object.metadata);
    return identity.agent == journey_.attempt.agent_id;
  }

  // P7: what is not ours is never followed by what is.
  void check_trespass() const {
    const fakes::FakeStore::Object* there = nullptr;
    for (const auto& object : journey_.store.history()) {
      if (object.key != journey_.attempt.key) continue;
      if (there != nullptr && there->body != nullptr && !is_ours(*there)) {
        EXPECT_FALSE(object.body != nullptr && is_ours(object))
            << "a foreign object was overwritten: " << testing::PrintToString(journey_.requests);
      }
      there = &object;
    }
  }

  // P6: every multipart is completed, aborted, or known to have been left.
  void check_uploads() {
    std::set<std::string> known(journey_.left_by_earlier_lives.begin(),
                                journey_.left_by_earlier_lives.end());
    const auto& left = journey_.upload().left_behind();
    known.insert(left.begin(), left.end());
    if (journey_.upload().ambiguous()) known.insert(journey_.durable_attempt().upload_id);
    for (const ListedUpload& upload : journey_.store.uploads_under_way()) {
      EXPECT_TRUE(known.contains(upload.upload_id)) << testing::PrintToString(journey_.requests);
    }
  }

  void check_outcome() const {
    if (const auto* stored = std::get_if<Stored>(&*journey_.outcome)) {
      // P3: at that moment it was there, byte for byte; somebody may have replaced it since.
      const auto& history = journey_.store.history();
      EXPECT_TRUE(std::any_of(history.begin(), history.end(), [&](const auto& object) {
        return object.attempt == journey_.attempt.id && as_text(*object.body) == journey_.content;
      })) << testing::PrintToString(journey_.requests);
      EXPECT_EQ(stored->sha256, sha256(as_bytes(journey_.content)));
      EXPECT_GE(stored->proof, ProofLevel::Acknowledged);
    } else if (const auto* other = std::get_if<StoredByOther>(&*journey_.outcome)) {
      EXPECT_TRUE(was_there(other->object, [this](const auto& object) {
        return as_text(*object.body) == journey_.content;
      }));
    } else if (const auto* foreign = std::get_if<ForeignObject>(&*journey_.outcome)) {
      EXPECT_TRUE(
          was_there(foreign->object, [this](const auto& object) { return !is_ours(object); }));
    } else if (std::holds_alternative<CannotTell>(*journey_.outcome)) {
      EXPECT_TRUE(journey_.store.behaviour.head_hides_absence);
    } else if (const auto* refused = std::get_if<Refused>(&*journey_.outcome)) {
      // Bytes refused twice, or 501 to a request without any condition.
      EXPECT_TRUE(refused->cause.code == ErrorCode::Damaged || refused->cause.http_status == 501)
          << refused->cause.describe();
    }
  }

  // Somebody may have replaced it since the HEAD that saw it.
  template <typename Predicate>
  [[nodiscard]] bool was_there(const HeadReply& seen, Predicate predicate) const {
    const auto& history = journey_.store.history();
    return std::any_of(history.begin(), history.end(), [&](const auto& object) {
      return object.body != nullptr && object.etag == seen.etag && predicate(object);
    });
  }

  // P4: an acknowledgement is the last word, and after silence a HEAD has the next.
  void check_commits() const {
    const std::string requests = testing::PrintToString(journey_.requests);
    EXPECT_EQ(journey_.commits_after_acknowledgement, 0) << requests;
    EXPECT_EQ(journey_.commits_without_looking, 0) << requests;
    EXPECT_EQ(journey_.commits_after_hidden_head, 0) << requests;
  }

  // Rule 2: what says that nothing can land any more is right.
  void check_zombies() {
    const bool ambiguous = journey_.upload().ambiguous();
    const std::size_t before = journey_.store.history().size();
    journey_.faulty().land_zombies();
    journey_.store.land_zombies();
    journey_.store.run_all();
    if (!ambiguous) {
      EXPECT_EQ(journey_.store.history().size(), before)
          << "something landed after all: " << testing::PrintToString(journey_.requests);
    }
    if (const auto* stored = std::get_if<Stored>(&*journey_.outcome)) {
      EXPECT_EQ(stored->may_land_again, ambiguous);
    }
    if (const auto* dropped = std::get_if<Dropped>(&*journey_.outcome)) {
      EXPECT_EQ(dropped->may_still_land, ambiguous);
    }
  }

  Random dice_;
  Journey journey_;
  bool foreign_may_come_ = false;
  int restarts_ = 0;
  double lose_source_ = 0.0;
};

class RandomJourneys : public testing::TestWithParam<std::uint64_t> {};

constexpr std::uint64_t seeds_a_block = 2'500;

TEST_P(RandomJourneys, EndAndKeepTheirPromises) {
  for (std::uint64_t i = 0; i < seeds_a_block; ++i) {
    const std::uint64_t seed = GetParam() * seeds_a_block + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomJourney(seed).run();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomJourneys, testing::Range<std::uint64_t>(0, 8));

}  // namespace
}  // namespace waybill::uploader
