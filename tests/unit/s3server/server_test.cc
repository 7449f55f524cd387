#include "tests/s3server/server.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/s3server/certificates.h"
#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"
#include "tests/unit/s3server/client.h"

namespace waybill::s3server {
namespace {

using testing::call;
using testing::Connection;
using testing::get;
using testing::head;
using testing::put;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "s3server-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Server, TellsWhereItServes) {
  Server server;
  EXPECT_GT(server.port(), 0);
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()));
  EXPECT_TRUE(Connection(server.port()).connected());
}

TEST(Server, APortInUseIsRefusedWithASentence) {
  Server server;
  try {
    Server second({.port = server.port()});
    FAIL() << "two servers on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("in use"), std::string::npos) << error.what();
  }
  EXPECT_THROW(Server({.buckets = {"No Bucket"}}), std::runtime_error);
}

TEST(Server, EndsWithConnectionsOpen) {
  std::unique_ptr<Connection> open;
  {
    Server server({.buckets = {"bucket"}});
    server.add_fault({.delay = std::chrono::hours(1)});
    open = std::make_unique<Connection>(server.port());
    const auto wanted = put("/bucket/k", "x");
    ASSERT_TRUE(open->send(signed_head(wanted, "127.0.0.1") + wanted.body));
    while (server.request_count() == 0) std::this_thread::yield();
  }
  EXPECT_TRUE(open->at_end());
}

TEST(Server, MayBecomeUnreachableAndComeBackOnItsPort) {
  Server server({.buckets = {"bucket"}});
  Connection before(server.port());
  EXPECT_EQ(before.call(put("/bucket/k", "x")).status, 200);
  server.set_reachable(false);
  EXPECT_TRUE(before.at_end());
  EXPECT_FALSE(Connection(server.port()).connected());
  server.set_reachable(true);
  EXPECT_EQ(call(server.port(), get("/bucket/k")).body, "x");
}

TEST(Server, ManyLoopsServeOneStore) {
  Server server({.loops = 4, .buckets = {"bucket"}});
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&server, i] {
      Connection connection(server.port());
      for (int j = 0; j < 50; ++j) {
        const std::string path = "/bucket/" + std::to_string(i) + "/" + std::to_string(j);
        EXPECT_EQ(connection.call(put(path, path)).status, 200);
        EXPECT_EQ(connection.call(get(path)).body, path);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(server.keys("bucket").size(), 400U);
  EXPECT_EQ(server.count("PutObject"), 400U);
}

TEST(Tls, ItsOwnAuthorityMakesItTrusted) {
  Server server({.buckets = {"bucket"}, .tls = true});
  EXPECT_TRUE(server.url().starts_with("https://"));
  Connection connection(server.port(), server.ca_pem());
  ASSERT_TRUE(connection.connected());
  const std::string large(3U << 20, 'x');
  EXPECT_EQ(connection.call(put("/bucket/k", large)).status, 200);
  EXPECT_EQ(connection.call(get("/bucket/k")).body, large);
}

TEST(Tls, AnotherAuthorityDoesNot) {
  Server server({.tls = true});
  EXPECT_FALSE(Connection(server.port(), make_certificates().ca_pem).connected());
}

TEST(Tls, ACertificateForAnotherNameIsNotTrusted) {
  const Certificates other = make_certificates({"elsewhere.example"});
  Server server(
      {.tls = true, .certificate_pem = other.server_pem, .private_key_pem = other.server_key_pem});
  EXPECT_FALSE(Connection(server.port(), other.ca_pem).connected());
}

TEST(Tls, CertificatesAreWrittenWhereAsked) {
  const Folder folder;
  Server server({.tls = true, .tls_directory = folder.path()});
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/ca.pem"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/server.pem"));
  EXPECT_THROW(Server({.tls = true, .certificate_pem = "x", .private_key_pem = "y"}),
               std::runtime_error);
}

// Asked of OpenSSL itself, which refuses a wildcard there.
TEST(Tls, TheCertificateNamesTheHostsOfTheBuckets) {
  const Folder folder;
  Server server({.buckets = {"bucket"}, .tls = true, .tls_directory = folder.path()});
  const std::unique_ptr<BIO, int (*)(BIO*)> file(
      BIO_new_file((folder.path() + "/server.pem").c_str(), "r"), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), X509_free);
  ASSERT_TRUE(certificate);
  const auto names = [&](const char* host) {
    return X509_check_host(certificate.get(), host, 0, 0, nullptr) == 1;
  };
  EXPECT_TRUE(names("bucket.localhost"));
  EXPECT_TRUE(names("localhost"));
  EXPECT_FALSE(names("other.localhost"));
}

TEST(Tls, CutsWorkThereToo) {
  Server server({.buckets = {"bucket"}, .tls = true});
  server.add_fault({.operation = "PutObject", .count = 1, .cut = Cut::AfterCommit});
  Connection connection(server.port(), server.ca_pem());
  EXPECT_EQ(connection.call(put("/bucket/k", "x")).status, 0);
  EXPECT_EQ(server.object("bucket", "k")->body, "x");
}

