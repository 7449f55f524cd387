#include "tests/s3server/digest.h"

#include <gtest/gtest.h>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

std::string hex(Algorithm algorithm, std::string_view bytes) {
  return to_hex(digest(algorithm, bytes));
}

// The check values that the catalogues of CRCs publish for these nine bytes.
TEST(Digest, CrcsHaveTheirPublishedCheckValues) {
  EXPECT_EQ(hex(Algorithm::Crc32, "123456789"), "cbf43926");
  EXPECT_EQ(hex(Algorithm::Crc32c, "123456789"), "e3069283");
  EXPECT_EQ(hex(Algorithm::Crc64Nvme, "123456789"), "ae8b14860a799888");
}

// RFC 1321, FIPS 180-2.
TEST(Digest, HashesHaveTheValuesOfTheirSpecifications) {
  EXPECT_EQ(hex(Algorithm::Md5, "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(Algorithm::Sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(Algorithm::Sha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231, test case 2.
TEST(Digest, HmacHasTheValueOfItsSpecification) {
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, PiecesOfAnyLengthGiveTheSameAsTheWhole) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<char>(i * 31 + i / 7));
  for (const Algorithm algorithm : {Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256,
                                    Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme}) {
    for (const std::size_t piece : {1UL, 3UL, 7UL, 8UL, 9UL, 64UL, 999UL}) {
      Hasher hasher(algorithm);
      for (std::size_t at = 0; at < bytes.size(); at += piece) {
        hasher.update(std::string_view(bytes).substr(at, piece));
      }
      EXPECT_EQ(hasher.finish(), digest(algorithm, bytes)) << piece;
    }
  }
}

}  // namespace
}  // namespace waybill::s3server
