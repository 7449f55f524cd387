#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "tests/s3server/server.h"
#include "uploader/credentials.h"
#include "uploader/s3_store.h"
#include "uploader/transfer_engine.h"

namespace waybill::integration {

inline constexpr const char* bucket = "inbox";

// The S3 client, its engine and a server in this process; every call waits for its answer.
class S3Client : public testing::Test {
 protected:
  static s3server::Options server_options() { return {.buckets = {bucket}}; }

  void serve(s3server::Options options = server_options()) {
    server_ = std::make_unique<s3server::Server>(std::move(options));
  }

  // `options` without an endpoint: the server's, in path style.
  void connect(uploader::S3Options options = {}, int max_connections = 8) {
    connect_with(
        uploader::make_credentials(
            {.access_key_id = "testkey", .secret_access_key = Secret("testsecret")}, clock_),
        max_connections, std::move(options));
  }
  void connect_with(std::shared_ptr<uploader::CredentialsSource> credentials, int max_connections,
                    uploader::S3Options options = {}) {
    store_.reset();
    engine_.reset();
    auto engine = uploader::TransferEngine::start({.max_connections = max_connections}, clock_);
    ASSERT_TRUE(engine) << engine.error().describe();
    engine_ = std::move(*engine);
    if (options.endpoint.empty()) options.endpoint = server().url();
    if (options.region.empty()) options.region = "us-east-1";
    if (options.bucket.empty()) options.bucket = bucket;
    auto store =
        uploader::make_s3_store(std::move(options), std::move(credentials), *engine_, clock_);
    ASSERT_TRUE(store) << store.error().describe();
    store_ = std::move(*store);
  }

  s3server::Server& server() {
    if (!server_) serve();
    return *server_;
  }
  uploader::ObjectStore& store() {
    if (!store_) connect();
    return *store_;
  }
  uploader::TransferEngine& engine() { return *engine_; }
  void close_store() { store_.reset(); }

  template <typename Reply>
  using Answer = std::future<Result<Reply>>;

  // Starts a call and hands out what will answer it.
  template <typename Reply>
  Answer<Reply> begin(const std::function<void(uploader::Done<Reply>)>& start) {
    auto promise = std::make_shared<std::promise<Result<Reply>>>();
    auto answer = promise->get_future();
    start([promise](Result<Reply> reply) { promise->set_value(std::move(reply)); });
    return answer;
  }
  template <typename Reply>
  Result<Reply> await(Answer<Reply> answer) {
    if (answer.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return fail(ErrorCode::Internal, "no answer");
    }
    return answer.get();
  }

  static SharedBytes bytes_of(std::string_view text) {
    const auto bytes = as_bytes(text);
    return std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  }
  static uploader::PutRequest put_request(std::string key, std::string_view text,
                                          uploader::Condition condition = {}) {
    uploader::PutRequest request{.key = std::move(key), .body = bytes_of(text)};
    request.sha256 = sha256(*request.body);
    request.md5 = md5(*request.body);
    request.condition = std::move(condition);
    request.metadata = {{"waybill-attempt", "a1"}};
    request.content_type = "text/plain";
    return request;
  }

  Answer<uploader::PutReply> begin_put(uploader::PutRequest request) {
    return begin<uploader::PutReply>(
        [&](auto done) { store().put(std::move(request), std::move(done)); });
  }
  Result<uploader::PutReply> put(const std::string& key, std::string_view text,
                                 uploader::Condition condition = {}) {
    return await(begin_put(put_request(key, text, std::move(condition))));
  }
  Result<uploader::PutReply> copy(const std::string& to, uploader::CopySource source,
                                  uploader::Condition condition = {}) {
    return await(begin<uploader::PutReply>([&](auto done) {
      store().copy({.key = to,
                    .source = std::move(source),
                    .condition = std::move(condition),
                    .metadata = {{"waybill-attempt", "a2"}},
                    .content_type = "text/csv"},
                   std::move(done));
    }));
  }
  Result<uploader::HeadReply> head(const std::string& key) {
    return await(
        begin<uploader::HeadReply>([&](auto done) { store().head(key, std::move(done)); }));
  }
  Result<uploader::Nothing> remove(const std::string& key) {
    return await(
        begin<uploader::Nothing>([&](auto done) { store().remove(key, std::move(done)); }));
  }
  Result<std::string> create(const std::string& key) {
    return await(begin<std::string>([&](auto done) {
      store().create_upload({.key = key, .content_type = "text/csv"}, std::move(done));
    }));
  }
  Result<uploader::Part> put_part(const std::string& key, const std::string& id, int number,
                                  std::string_view text) {
    const SharedBytes body = bytes_of(text);
    return await(begin<uploader::Part>([&](auto done) {
      store().put_part({.key = key,
                        .upload_id = id,
                        .number = number,
                        .body = body,
                        .sha256 = sha256(*body),
                        .md5 = md5(*body)},
                       std::move(done));
    }));
  }
  Result<std::vector<uploader::Part>> list_parts(const std::string& key, const std::string& id) {
    return await(begin<std::vector<uploader::Part>>(
        [&](auto done) { store().list_parts(key, id, std::move(done)); }));
  }
  Result<uploader::PutReply> complete(const std::string& key, const std::string& id,
                                      std::vector<uploader::Part> parts) {
    return await(begin<uploader::PutReply>([&](auto done) {
      store().complete_upload({.key = key, .upload_id = id, .parts = std::move(parts)},
                              std::move(done));
    }));
  }
  Result<uploader::Nothing> abort(const std::string& key, const std::string& id) {
    return await(begin<uploader::Nothing>(
        [&](auto done) { store().abort_upload(key, id, std::move(done)); }));
  }
  Result<std::vector<uploader::ListedUpload>> list_uploads(const std::string& key) {
    return await(begin<std::vector<uploader::ListedUpload>>(
        [&](auto done) { store().list_uploads(key, std::move(done)); }));
  }

  Result<std::vector<uploader::ListedUpload>> list_uploads_below(const std::string& prefix,
                                                                 std::size_t most) {
    return await(begin<std::vector<uploader::ListedUpload>>(
        [&](auto done) { store().list_uploads_below(prefix, most, std::move(done)); }));
  }

  // The server has read the head of so many requests.
  void await_requests(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (server().request_count() < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }

  template <typename Reply>
  static void expect_code(const Result<Reply>& reply, ErrorCode code) {
    ASSERT_FALSE(reply);
    EXPECT_EQ(to_string(reply.error().code), to_string(code)) << reply.error().describe();
  }

 private:
  const SystemClock clock_{};
  std::unique_ptr<s3server::Server> server_;
  std::unique_ptr<uploader::TransferEngine> engine_;
  std::unique_ptr<uploader::ObjectStore> store_;
};

#define ASSERT_DONE(expression)                                       \
  do {                                                                \
    const auto& outcome_ = (expression);                              \
    ASSERT_TRUE(outcome_.has_value()) << outcome_.error().describe(); \
  } while (false)

}  // namespace waybill::integration
