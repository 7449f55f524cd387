// The simulation can fail: these planted defects of PROTOCOL.md section 7 are each caught by the
// default seeds, with no scenario of its own; pipeline_model_test.cc runs the same seeds without
// them.
#include <gtest/gtest.h>

#include <iostream>
#include <ostream>
#include <string>

#include "tests/model/model.h"
#include "tests/model/planted.h"

namespace waybill::model {
namespace {

using test_points::Defect;

struct Case {
  Defect defect;
  const char* name;
};

void PrintTo(const Case& planted, std::ostream* to) {
  *to << planted.name;
}

class PlantedDefect : public testing::TestWithParam<Case> {};

TEST_P(PlantedDefect, IsCaughtByTheDefaultSeeds) {
  const Planted planted(GetParam().defect);
  for (std::uint64_t seed = 1; seed <= default_seeds; ++seed) {
    const Verdict verdict = run_seed(seed);
    if (verdict.complaint.empty()) continue;
    RecordProperty("seed", std::to_string(seed));
    RecordProperty("complaint", verdict.complaint);
    std::cout << "seed " << seed << ": " << verdict.complaint << "\n";
    return;
  }
  FAIL() << "no seed noticed it";
}

INSTANTIATE_TEST_SUITE_P(
    Protocol, PlantedDefect,
    testing::Values(Case{Defect::RequestBeforeAttempt, "RequestBeforeAttempt"},
                    Case{Defect::WaitBeforeAcknowledgement, "WaitBeforeAcknowledgement"},
                    Case{Defect::SynchronousNormal, "SynchronousNormal"},
                    Case{Defect::FailedCommitTakenAsRollback, "FailedCommitTakenAsRollback"},
                    Case{Defect::HiddenHeadTakenAsAbsent, "HiddenHeadTakenAsAbsent"},
                    Case{Defect::RetryWithoutHead, "RetryWithoutHead"},
                    Case{Defect::AttemptOverwritten, "AttemptOverwritten"},
                    Case{Defect::AnyConflictTakenAsSuccess, "AnyConflictTakenAsSuccess"},
                    Case{Defect::MissingBaseTakenAsForeign, "MissingBaseTakenAsForeign"},
                    Case{Defect::ConditionsAssumed, "ConditionsAssumed"},
                    Case{Defect::SkipDespiteAmbiguity, "SkipDespiteAmbiguity"},
                    Case{Defect::QuarantineEndedByRestart, "QuarantineEndedByRestart"},
                    Case{Defect::SoleObjectReplaced, "SoleObjectReplaced"},
                    Case{Defect::OldKeyReleased, "OldKeyReleased"},
                    Case{Defect::AdoptedObjectReplaced, "AdoptedObjectReplaced"},
                    Case{Defect::KeyEvaluatedAgain, "KeyEvaluatedAgain"},
                    Case{Defect::CreateBeforeAttempt, "CreateBeforeAttempt"},
                    Case{Defect::CompleteBeforeContent, "CompleteBeforeContent"},
                    Case{Defect::FutureTimesTrusted, "FutureTimesTrusted"},
                    Case{Defect::NoSecondLook, "NoSecondLook"},
                    Case{Defect::CopyWithoutLook, "CopyWithoutLook"},
                    Case{Defect::SidecarChangeMissed, "SidecarChangeMissed"},
                    Case{Defect::BadSidecarTakenAsNone, "BadSidecarTakenAsNone"},
                    Case{Defect::SidecarBeyondRoomForgotten, "SidecarBeyondRoomForgotten"}),
    [](const auto& planted) { return planted.param.name; });

}  // namespace
}  // namespace waybill::model
