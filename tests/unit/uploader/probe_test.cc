#include "uploader/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_store.h"
#include "tests/fakes/faulty_store.h"

namespace waybill::uploader {
namespace {

using fakes::Call;
using fakes::FakeStore;
using fakes::Fault;
using fakes::FaultyStore;
using fakes::Operation;
using fakes::StoreBehaviour;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using OnCondition = StoreBehaviour::OnCondition;

using End = std::variant<Finding, Probe::Failed>;

End run(FakeStore& fake, ObjectStore& store, int patience = 1) {
  Random random(1);
  Probe probe("in/", "nonce", "fresh", patience, random);
  Probe::Action action = probe.start();
  for (int steps = 0; steps < 50; ++steps) {
    if (const auto* finding = std::get_if<Finding>(&action)) return *finding;
    if (const auto* failed = std::get_if<Probe::Failed>(&action)) return *failed;
    if (std::holds_alternative<Probe::Wait>(action)) {
      action = probe.resumed();
      continue;
    }
    std::optional<Probe::Action> next;
    if (const auto* put = std::get_if<Probe::Put>(&action)) {
      EXPECT_THAT(put->request.key, StartsWith("in/_waybill/probe-nonce"));
      store.put(put->request, [&](auto reply) { next = probe.put_done(std::move(reply)); });
    } else if (const auto* head = std::get_if<Probe::Head>(&action)) {
      store.head(head->key, [&](auto reply) { next = probe.head_done(std::move(reply)); });
    } else {
      store.remove(std::get<Probe::Remove>(action).key,
                   [&](auto reply) { next = probe.remove_done(std::move(reply)); });
    }
    fake.run_all();
    if (!next) break;
    action = std::move(*next);
  }
  ADD_FAILURE() << "the probe does not end";
  return Probe::Failed{};
}

Finding probe(StoreBehaviour behaviour) {
  FakeStore store(behaviour);
  const End end = run(store, store);
  EXPECT_EQ(store.find("in/_waybill/probe-nonce"), nullptr) << "the control object stays";
  const auto* finding = std::get_if<Finding>(&end);
  EXPECT_NE(finding, nullptr);
  return finding == nullptr ? Finding{} : *finding;
}

void expect_found(const Finding& finding, const StoreBehaviour& behaviour) {
  const Capabilities wanted = behaviour.capabilities();
  EXPECT_EQ(finding.capabilities.if_absent_on_put, wanted.if_absent_on_put);
  EXPECT_EQ(finding.capabilities.if_match_on_put, wanted.if_match_on_put);
  EXPECT_EQ(finding.capabilities.if_match_unquoted, wanted.if_match_unquoted);
  EXPECT_EQ(finding.capabilities.md5_etags, wanted.md5_etags);
  EXPECT_EQ(finding.capabilities.head_tells_absent, wanted.head_tells_absent);
  EXPECT_FALSE(finding.capabilities.if_absent_on_complete);  // not probed
}

TEST(Probe, FindsAStoreThatEnforcesEverything) {
  const Finding finding = probe({});
  expect_found(finding, {});
  EXPECT_THAT(finding.notes, IsEmpty());
}

TEST(Probe, FindsEveryMixtureOfGuards) {
  for (const auto absent : {OnCondition::Enforces, OnCondition::Ignores, OnCondition::Unknown}) {
    for (const auto match : {OnCondition::Enforces, OnCondition::Ignores, OnCondition::Unknown}) {
      for (const bool unquoted : {false, true}) {
        for (const bool md5 : {false, true}) {
          StoreBehaviour behaviour;
          behaviour.if_absent_on_put = absent;
          behaviour.if_match = match;
          behaviour.if_match_unquoted = unquoted;
          behaviour.md5_etags = md5;
          const Finding finding = probe(behaviour);
          expect_found(finding, behaviour);
          const auto missing = static_cast<std::size_t>(absent != OnCondition::Enforces) +
                               static_cast<std::size_t>(match != OnCondition::Enforces);
          EXPECT_EQ(finding.notes.size(), missing);
        }
      }
    }
  }
}

TEST(Probe, HeadThatHidesAbsenceIsNoted) {
  StoreBehaviour behaviour;
  behaviour.head_hides_absence = true;
  const Finding finding = probe(behaviour);
  EXPECT_FALSE(finding.capabilities.head_tells_absent);
  EXPECT_THAT(finding.notes, ElementsAre(HasSubstr("s3:ListBucket")));
}

TEST(Probe, ForbiddenRemovalIsOnlyANote) {
  FakeStore fake;
  FaultyStore store(fake, [](const Call& call) {
    return call.operation == Operation::Remove ? Fault::Denied : Fault::None;
  });
  const End end = run(fake, store);
  ASSERT_TRUE(std::holds_alternative<Finding>(end));
  EXPECT_TRUE(std::get<Finding>(end).capabilities.if_absent_on_put);
  EXPECT_THAT(std::get<Finding>(end).notes, ElementsAre(HasSubstr("stays in the bucket")));
}

TEST(Probe, AnyFailureThatStaysIsToldAndOurObjectRemoved) {
  // Five requests lie before the removal.
  for (int failing = 1; failing <= 5; ++failing) {
    for (const Fault fault : {Fault::FailBefore, Fault::LostReply, Fault::Throttle}) {
      FakeStore fake;
      FaultyStore store(fake, [&](const Call& call) {
        return call.number >= failing && call.operation != Operation::Remove ? fault : Fault::None;
      });
      const End end = run(fake, store);
      EXPECT_TRUE(std::holds_alternative<Probe::Failed>(end)) << failing;
      EXPECT_EQ(fake.find("in/_waybill/probe-nonce"), nullptr) << failing;
    }
  }
}

TEST(Probe, OneFailureInPassingIsNoFinding) {
  for (int failing = 1; failing <= 6; ++failing) {
    for (const Fault fault : {Fault::FailBefore, Fault::Throttle}) {
      FakeStore fake;
      FaultyStore store(
          fake, [&](const Call& call) { return call.number == failing ? fault : Fault::None; });
      const End end = run(fake, store, 3);
      ASSERT_TRUE(std::holds_alternative<Finding>(end)) << failing;
      expect_found(std::get<Finding>(end), {});
      EXPECT_EQ(fake.find("in/_waybill/probe-nonce"), nullptr) << failing;
    }
  }
}

// Or a store that fails three requests of ten would hardly ever be found open again.
TEST(Probe, StoreThatTookOneRequestIsNotOutForTheFailureOfTheNext) {
  for (int failing = 2; failing <= 6; ++failing) {
    FakeStore fake;
    FaultyStore store(fake, [&](const Call& call) {
      return call.number == failing ? Fault::FailBefore : Fault::None;
    });
    EXPECT_TRUE(std::holds_alternative<Finding>(run(fake, store, 1))) << failing;
  }
}

TEST(Probe, FailureThatDoesNotPassEndsIt) {
  FakeStore fake;
  int requests = 0;
  FaultyStore store(fake, [&](const Call&) {
    ++requests;
    return Fault::FailBefore;
  });
  EXPECT_TRUE(std::holds_alternative<Probe::Failed>(run(fake, store, 3)));
  EXPECT_EQ(requests, 3);
}

TEST(Probe, WhatAnEarlierOneLeftBehindIsUsedAndRemoved) {
  for (const bool md5 : {false, true}) {
    StoreBehaviour behaviour;
    behaviour.md5_etags = md5;
    FakeStore store(behaviour);
    store.put_foreign("in/_waybill/probe-nonce", "of a probe that broke off");
    const End end = run(store, store);
    ASSERT_TRUE(std::holds_alternative<Finding>(end));
    expect_found(std::get<Finding>(end), behaviour);
    EXPECT_EQ(store.find("in/_waybill/probe-nonce"), nullptr);
  }
}

TEST(Probe, LeftoverThatMayNotBeLookedAtIsPassedByUnderAFreshName) {
  StoreBehaviour behaviour;
  behaviour.hides_everything = true;
  FakeStore store(behaviour);
  store.put_foreign("in/_waybill/probe-nonce", "of a probe that broke off");
  const End end = run(store, store);
  ASSERT_TRUE(std::holds_alternative<Finding>(end));
  EXPECT_TRUE(std::get<Finding>(end).capabilities.if_match_on_put);
  EXPECT_EQ(store.find("in/_waybill/probe-nonce-fresh"), nullptr);
}

TEST(Probe, DeniedPutIsTheCauseThatIsTold) {
  FakeStore fake;
  FaultyStore store(fake, [](const Call&) { return Fault::Denied; });
  const End end = run(fake, store);
  ASSERT_TRUE(std::holds_alternative<Probe::Failed>(end));
  EXPECT_EQ(std::get<Probe::Failed>(end).cause.s3_code, "AccessDenied");
}

}  // namespace
}  // namespace waybill::uploader
