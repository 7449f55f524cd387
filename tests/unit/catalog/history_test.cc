#include "tests/unit/catalog/catalog_fixture.h"

// History goes by the retention setting alone, a little at a time, and what is kept stays true.
namespace waybill::catalog {
namespace {

using std::chrono::hours;

class History : public CatalogTest {
 protected:
  std::int64_t now() { return clock_.wall().time_since_epoch().count(); }
  // All that is older; how many events went.
  std::int64_t prune(std::int64_t before) {
    std::int64_t events = 0;
    for (;;) {
      const auto pruned = must(catalog_->prune_events(before));
      must(catalog_->commit());
      events += pruned.events;
      EXPECT_LE(pruned.events, 1000);
      if (!pruned.more) return events;
    }
  }
  std::vector<FileEvent> events_of(FileId file) {
    std::vector<FileEvent> events;
    for (const EventRow& event : must(must(Reader::open(state_dir()))->events_of(file, 100))) {
      events.push_back(event.event);
    }
    return events;
  }
  using Events = std::vector<FileEvent>;
};

TEST_F(History, WhatIsOlderGoesAndWhatIsYoungerStays) {
  const FileRow old = store("old", "one");
  must(catalog_->commit());
  clock_.advance(hours(48));
  const FileRow young = store("young", "two");
  must(catalog_->commit());
  EXPECT_EQ(prune(now() - Nanoseconds(hours(24)).count()), 2);
  EXPECT_EQ(events_of(old.id), Events{});
  EXPECT_EQ(events_of(young.id),
            (Events{FileEvent::Acknowledged, FileEvent::Claim, FileEvent::CompleteNewContent}));
  EXPECT_EQ(must(catalog_->find_live(folder_, "old"))->state, FileState::Stored);
  EXPECT_EQ(must(catalog_->object(*old.object))->proof, ProofLevel::StoreChecked) << "its receipt";
  EXPECT_EQ(prune(now() - Nanoseconds(hours(24)).count()), 0) << "there is no more";
}

TEST_F(History, ABacklogGoesInBoundedSteps) {
  for (int i = 0; i < 700; ++i) store("f" + std::to_string(i), "one" + std::to_string(i));
  must(catalog_->commit());
  clock_.advance(hours(2));
  store("last", "two");
  must(catalog_->commit());
  EXPECT_EQ(prune(now() - Nanoseconds(hours(1)).count()), 1400);
}

TEST_F(History, WhatAFileOnItsWayReliesOnStays) {
  const FileRow waiting = upload("waiting", "one");
  must(catalog_->commit());
  must(catalog_->apply(waiting.id, FileEvent::Transient, "reset"));
  must(catalog_->commit());
  clock_.advance(hours(2));
  store("other", "two");
  must(catalog_->commit());
  EXPECT_EQ(prune(now() - Nanoseconds(hours(1)).count()), 1);
  EXPECT_EQ(events_of(waiting.id), (Events{FileEvent::Transient}));
  // Once it rests, a later pass takes it too.
  must(catalog_->vanished(waiting.id));
  must(catalog_->commit());
  clock_.advance(hours(2));
  store("yet another", "three");
  must(catalog_->commit());
  prune(now() - Nanoseconds(hours(1)).count());
  EXPECT_EQ(events_of(waiting.id), Events{});
}

TEST_F(History, NumbersAreNeverUsedTwice) {
  const FileRow file = store("f", "one");
  must(catalog_->commit());
  const std::int64_t last = must(must(Reader::open(state_dir()))->events_of(file.id, 1)).at(0).seq;
  clock_.advance(hours(2));
  prune(now());
  reopen();
  const FileRow next = queue("g", "two");
  must(catalog_->commit());
  EXPECT_GT(must(must(Reader::open(state_dir()))->events_of(next.id, 1)).at(0).seq, last);
}

TEST_F(History, AClaimWhosePredecessorWentTellsNothingOfIt) {
  const FileRow row = upload("f", "one");
  must(catalog_->commit());
  must(catalog_->apply(row.id, FileEvent::Transient, "reset"));
  must(catalog_->commit());
  clock_.advance(hours(2));
  must(catalog_->claim(last_));
  must(catalog_->commit());
  prune(now() - Nanoseconds(hours(1)).count());
  EXPECT_EQ(events_of(row.id), (Events{FileEvent::Claim}))
      << "it was found two hours before, not when it was claimed again";
}

}  // namespace
}  // namespace waybill::catalog
