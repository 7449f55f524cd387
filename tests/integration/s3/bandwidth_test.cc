#include <chrono>
#include <string>

#include "tests/integration/s3/s3_client.h"

namespace waybill::integration {
namespace {

using std::chrono::seconds;

constexpr std::size_t kib = 1U << 10U;

class BandwidthLimit : public S3Client {};

// At most a quarter of a second's worth is sent before the limit is felt: how long it takes at
// least is certain, however busy the machine.
TEST_F(BandwidthLimit, LargeAndSmallBodiesTogetherKeepToIt) {
  connect();
  engine().limit({.otherwise = 512 * kib, .windows = {}});
  const auto began = std::chrono::steady_clock::now();
  auto large = begin_put(put_request("large", std::string(768 * kib, 'x')));
  auto other = begin_put(put_request("other", std::string(128 * kib, 'y')));
  auto small = begin_put(put_request("small", std::string(60 * kib, 'z')));
  for (auto* answer : {&large, &other, &small}) EXPECT_TRUE(await(std::move(*answer)));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1400));
}

// While it waits for its turn it is no dead transfer; and 8 MiB at 16 KiB a second would take eight
// minutes.
TEST_F(BandwidthLimit, WhatWaitsIsNotStalledAndGoesOnOnceTheLimitIsLifted) {
  connect({.stall_timeout = std::chrono::milliseconds(200)});
  engine().limit({.otherwise = 16 * kib, .windows = {}});
  auto answer = begin_put(put_request("large", std::string(8192 * kib, 'x')));
  EXPECT_EQ(answer.wait_for(seconds(1)), std::future_status::timeout);
  engine().limit({});
  EXPECT_TRUE(await(std::move(answer)));
}

TEST_F(BandwidthLimit, WhatIsCancelledWhileItWaitsEnds) {
  connect();
  engine().limit({.otherwise = 16 * kib, .windows = {}});
  auto answer = begin_put(put_request("large", std::string(8192 * kib, 'x')));
  close_store();
  const auto reply = await(std::move(answer));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace waybill::integration