TEST(OnDisk, ObjectsUploadsAndVersionsSurviveARestart) {
  const Folder folder;
  const Options options{
      .buckets = {"bucket"}, .behaviour = {.smallest_part = 1}, .directory = folder.path()};
  std::string id;
  std::string etag;
  std::string old_version;
  std::string multipart;
  const std::string odd = "../a b\n\xff%20";
  const auto part = [&](std::uint16_t port, const std::string& key, int number,
                        const std::string& body) {
    return call(port, {.method = "PUT",
                       .path = "/bucket/" + key,
                       .query = "partNumber=" + std::to_string(number) + "&uploadId=" + id,
                       .body = body})
        .header("etag");
  };
  const auto complete = [&](std::uint16_t port, const std::string& key,
                            const std::vector<std::string>& etags) {
    std::string body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < etags.size(); ++i) {
      body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + etags[i] +
              "</ETag></Part>";
    }
    return call(port, {.method = "POST",
                       .path = "/bucket/" + key,
                       .query = "uploadId=" + id,
                       .body = body + "</CompleteMultipartUpload>"});
  };
  const auto begin = [&](std::uint16_t port, const std::string& key) {
    id = call(port, {.method = "POST", .path = "/bucket/" + key, .query = "uploads="})
             .element("UploadId");
  };
  {
    Server server(options);
    server.create_bucket("versioned", true);
    call(server.port(), put("/bucket/" + percent_encode(odd, true), "first"));
    call(server.port(), put("/bucket/" + percent_encode(odd, true), "body",
                            {{"x-amz-meta-a", "b&c=d"}, {"content-type", "text/plain"}}));
    call(server.port(), put("/bucket/gone", "x"));
    call(server.port(), testing::remove("/bucket/gone"));
    old_version = call(server.port(), put("/versioned/v", "1")).header("x-amz-version-id");
    call(server.port(), put("/versioned/v", "2"));
    begin(server.port(), "done");
    const std::string one = part(server.port(), "done", 1, "one");
    EXPECT_EQ(complete(server.port(), "done", {one, part(server.port(), "done", 2, "two")}).status,
              200);
    multipart = server.object("bucket", "done")->etag;
    begin(server.port(), "open");
    etag = part(server.port(), "open", 1, "half");
  }
  {
    Server server(options);
    EXPECT_EQ(server.keys("bucket"), (std::vector<std::string>{odd, "done"}));
    EXPECT_EQ(server.object("bucket", odd)->body, "body");
    EXPECT_EQ(server.object("bucket", odd)->metadata.at("a"), "b&c=d");
    EXPECT_EQ(server.object("bucket", odd)->content_type, "text/plain");
    EXPECT_EQ(server.object("bucket", "done")->body, "onetwo");
    EXPECT_EQ(server.object("bucket", "done")->etag, multipart);
    EXPECT_EQ(server.object("versioned", "v")->body, "2");
    EXPECT_EQ(
        call(server.port(), {.path = "/versioned/v", .query = "versionId=" + old_version}).body,
        "1");
    EXPECT_FALSE(call(server.port(), put("/versioned/v", "3")).header("x-amz-version-id").empty());
    EXPECT_EQ(complete(server.port(), "open", {etag, part(server.port(), "open", 2, "!")}).status,
              200);
  }
  const Server server(options);
  EXPECT_EQ(server.object("bucket", "open")->body, "half!");
  EXPECT_EQ(server.object("bucket", "done")->body, "onetwo");
  EXPECT_EQ(server.object("versioned", "v")->body, "3");
}

TEST(OnDisk, WhatIsReplacedLeavesNoFile) {
  const Folder folder;
  Server server({.buckets = {"bucket"}, .directory = folder.path()});
  const auto files = [&] {
    const std::filesystem::directory_iterator all(folder.path() + "/blobs");
    return std::distance(begin(all), end(all));
  };
  call(server.port(), put("/bucket/k", "one"));
  call(server.port(), put("/bucket/k", "two"));
  EXPECT_EQ(files(), 1);
  call(server.port(), put("/bucket/k", "x", {{"content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="}}));
  EXPECT_EQ(server.object("bucket", "k")->body, "two");
  server.add_fault({.cut = Cut::InBody, .cut_after_bytes = 1});
  call(server.port(), put("/bucket/k", "three"));
  server.clear_faults();
  call(server.port(), testing::remove("/bucket/k"));
  EXPECT_EQ(files(), 0);
}

TEST(Free, EtagAndHeadAreRightThoughNothingIsKept) {
  Server server({.buckets = {"bucket"}, .free = true});
  const testing::Keys wrong{.secret_key = "anything"};
  const std::string md5 = digest(Algorithm::Md5, "hello");
  const auto computed = call(server.port(), put("/bucket/a", "hello"), wrong);
  EXPECT_EQ(computed.status, 200);
  EXPECT_EQ(computed.header("etag"), "\"" + to_hex(md5) + "\"");
  const auto taken = call(
      server.port(),
      put("/bucket/b", "hello", {{"content-md5", to_base64(md5)}, {"x-amz-meta-attempt", "7"}}),
      wrong);
  EXPECT_EQ(taken.header("etag"), computed.header("etag"));
  const auto looked = call(server.port(), head("/bucket/b"), wrong);
  EXPECT_EQ(looked.status, 200);
  EXPECT_EQ(looked.header("content-length"), "5");
  EXPECT_EQ(looked.header("etag"), computed.header("etag"));
  EXPECT_EQ(looked.header("x-amz-meta-attempt"), "7");
  EXPECT_EQ(call(server.port(), get("/bucket/b"), wrong).status, 501);
  EXPECT_EQ(server.count("PutObject"), 2U);
  EXPECT_TRUE(server.log().empty());
}

