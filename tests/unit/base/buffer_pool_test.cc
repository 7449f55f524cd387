#include "base/buffer_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace waybill {
namespace {

TEST(BufferPool, ABufferIsUsedAgainAsItIs) {
  const BufferPool pool;
  const auto kept = pool.take(10);
  auto first = pool.take(100);
  first->front() = std::byte{42};
  const std::byte* const where = first->data();
  first.reset();
  const auto second = pool.take(50);
  EXPECT_EQ(second->data(), where);
  EXPECT_EQ(second->size(), 50U);
  EXPECT_EQ(second->front(), std::byte{42});
  EXPECT_EQ(pool.held(), 110U);
}

TEST(BufferPool, TwoOwnersNeverShareOne) {
  const BufferPool pool;
  const auto first = pool.take(100);
  const auto second = pool.take(100);
  EXPECT_NE(first->data(), second->data());
}

TEST(BufferPool, NothingIsKeptOnceAllHaveComeBack) {
  const BufferPool pool;
  auto first = pool.take(100);
  auto second = pool.take(100);
  first.reset();
  EXPECT_EQ(pool.held(), 200U);
  second.reset();
  EXPECT_EQ(pool.held(), 0U);
}

TEST(BufferPool, WhatIsTooSmallMakesWay) {
  const BufferPool pool;
  const auto kept = pool.take(10);
  pool.take(100).reset();
  const auto larger = pool.take(1000);
  EXPECT_EQ(larger->size(), 1000U);
  EXPECT_EQ(pool.held(), 1010U);
}

TEST(BufferPool, ABufferOutlivesItsPool) {
  std::optional<BufferPool> pool(std::in_place);
  const auto buffer = pool->take(100);
  pool.reset();
  buffer->back() = std::byte{1};
  EXPECT_EQ(buffer->back(), std::byte{1});
}

TEST(BufferPool, ServesManyThreads) {
  const BufferPool pool;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&pool, id] {
      for (std::size_t round = 1; round < 500; ++round) {
        const auto buffer = pool.take(round);
        buffer->front() = buffer->back() = static_cast<std::byte>(id);
        std::this_thread::yield();
        EXPECT_EQ(buffer->front(), static_cast<std::byte>(id));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.held(), 0U);
}

}  // namespace
}  // namespace waybill
