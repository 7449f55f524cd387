#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace waybill {
namespace {

TEST(Digest, GivesThePublishedValues) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(Digest, StreamEqualsOneShot) {
  Sha256Stream stream;
  stream.update(as_bytes("ab"));
  stream.update({});
  stream.update(as_bytes("c"));
  EXPECT_EQ(stream.finish(), sha256(as_bytes("abc")));
}

// RFC 4231, test cases 2 and 6: a short key, and one longer than a block.
TEST(Hmac, GivesTheVectorsOfRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string long_key(131, '\xaa');
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes(long_key),
                               as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace waybill