TEST(Free, MultipartWorksAndGivesTheRightEtag) {
  Server server({.buckets = {"bucket"}, .behaviour = {.smallest_part = 1}, .free = true});
  const std::string id =
      call(server.port(), {.method = "POST", .path = "/bucket/k", .query = "uploads="})
          .element("UploadId");
  const std::string etag = call(server.port(), {.method = "PUT",
                                                .path = "/bucket/k",
                                                .query = "partNumber=1&uploadId=" + id,
                                                .body = "body"})
                               .header("etag");
  const auto done =
      call(server.port(), {.method = "POST",
                           .path = "/bucket/k",
                           .query = "uploadId=" + id,
                           .body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                                   "<ETag>" +
                                   etag + "</ETag></Part></CompleteMultipartUpload>"});
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(call(server.port(), head("/bucket/k")).header("etag"),
            "\"" + to_hex(digest(Algorithm::Md5, digest(Algorithm::Md5, "body"))) + "-1\"");
}

TEST(Free, WithoutHeadsNothingIsRemembered) {
  Server server({.buckets = {"bucket"}, .free = true, .free_keeps_heads = false});
  EXPECT_EQ(call(server.port(), put("/bucket/k", "x")).status, 200);
  EXPECT_EQ(call(server.port(), head("/bucket/k")).status, 404);
}

class Control : public ::testing::Test {
 protected:
  testing::Reply control(const std::string& method, const std::string& path,
                         const std::string& body = {}) {
    Connection connection(server.port());
    connection.send(method + " /_control/" + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
    return connection.receive();
  }
  Server server{Options{.buckets = {"bucket"}, .control = true}};
};

TEST_F(Control, FaultsComeAndGoWithoutASignature) {
  EXPECT_EQ(control("PUT", "faults", "operation=PutObject code=SlowDown\n").body, "1 faults\n");
  EXPECT_EQ(call(server.port(), put("/bucket/k", "x")).code(), "SlowDown");
  EXPECT_EQ(control("DELETE", "faults").status, 200);
  EXPECT_EQ(call(server.port(), put("/bucket/k", "x")).status, 200);
  EXPECT_EQ(control("POST", "faults", "nth=1 status=500\nnth=1 status=503").status, 200);
  EXPECT_EQ(call(server.port(), get("/bucket/k")).status, 500);
  EXPECT_EQ(call(server.port(), get("/bucket/k")).status, 503);
  const auto wrong = control("PUT", "faults", "status=teapot");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body, "line 1: 'status' cannot be 'teapot'\n");
}

TEST_F(Control, BehaviourChanges) {
  EXPECT_EQ(control("PUT", "behaviour", "put-if-none-match=rejected").status, 200);
  EXPECT_EQ(call(server.port(), put("/bucket/k", "x", {{"if-none-match", "*"}})).status, 501);
  EXPECT_EQ(control("PUT", "behaviour", "nonsense").status, 400);
}

TEST_F(Control, LogCountersAndHistoryAreJson) {
  call(server.port(), put("/bucket/%22%0A%FF", "x"));
  EXPECT_EQ(control("GET", "counters").body, "{\"PutObject\": 1, \"all\": 1}\n");
  const std::string log = control("GET", "log").body;
  EXPECT_NE(log.find("\"operation\": \"PutObject\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"key\": \"\\\"\\u000a\\ufffd\""), std::string::npos) << log;
  const std::string history = control("GET", "history?bucket=bucket&key=%22%0A%FF").body;
  EXPECT_NE(history.find("\"sha256\": \"" + to_hex(digest(Algorithm::Sha256, "x"))),
            std::string::npos)
      << history;
  EXPECT_EQ(control("DELETE", "log").status, 200);
  EXPECT_EQ(control("GET", "counters").body, "{\"all\": 0}\n");
}

TEST_F(Control, ZombiesAreReleased) {
  control("PUT", "faults", "nth=1 late=on-demand");
  EXPECT_EQ(call(server.port(), put("/bucket/k", "x")).status, 0);
  EXPECT_EQ(control("POST", "release").body, "1 applied\n");
  EXPECT_TRUE(server.object("bucket", "k"));
}

TEST_F(Control, WhatDoesNotExistIs404) {
  EXPECT_EQ(control("GET", "nothing").status, 404);
}

TEST(ControlOff, ItsPathIsABucketLikeAnyOther) {
  Server server({.buckets = {"bucket"}});
  Connection connection(server.port());
  connection.send("DELETE /_control/faults HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(connection.receive().code(), "AccessDenied");
}

}  // namespace
}  // namespace waybill::s3server
