#include <gtest/gtest.h>

#include <algorithm>

#include "tests/s3server/encoding.h"
#include "tests/s3server/server.h"
#include "tests/s3server/xml.h"
#include "tests/unit/s3server/client.h"

namespace waybill::s3server {
namespace {

class Listing : public ::testing::Test {
 protected:
  XmlNode page(std::vector<std::pair<std::string, std::string>> parameters) {
    std::sort(parameters.begin(), parameters.end());
    std::string query;
    for (const auto& [name, value] : parameters) {
      query += (query.empty() ? "" : "&") + name + "=" + percent_encode(value, false);
    }
    const auto reply = testing::call(server.port(), {.path = "/bucket", .query = query});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return parse_xml(reply.body).value_or(XmlNode{});
  }
  // Keys, and common prefixes with a `>` before them, in the order of the pages.
  std::vector<std::string> all(std::vector<std::pair<std::string, std::string>> parameters,
                               const std::string& marker, const std::string& next) {
    std::vector<std::string> names;
    for (;;) {
      const XmlNode root = page(parameters);
      for (const XmlNode& node : root.children) {
        if (node.name == "Contents") names.push_back(node.text_of("Key"));
        if (node.name == "CommonPrefixes") names.push_back(">" + node.text_of("Prefix"));
      }
      if (root.text_of("IsTruncated") != "true") return names;
      std::erase_if(parameters, [&](const auto& pair) { return pair.first == marker; });
      parameters.emplace_back(marker, root.text_of(next));
      if (names.size() > 1000) return names;
    }
  }
  std::vector<std::string> v2(std::vector<std::pair<std::string, std::string>> parameters) {
    parameters.emplace_back("list-type", "2");
    return all(std::move(parameters), "continuation-token", "NextContinuationToken");
  }
  void store(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) server.put_object("bucket", key, key);
  }
  using Names = std::vector<std::string>;
  Server server{Options{.buckets = {"bucket"}}};
};

TEST_F(Listing, EveryPageSizeGivesTheSameNames) {
  store({"a", "a/1", "a/2", "a/b/3", "a0", "b/1", "b/2", "c", "d/x/y"});
  const Names flat = {"a", "a/1", "a/2", "a/b/3", "a0", "b/1", "b/2", "c", "d/x/y"};
  const Names top = {"a", ">a/", "a0", ">b/", "c", ">d/"};
  const Names below = {"a/1", "a/2", ">a/b/"};
  const auto sorted = [](Names names) {
    std::sort(names.begin(), names.end());
    return names;
  };
  for (const char* size : {"1", "2", "3", "1000"}) {
    EXPECT_EQ(v2({{"max-keys", size}}), flat) << size;
    EXPECT_EQ(sorted(v2({{"max-keys", size}, {"delimiter", "/"}})), sorted(top)) << size;
    EXPECT_EQ(sorted(v2({{"max-keys", size}, {"delimiter", "/"}, {"prefix", "a/"}})), sorted(below))
        << size;
    EXPECT_EQ(all({{"max-keys", size}}, "marker", "NextMarker"), flat) << size;
    EXPECT_EQ(sorted(all({{"max-keys", size}, {"delimiter", "/"}}, "marker", "NextMarker")),
              sorted(top))
        << size;
  }
}

TEST_F(Listing, StartAfterIsExclusive) {
  store({"a", "b", "c"});
  EXPECT_EQ(v2({{"start-after", "a"}}), (Names{"b", "c"}));
  EXPECT_EQ(v2({{"start-after", "aa"}}), (Names{"b", "c"}));
  EXPECT_EQ(v2({{"start-after", "c"}}), Names{});
  EXPECT_EQ(v2({{"start-after", "a"}, {"prefix", "c"}}), Names{"c"});
}

TEST_F(Listing, UrlEncodingCarriesAnyByte) {
  const Names keys = {"+ %20~\xc3\xa9", "a\nb", "a//b", "\xff"};
  store(keys);
  Names decoded;
  for (const std::string& name : v2({{"encoding-type", "url"}})) {
    decoded.push_back(percent_decode(name, true).value_or("?"));
  }
  EXPECT_EQ(decoded, keys);
}

TEST_F(Listing, EntriesTellSizeAndEtag) {
  const std::string etag = server.put_object("bucket", "k", "12345");
  const XmlNode root = page({{"list-type", "2"}});
  EXPECT_EQ(root.text_of("KeyCount"), "1");
  ASSERT_NE(root.child("Contents"), nullptr);
  EXPECT_EQ(root.child("Contents")->text_of("Size"), "5");
  EXPECT_EQ(root.child("Contents")->text_of("ETag"), "\"" + etag + "\"");
}

TEST_F(Listing, NonsenseIsRefused) {
  const auto code = [&](const std::string& query) {
    return testing::call(server.port(), {.path = "/bucket", .query = query}).code();
  };
  EXPECT_EQ(code("continuation-token=zz&list-type=2"), "InvalidArgument");
  EXPECT_EQ(code("list-type=2&max-keys=many"), "InvalidArgument");
}

TEST_F(Listing, UploadsGoByPagesToo) {
  for (const char* key : {"a", "a", "b", "c"}) {
    testing::call(server.port(),
                  {.method = "POST", .path = std::string("/bucket/") + key, .query = "uploads="});
  }
  Names keys;
  std::vector<std::pair<std::string, std::string>> parameters = {{"uploads", ""},
                                                                 {"max-uploads", "1"}};
  for (int pages = 0; pages < 10; ++pages) {
    const XmlNode root = page(parameters);
    for (const XmlNode& node : root.children) {
      if (node.name == "Upload") keys.push_back(node.text_of("Key"));
    }
    if (root.text_of("IsTruncated") != "true") break;
    parameters = {{"uploads", ""},
                  {"max-uploads", "1"},
                  {"key-marker", root.text_of("NextKeyMarker")},
                  {"upload-id-marker", root.text_of("NextUploadIdMarker")}};
  }
  EXPECT_EQ(keys, (Names{"a", "a", "b", "c"}));
  const XmlNode below = page({{"uploads", ""}, {"prefix", "b"}});
  ASSERT_NE(below.child("Upload"), nullptr);
  EXPECT_EQ(below.child("Upload")->text_of("Key"), "b");
}

TEST_F(Listing, VersionsGoByPagesNewestFirst) {
  testing::call(server.port(), {.method = "PUT",
                                .path = "/bucket",
                                .query = "versioning=",
                                .body = "<VersioningConfiguration><Status>Enabled</Status>"
                                        "</VersioningConfiguration>"});
  for (const char* body : {"1", "22", "333"}) server.put_object("bucket", "k", body);
  server.put_object("bucket", "l", "4444");
  server.delete_object("bucket", "l");
  Names seen;
  std::vector<std::pair<std::string, std::string>> parameters = {{"versions", ""},
                                                                 {"max-keys", "2"}};
  for (int pages = 0; pages < 10; ++pages) {
    const XmlNode root = page(parameters);
    for (const XmlNode& node : root.children) {
      if (node.name == "Version") {
        seen.push_back(node.text_of("Key") + node.text_of("Size") + node.text_of("IsLatest"));
      }
      if (node.name == "DeleteMarker") seen.push_back(node.text_of("Key") + "gone");
    }
    if (root.text_of("IsTruncated") != "true") break;
    parameters = {{"versions", ""},
                  {"max-keys", "2"},
                  {"key-marker", root.text_of("NextKeyMarker")},
                  {"version-id-marker", root.text_of("NextVersionIdMarker")}};
  }
  EXPECT_EQ(seen, (Names{"k3true", "k2false", "k1false", "lgone", "l4false"}));
}

}  // namespace
}  // namespace waybill::s3server
