#include "uploader/verdict.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/bytes.h"
#include "uploader/metadata.h"

namespace waybill::uploader {
namespace {

const std::string content = "the bytes of this generation";
const std::string other_content = "twenty-eight other bytes, so";

Attempt attempt_of(const std::string& body) {
  Attempt attempt;
  attempt.id = "attempt-now";
  attempt.agent_id = "agent-us";
  attempt.epoch = 4;
  attempt.generation = 7;
  attempt.path = "a/b c.pdf";
  attempt.key = "in/a/b c.pdf";
  attempt.size = body.size();
  attempt.sha256 = sha256(as_bytes(body));
  return attempt;
}

HeadReply object_of(const Attempt& attempt, const std::string& body) {
  HeadReply object;
  object.size = body.size();
  object.etag = '"' + to_hex(md5(as_bytes(body))) + '"';
  object.metadata = make_metadata(attempt);
  return object;
}

void with_checksum(HeadReply& object, const std::string& body) {
  object.checksum_sha256 = to_base64(sha256(as_bytes(body)));
}

struct Case {
  const char* name;
  Verdict verdict;
  // Starts from our attempt and an object that it has just put there.
  std::function<void(Attempt& ours, HeadReply& object)> change;
};

class Judge : public testing::TestWithParam<Case> {};

TEST_P(Judge, Says) {
  Attempt attempt = attempt_of(content);
  HeadReply object = object_of(attempt, content);
  GetParam().change(attempt, object);
  EXPECT_EQ(judge(object, attempt, etag_of(md5(as_bytes(content)))), GetParam().verdict);
}

Attempt by(const std::string& id, const std::string& agent,
           const std::string& body = other_content) {
  Attempt attempt = attempt_of(body);
  attempt.id = id;
  attempt.agent_id = agent;
  return attempt;
}

const Case cases[] = {
    {"OurAttempt", Verdict::Mine, [](Attempt&, HeadReply&) {}},
    {"OurAttemptWithoutEtagOrChecksum", Verdict::Mine,
     [](Attempt&, HeadReply& object) { object.etag.clear(); }},
    {"OurAttemptUnderAnEtagThatIsNoMd5", Verdict::Mine,
     [](Attempt&, HeadReply& object) { object.etag = "\"kms-etag\""; }},
    {"OurAttemptNamesInCapitals", Verdict::Mine,
     [](Attempt&, HeadReply& object) {
       for (auto& [name, value] : object.metadata) name[0] = 'W';
     }},
    {"OurAttemptOverABaseOfEqualContent", Verdict::Mine,
     [](Attempt& ours, HeadReply& object) { ours.base_etag = object.etag; }},
    {"OurIdOverAnotherSize", Verdict::Damaged,
     [](Attempt&, HeadReply& object) { object.size += 1; }},
    {"OurIdOverAnotherChecksum", Verdict::Damaged,
     [](Attempt&, HeadReply& object) { with_checksum(object, other_content); }},
    {"OurIdOverAnotherMd5", Verdict::Damaged,
     [](Attempt&, HeadReply& object) {
       object.etag = '"' + to_hex(md5(as_bytes(other_content))) + '"';
     }},
    {"TheBaseIsStillThere", Verdict::Base,
     [](Attempt& ours, HeadReply& object) {
       object = object_of(by("before", "agent-us"), other_content);
       ours.base_etag = object.etag;
     }},
    {"TheBaseIsStillThereQuotedOtherwise", Verdict::Base,
     [](Attempt& ours, HeadReply& object) {
       object = object_of(by("before", "agent-us"), other_content);
       ours.base_etag = bare_etag(object.etag);
     }},
    {"AnEarlierAttempt", Verdict::Prior,
     [](Attempt& ours, HeadReply& object) {
       object = object_of(by("before", "agent-us"), other_content);
       ours.prior_attempts = {"long before", "before"};
     }},
    {"AnEarlierAttemptWithTheSameBytes", Verdict::Prior,
     [](Attempt& ours, HeadReply& object) {
       object = object_of(by("before", "agent-us", content), content);
       ours.prior_attempts = {"before"};
     }},
    {"OurAgentUnknownAttempt", Verdict::Recovered,
     [](Attempt&, HeadReply& object) {
       object = object_of(by("forgotten", "agent-us"), other_content);
     }},
    {"OurAgentAnotherFile", Verdict::Foreign,
     [](Attempt&, HeadReply& object) {
       Attempt other = by("forgotten", "agent-us");
       other.path = "a/other.pdf";
       object = object_of(other, other_content);
     }},
    {"OurAgentInALaterEpoch", Verdict::Foreign,
     [](Attempt& ours, HeadReply& object) {
       Attempt clone = by("its own", "agent-us");
       clone.epoch = ours.epoch + 1;
       object = object_of(clone, other_content);
     }},
    {"AnotherAgent", Verdict::Foreign,
     [](Attempt&, HeadReply& object) {
       object = object_of(by("theirs", "agent-them"), other_content);
     }},
    {"AnotherAgentWithTheSameBytes", Verdict::EqualForeign,
     [](Attempt&, HeadReply& object) {
       object = object_of(by("theirs", "agent-them", content), content);
     }},
    {"NoMetadata", Verdict::Foreign,
     [](Attempt&, HeadReply& object) {
       object.metadata.clear();
       object.etag = "\"kms-etag\"";
     }},
    {"NoMetadataSameChecksum", Verdict::EqualForeign,
     [](Attempt&, HeadReply& object) {
       object.metadata.clear();
       object.etag = "\"kms-etag\"";
       with_checksum(object, content);
     }},
    {"NoMetadataSameMd5", Verdict::EqualForeign,
     [](Attempt&, HeadReply& object) { object.metadata.clear(); }},
    {"NoMetadataSameMd5AnotherChecksum", Verdict::Foreign,
     [](Attempt&, HeadReply& object) {
       object.metadata.clear();
       with_checksum(object, other_content);
     }},
    {"NoMetadataSameChecksumAnotherSize", Verdict::Foreign,
     [](Attempt&, HeadReply& object) {
       object.metadata.clear();
       with_checksum(object, content);
       object.size += 1;
     }},
    {"CopiedMetadataOfAnotherAgentOverOtherBytes", Verdict::Foreign,
     [](Attempt&, HeadReply& object) {
       object = object_of(by("theirs", "agent-them", content), other_content);
     }},
    {"EmptyNamesMatchNobody", Verdict::Foreign,
     [](Attempt& ours, HeadReply& object) {
       ours.agent_id.clear();
       ours.id.clear();
       object = object_of(by("", ""), other_content);
     }},
};

INSTANTIATE_TEST_SUITE_P(Verdicts, Judge, testing::ValuesIn(cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Verdict, MetadataOfAnotherAgentAloneProvesLevelOne) {
  const Attempt ours = attempt_of(content);
  const HeadReply object = object_of(by("theirs", "agent-them", content), content);
  const auto proof = prove_content(object, ours);
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->level, ProofLevel::Acknowledged);
}

TEST(Verdict, SizeAloneProvesNothing) {
  const Attempt ours = attempt_of(content);
  HeadReply object = object_of(ours, content);
  object.metadata.clear();
  EXPECT_EQ(prove_content(object, ours)->level, ProofLevel::None);
  EXPECT_EQ(judge(object, ours), Verdict::Foreign);
}

// --- an object that was stored, looked at again ---

class ProveAgain : public testing::Test {
 protected:
  [[nodiscard]] std::optional<Proof> prove() const { return prove_again(object_, recorded_); }

