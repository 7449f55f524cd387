#pragma once

// Where a test build reaches into the product: planted defects that the simulation has to catch
// (PROTOCOL.md section 7), boundaries at which a driver kills the daemon, and sizes small enough
// for a simulation. Only the tests' own builds of these files define WAYBILL_TEST_POINTS; in the
// product nothing of it is left.
#ifdef WAYBILL_TEST_POINTS

#include <cstdint>

namespace waybill::test_points {

enum class Defect : std::uint8_t {
  None,
  RequestBeforeAttempt,       // before commit A
  WaitBeforeAcknowledgement,  // `wait` is answered before commit B
  SynchronousNormal,          // the log is not synced at a commit
  FailedCommitTakenAsRollback,
  HiddenHeadTakenAsAbsent,  // 403
  RetryWithoutHead,
  AttemptOverwritten,         // by the next generation
  AnyConflictTakenAsSuccess,  // 412
  MissingBaseTakenAsForeign,  // 404 to If-Match
  ConditionsAssumed,          // though the store ignores them
  SkipDespiteAmbiguity,       // of content that equals the object's
  QuarantineEndedByRestart,
  SoleObjectReplaced,
  OldKeyReleased,  // of a renamed file, before its new object is stored
  AdoptedObjectReplaced,
  KeyEvaluatedAgain,
  CreateBeforeAttempt,
  CompleteBeforeContent,
  FutureTimesTrusted,   // a ctime in the future, or too young
  NoSecondLook,         // at what was read with times too young
  CopyWithoutLook,      // at the key that it goes to
  SidecarChangeMissed,  // once its file is stored
  BadSidecarTakenAsNone,
  SidecarBeyondRoomForgotten,  // where as many settle as there is room for
};

bool planted(Defect defect);
void reached(const char* boundary);
std::uint64_t size(std::uint64_t product);

}  // namespace waybill::test_points

#define WAYBILL_PLANTED(defect) \
  (::waybill::test_points::planted(::waybill::test_points::Defect::defect))
#define WAYBILL_REACHED(boundary) ::waybill::test_points::reached(boundary)
#define WAYBILL_SIZE(product) ::waybill::test_points::size(product)

#else

namespace waybill::test_points {
inline constexpr bool never = false;
}

#define WAYBILL_PLANTED(defect) (::waybill::test_points::never)
#define WAYBILL_REACHED(boundary) static_cast<void>(0)
#define WAYBILL_SIZE(product) (product)

#endif
