#include "agent/liveness.h"

#include <gtest/gtest.h>

#include <vector>

namespace waybill::agent {
namespace {

class LivenessTest : public testing::Test {
 protected:
  bool check() {
    return liveness_.check(
        [this](std::function<void()> question) { questions_.push_back(std::move(question)); });
  }
  void answer_all() {
    for (const auto& question : questions_) question();
    questions_.clear();
  }

  Liveness liveness_;
  std::vector<std::function<void()>> questions_;
};

TEST_F(LivenessTest, WhoeverAnswersEachQuestionIsAlive) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(check());
    answer_all();
  }
}

TEST_F(LivenessTest, WhoeverOwesAnAnswerIsNot) {
  EXPECT_TRUE(check());
  EXPECT_FALSE(check());
  EXPECT_FALSE(check());
  answer_all();
  EXPECT_TRUE(check());
}

TEST_F(LivenessTest, WhoeverOpensTheCatalogNeedNotAnswer) {
  {
    const Liveness::Opening opening(liveness_);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(check());
  }
  EXPECT_TRUE(check());
  EXPECT_FALSE(check());
  answer_all();
  EXPECT_TRUE(check());
}

}  // namespace
}  // namespace waybill::agent