  Attempt attempt_ = attempt_of(content);
  HeadReply object_ = object_of(attempt_, content);
  Recorded recorded_{.attempt = attempt_.id,
                     .etag = object_.etag,
                     .size = content.size(),
                     .sha256 = *attempt_.sha256};
};

TEST_F(ProveAgain, TheVeryObjectIsAsGoodAsItWas) {
  ASSERT_TRUE(prove());
  EXPECT_EQ(prove()->level, ProofLevel::None);
}

TEST_F(ProveAgain, TheStoresOwnChecksumProvesItAnew) {
  with_checksum(object_, content);
  ASSERT_TRUE(prove());
  EXPECT_EQ(prove()->level, ProofLevel::StoreChecked);
}

TEST_F(ProveAgain, AnotherSendOfItsAttemptIsToBeProven) {
  object_.etag = "\"another\"";
  EXPECT_FALSE(prove()) << "a copy may have brought other bytes";
  with_checksum(object_, content);
  EXPECT_TRUE(prove());
  with_checksum(object_, other_content);
  EXPECT_FALSE(prove());
}

TEST_F(ProveAgain, AnotherAttemptIsAnotherObjectWhateverItsBytes) {
  with_checksum(object_, content);
  recorded_.attempt = "attempt-before";
  EXPECT_FALSE(prove());
}

TEST_F(ProveAgain, SomebodyElsesObjectIsToldByItsBytes) {
  recorded_.attempt.clear();
  EXPECT_TRUE(prove());
  object_.size = 1;
  EXPECT_FALSE(prove());
}

}  // namespace
}  // namespace waybill::uploader
