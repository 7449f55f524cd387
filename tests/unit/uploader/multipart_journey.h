#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "tests/unit/uploader/journey.h"

// What the tests of multipart uploads share.
namespace waybill::uploader {

inline std::unique_ptr<Journey> multipart(int parts, fakes::StoreBehaviour behaviour = {}) {
  auto journey = std::make_unique<Journey>(behaviour);
  journey->make_multipart(parts);
  return journey;
}

inline void expect_whole(const Journey& journey) {
  const auto* object = journey.store.find(journey.attempt.key);
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(as_text(*object->body), journey.content);
  EXPECT_TRUE(journey.store.uploads_under_way().empty());
}

inline std::size_t position(const Journey& journey, const std::string& request) {
  for (std::size_t i = 0; i < journey.requests.size(); ++i) {
    if (journey.requests[i].starts_with(request)) return i;
  }
  return journey.requests.size();
}

}  // namespace waybill::uploader
