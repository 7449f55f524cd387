#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "tests/fuzz/uploader/targets.h"

// Seeded mischief on documents as they really come: cut, doubled, spliced, with bytes of spite.
namespace waybill::fuzz {
namespace {

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> texts{
      "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>",
      "<ListPartsResult xmlns=\"x\"><IsTruncated>true</IsTruncated><NextPartNumberMarker>2"
      "</NextPartNumberMarker><Part><PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag><Size>5"
      "</Size></Part></ListPartsResult>",
      "<ListMultipartUploadsResult><Upload><Key>a%2Fb</Key><UploadId>u</UploadId><Initiated>"
      "2009-10-12T17:50:30.000Z</Initiated></Upload><IsTruncated>false</IsTruncated>"
      "</ListMultipartUploadsResult>",
      "<CompleteMultipartUploadResult><ETag><![CDATA[\"e-1\"]]></ETag>"
      "</CompleteMultipartUploadResult>",
      "<R><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s"
      "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z"
      "</Expiration></Credentials></AssumeRoleResult></R>",
      "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nx-amz-meta-waybill-path: a%20b\r\nContent-Length: 5\r\n"
      "\r\n<Error><Code>SlowDown</Code></Error>",
      "[default]\naws_access_key_id = A\naws_secret_access_key = s\n[profile work]\n"
      "role_arn = r\nsource_profile = default\n# comment\n",
      R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":)"
      R"("2030-01-01T00:00:00Z"})",
      R"({"sample": "HeLa 12", "run": 7, "gain": 1.50, "ok": true, "o": "Zo\u00eb\n"})",
      "# types\ntext/plain\t\ttxt text # comment\nimage/jpeg jpeg JPG\r\n",
      "rosUhgp5mIg=rosUhgp5mIg=",
      "4waSgw==4waSgw==",
      std::string("prefix\0uploads\0a b\0c\xff", 20),
      std::string("d/\xc3\xa9%41/\x01.txt\0in/{arrived:%Y}/{agent}/", 39)};
  return texts;
}

std::string mutated(std::string text, Random& random) {
  static constexpr std::string_view spite("\0\xff%<>&;]\n\r\"'{}[]:=/", 20);
  const std::uint64_t changes = 1 + random.next() % 6;
  for (std::uint64_t i = 0; i < changes; ++i) {
    const std::size_t at = text.empty() ? 0 : random.next() % text.size();
    const std::size_t length = random.next() % 16;
    switch (random.next() % 6) {
      case 0:
        text.resize(at);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        if (!text.empty()) text[at] = static_cast<char>(random.next());
        break;
      case 4:
        text.insert(at, 1, spite[random.next() % spite.size()]);
        break;
      default: {
        const std::string& other = seeds()[random.next() % seeds().size()];
        text.insert(at, other.substr(random.next() % other.size(), length * 4));
        break;
      }
    }
  }
  return text;
}

class UploaderFuzz : public testing::TestWithParam<std::pair<std::string_view, Target>> {};

TEST_P(UploaderFuzz, KeepsItsPromisesWhateverComes) {
  constexpr int rounds = 20'000;
  Random random(2026);
  for (const std::string& seed : seeds()) GetParam().second(seed);
  std::string text;
  for (int i = 0; i < rounds; ++i) {
    // Now and then the last monster is changed further.
    if (i % 4 == 0 || text.size() > 4096) text = seeds()[random.next() % seeds().size()];
    text = mutated(std::move(text), random);
    GetParam().second(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, UploaderFuzz, testing::ValuesIn(targets),
                         [](const auto& target) { return std::string(target.param.first); });

}  // namespace
}  // namespace waybill::fuzz
