// S3.md 10.28: what an outage costs, and that everything goes on after it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>

#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {
namespace {

using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using fakes::PipelineWorld;

class OutageTest : public testing::Test {
 protected:
  static bool about_a_file(const Call& call) {
    return call.key.find("_waybill/") == std::string::npos;
  }
  bool waits_for_its_turn(const std::string& path) {
    const auto list = world_.unrecorded({.path = path});
    return !list.files.empty() && list.files.front().reason == "it waits for its turn";
  }
  std::int64_t stored() const { return world_.status().folders.front().stored; }
  void write_files(int count) {
    for (int i = 0; i < count; ++i) {
      world_.write("file-" + std::to_string(i), "content " + std::to_string(i));
    }
  }

  PipelineWorld world_;
};

TEST_F(OutageTest, ManyUploadsUnderWayAskTheStoreAFewDozenTimesMoreNotManyTimesEach) {
  constexpr int uploads = 200;
  world_.config().uploads = uploads;
  bool out = false;
  int asked = 0;
  int probed = 0;
  world_.fault = [&](const Call& call) {
    if (!out) return Fault::None;
    ++(about_a_file(call) ? asked : probed);
    return Fault::FailBefore;
  };
  world_.start();
  world_.settle_down();
  out = true;
  write_files(1'000);
  world_.pass(std::chrono::hours(1));
  EXPECT_LE(asked, uploads + 500 / 14) << "each once, and what the quota pays for";
  EXPECT_LE(probed, 6 * 60) << "a few a minute";
  EXPECT_EQ(stored(), 0);

  out = false;
  world_.pass(std::chrono::minutes(2));
  EXPECT_EQ(stored(), 1'000);
  EXPECT_FALSE(world_.has_reason("store-unreachable"));
}

// It waits in memory for a moment before it has a row.
TEST_F(OutageTest, FileThatGoesBeforeItHasARowHasNoneAfterwards) {
  world_.fault = [](const Call&) { return Fault::FailBefore; };
  world_.write("first", "finds out");
  world_.start();
  world_.run_until([&] { return world_.has_reason("store-unreachable"); });
  world_.write("short-lived", "here and gone");
  world_.run_until([&] { return waits_for_its_turn("short-lived"); });
  ASSERT_FALSE(world_.row("short-lived"));
  world_.remove("short-lived");
  world_.pass(std::chrono::minutes(1));
  EXPECT_FALSE(world_.row("short-lived"));
  EXPECT_EQ(world_.status().folders.front().pending, 1);
}

// The quota was spent on finding out that the store was gone; what it does after that is not to be
// measured by it.
TEST_F(OutageTest, WhatFailsInPassingAfterAnOutageIsTriedAgainAtOnce) {
  world_.config().uploads = 100;
  bool out = false;
  std::set<std::string> failed;
  world_.fault = [&](const Call& call) {
    if (out) return Fault::FailBefore;
    const bool first = about_a_file(call) && failed.size() < 20 && failed.insert(call.key).second;
    return first ? Fault::FailBefore : Fault::None;
  };
  world_.start();
  world_.settle_down();
  out = true;
  write_files(400);
  world_.pass(std::chrono::minutes(30));
  const int closed = world_.logged("store closed");
  out = false;
  world_.pass(std::chrono::minutes(2));
  EXPECT_EQ(failed.size(), 20U);
  EXPECT_EQ(stored(), 400);
  EXPECT_EQ(world_.logged("store closed"), closed);
  EXPECT_EQ(world_.logged("the store fails this file while it takes others"), 0);
}

TEST_F(OutageTest, StoreThatFailsEverySecondRequestIsDrainedAllTheSame) {
  bool failing = false;
  world_.fault = [&](const Call&) {
    return failing && world_.random.fraction() < 0.5 ? Fault::FailBefore : Fault::None;
  };
  world_.start();
  world_.settle_down();
  failing = true;
  write_files(1'000);
  world_.pass(std::chrono::hours(3));
  EXPECT_EQ(stored(), 1'000);
}

TEST_F(OutageTest, StoreThatTakesItsProbesAndNothingElseIsAskedOnceByEachFileItOpensFor) {
  constexpr int uploads = 50;
  world_.config().uploads = uploads;
  bool out = false;
  int asked = 0;
  world_.fault = [&](const Call& call) {
    if (!out || !about_a_file(call)) return Fault::None;
    ++asked;
    return Fault::FailBefore;
  };
  world_.start();
  world_.settle_down();
  out = true;
  write_files(200);
  world_.pass(std::chrono::minutes(10));
  asked = 0;
  world_.pass(std::chrono::minutes(10));
  constexpr int openings = 10 * 60 / 15 + 1;  // half a minute apart, or half of that
  EXPECT_LE(asked, openings * uploads);
  EXPECT_GT(asked, 0);

  out = false;
  world_.pass(std::chrono::minutes(2));
  EXPECT_EQ(stored(), 200);
}

// Stores of one endpoint: each prefix is one.
TEST_F(OutageTest, OneEndpointIsOneLineAndItsOutageEndsEverywhereAtOnce) {
  const std::filesystem::path drop = world_.folder();
  constexpr int prefixes = 6;
  for (int i = 0; i < prefixes; ++i) {
    FolderConfig folder = world_.config().folders.front();
    folder.name = "folder" + std::to_string(i);
    folder.path = (drop.parent_path() / folder.name).string();
    folder.prefix = folder.name + "/";
    std::filesystem::create_directory(folder.path);
    world_.config().folders.push_back(folder);
  }
  bool out = false;
  world_.fault = [&](const Call&) { return out ? Fault::FailBefore : Fault::None; };
  world_.start();
  world_.settle_down();
  out = true;
  world_.write("first", "content");
  for (int i = 0; i < prefixes; ++i) {
    world_.write("../folder" + std::to_string(i) + "/file", "content");
  }
  world_.pass(std::chrono::hours(1));
  const auto& reasons = world_.status().reasons;
  EXPECT_EQ(std::count_if(reasons.begin(), reasons.end(),
                          [](const Reason& reason) { return reason.code == "store-unreachable"; }),
            1);
  out = false;
  const auto stored_folders = [this] {
    const auto& folders = world_.status().folders;
    return std::count_if(folders.begin(), folders.end(),
                         [](const FolderView& folder) { return folder.stored == 1; });
  };
  world_.run_until([&] { return stored_folders() > 0; });
  world_.pass(std::chrono::seconds(3));
  EXPECT_EQ(stored_folders(), 1 + prefixes);
  EXPECT_FALSE(world_.has_reason("store-unreachable"));
}

}  // namespace
}  // namespace waybill::agent
