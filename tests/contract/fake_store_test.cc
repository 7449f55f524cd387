// The store in memory keeps the contract, in every way in which real servers differ: what the
// simulation finds with it is then worth something.
#include "tests/fakes/fake_store.h"

#include "tests/contract/object_store_contract.h"
#include "tests/fakes/faulty_store.h"

namespace waybill::contract {
namespace {

using fakes::StoreBehaviour;
using OnCondition = StoreBehaviour::OnCondition;

class FakeUnderTest : public StoreUnderTest {
 public:
  explicit FakeUnderTest(StoreBehaviour behaviour) : fake_(behaviour) {
    fake_.now = WallTime(std::chrono::hours(24) * 20'000);
  }
  uploader::ObjectStore& store() override { return faultless_; }
  void pump() override { fake_.run_all(); }
  [[nodiscard]] uploader::Capabilities capabilities() const override {
    return fake_.behaviour.capabilities();
  }
  [[nodiscard]] bool guards_copies() const override {
    return fake_.behaviour.if_absent_on_copy == OnCondition::Enforces;
  }
  [[nodiscard]] bool pins_copies() const override { return fake_.behaviour.pins_copies; }
  [[nodiscard]] std::size_t least_part() const override { return 5; }

 private:
  fakes::FakeStore fake_;
  // Without a fault the wrapper must be as if it were not there.
  fakes::FaultyStore faultless_{fake_, [](const fakes::Call&) { return fakes::Fault::None; }};
};

Subject subject(std::string name, StoreBehaviour behaviour) {
  return {std::move(name), [behaviour] { return std::make_unique<FakeUnderTest>(behaviour); }};
}

StoreBehaviour ceph() {
  StoreBehaviour behaviour;
  behaviour.if_absent_on_complete = OnCondition::Ignores;
  behaviour.if_absent_on_copy = OnCondition::Ignores;
  behaviour.pins_copies = false;
  behaviour.if_match_unquoted = true;
  behaviour.if_match_on_absent_is_412 = true;
  behaviour.returns_checksums = false;
  return behaviour;
}

StoreBehaviour unguarded() {
  StoreBehaviour behaviour;
  behaviour.if_absent_on_put = OnCondition::Ignores;
  behaviour.if_absent_on_complete = OnCondition::Ignores;
  behaviour.if_absent_on_copy = OnCondition::Ignores;
  behaviour.if_match = OnCondition::Ignores;
  return behaviour;
}

StoreBehaviour encrypted_and_versioned() {
  StoreBehaviour behaviour;
  behaviour.md5_etags = false;
  behaviour.versioned = true;
  return behaviour;
}

StoreBehaviour without_permission_to_list() {
  StoreBehaviour behaviour;
  behaviour.head_hides_absence = true;
  return behaviour;
}

INSTANTIATE_TEST_SUITE_P(FakeStore, ObjectStoreContract,
                         testing::Values(subject("LikeAws", {}), subject("LikeCeph", ceph()),
                                         subject("Unguarded", unguarded()),
                                         subject("EncryptedVersioned", encrypted_and_versioned()),
                                         subject("NoListing", without_permission_to_list())),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace waybill::contract
