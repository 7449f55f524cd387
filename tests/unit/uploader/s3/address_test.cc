#include "uploader/s3_address.h"

#include <gtest/gtest.h>

namespace waybill::uploader {
namespace {

S3Address address(S3Options options, std::string_view region = "eu-central-1") {
  auto found = find_address(options, region);
  EXPECT_TRUE(found) << found.error().message;
  return found.value_or(S3Address{});
}

TEST(S3Address, BucketOnAwsIsAHostOfItsRegion) {
  const auto found = address({.bucket = "acme-inbox"});
  EXPECT_EQ(found.origin, "https://acme-inbox.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(found.host, "acme-inbox.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(found.path_prefix, "");
  EXPECT_FALSE(found.loopback);
}

TEST(S3Address, AwsHasOtherNamesForTheSameService) {
  const auto host = [](S3Options options) {
    options.bucket = "b-1";
    return address(std::move(options)).host;
  };
  EXPECT_EQ(host({.dual_stack = true}), "b-1.s3.dualstack.eu-central-1.amazonaws.com");
  EXPECT_EQ(host({.fips = true}), "b-1.s3-fips.eu-central-1.amazonaws.com");
  EXPECT_EQ(host({.dual_stack = true, .fips = true}),
            "b-1.s3-fips.dualstack.eu-central-1.amazonaws.com");
  EXPECT_EQ(host({.accelerate = true}), "b-1.s3-accelerate.amazonaws.com");
  EXPECT_EQ(host({.dual_stack = true, .accelerate = true}),
            "b-1.s3-accelerate.dualstack.amazonaws.com");
}

TEST(S3Address, ChineseRegionsHaveADomainOfTheirOwn) {
  EXPECT_EQ(address({.bucket = "b-1"}, "cn-north-1").host, "b-1.s3.cn-north-1.amazonaws.com.cn");
}

TEST(S3Address, BucketThatNoCertificateCoversGoesIntoThePath) {
  for (const char* bucket : {"acme.inbox", "Acme", "acme_inbox", "-acme"}) {
    const auto found = address({.bucket = bucket});
    EXPECT_EQ(found.host, "s3.eu-central-1.amazonaws.com");
    EXPECT_EQ(found.path_prefix, "/" + std::string(bucket));
  }
}

TEST(S3Address, PathStyleCanBeAskedForAndIsForcedOnIpAddresses) {
  const auto asked = address({.endpoint = "https://minio.lab", .bucket = "b", .path_style = true});
  EXPECT_EQ(asked.origin + asked.path_prefix, "https://minio.lab/b");
  const auto v4 = address({.endpoint = "http://127.0.0.1:9000", .bucket = "b"});
  EXPECT_EQ(v4.origin + v4.path_prefix, "http://127.0.0.1:9000/b");
  EXPECT_TRUE(v4.loopback);
  const auto v6 = address({.endpoint = "http://[::1]:9000/", .bucket = "b"});
  EXPECT_EQ(v6.origin + v6.path_prefix, "http://[::1]:9000/b");
  EXPECT_TRUE(v6.loopback);
  const auto named = address({.endpoint = "https://MinIO.lab:9000", .bucket = "b"});
  EXPECT_EQ(named.origin + named.path_prefix, "https://b.minio.lab:9000");
}

TEST(S3Address, PortOfTheSchemeIsLeftOutAsInTheHostHeader) {
  EXPECT_EQ(address({.endpoint = "https://s3.lab:443", .bucket = "b"}).host, "b.s3.lab");
  EXPECT_EQ(address({.endpoint = "http://s3.lab:80", .bucket = "b"}).host, "b.s3.lab");
  EXPECT_EQ(address({.endpoint = "http://s3.lab:443", .bucket = "b"}).host, "b.s3.lab:443");
}

TEST(S3Address, WhatIsNoEndpointIsRefusedWithASentence) {
  for (const char* endpoint :
       {"minio.lab", "ftp://minio.lab", "https://", "https://a/b", "https://user@a", "https://a?b",
        "https://a:b", "https://a:123456", "https://[::1", "https://a b", "https://\xC3\xA9.lab"}) {
    const auto found = find_address({.endpoint = endpoint, .bucket = "b"}, "r");
    ASSERT_FALSE(found) << endpoint;
    EXPECT_EQ(found.error().code, ErrorCode::BadConfig);
    EXPECT_NE(found.error().message.find(endpoint), std::string::npos) << found.error().message;
  }
  EXPECT_FALSE(find_address({.endpoint = "https://a"}, "r"));
}

TEST(S3Address, WhatAServerCallsItsRegionCannotBecomeAnotherHost) {
  EXPECT_TRUE(is_region_name("eu-central-1"));
  EXPECT_TRUE(is_region_name("default"));
  for (const char* region : {"", "evil.example/", "a.b", "a b", "a\r\nb", "a@b"}) {
    EXPECT_FALSE(is_region_name(region)) << region;
    EXPECT_FALSE(find_address({.bucket = "b"}, region)) << region;
  }
}

}  // namespace
}  // namespace waybill::uploader
