#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "tests/integration/s3/s3_client.h"

// An endpoint with two addresses. This program stands in for the name server: `two.test` has both,
// always in the same order, as a resolver that sorts them gives them.
namespace {

constexpr std::string_view name = "two.test";
constexpr std::array addresses = {"127.0.0.1", "127.0.0.2"};

using Resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

Resolve real_resolve() {
  return reinterpret_cast<Resolve>(::dlsym(RTLD_NEXT, "getaddrinfo"));
}

}  // namespace

// Takes the place of libc's, which libcurl calls on a thread of its own.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  const Resolve resolve = real_resolve();
  if (node == nullptr || node != name) return resolve(node, service, hints, result);
  addrinfo** end = result;
  for (const char* const address : addresses) {
    const int failure = resolve(address, service, hints, end);
    if (failure != 0) return failure;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}

namespace waybill::integration {
namespace {

class S3Addresses : public S3Client {
 protected:
  S3Addresses() { ::setenv("no_proxy", std::string(name).c_str(), 1); }

  [[nodiscard]] std::string endpoint() {
    return "http://" + std::string(name) + ":" + std::to_string(server().port());
  }
  // The second address, on the port of the first.
  [[nodiscard]] s3server::Options second_options() {
    auto options = server_options();
    options.host = addresses.back();
    options.port = server().port();
    return options;
  }
  void put_many(int count) {
    std::vector<Answer<uploader::PutReply>> answers;
    for (int i = 0; i < count; ++i) {
      answers.push_back(begin_put(put_request("k" + std::to_string(i), std::to_string(i))));
    }
    for (auto& answer : answers) ASSERT_DONE(await(std::move(answer)));
  }
};

TEST_F(S3Addresses, OfOneNameShareTheConnections) {
  constexpr int connections = 32;
  s3server::Server second(second_options());
  // Each request keeps its connection, so that the next one opens another.
  server().add_fault({.never_answer = true});
  second.add_fault({.never_answer = true});
  connect({.endpoint = endpoint(), .path_style = true}, connections);
  std::vector<Answer<uploader::PutReply>> answers;
  for (int i = 0; i < connections; ++i) {
    answers.push_back(begin_put(put_request("k" + std::to_string(i), "content")));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (server().request_count() + second.request_count() < connections) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::yield();
  }
  // All on one: once in two thousand million runs.
  EXPECT_GT(server().request_count(), 0U);
  EXPECT_GT(second.request_count(), 0U);
  close_store();
}

TEST_F(S3Addresses, OneThatRefusesIsPassedBy) {
  for (const bool first_is_dead : {true, false}) {
    s3server::Server second(second_options());
    (first_is_dead ? server() : second).set_reachable(false);
    connect({.endpoint = endpoint(), .path_style = true}, 16);
    put_many(64);
    EXPECT_EQ((first_is_dead ? second : server()).count("PutObject"), 64U);
    server().set_reachable(true);
    server().clear_log();
  }
}

// Its machine is gone: nobody even refuses.
TEST_F(S3Addresses, OneThatIsSilentCostsTimeAndNoRequest) {
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(server().port());
  ASSERT_EQ(::inet_pton(AF_INET, addresses.back(), &place.sin_addr), 1);
  const auto* const at = reinterpret_cast<const sockaddr*>(&place);
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(silent.get(), at, sizeof place), 0);
  ASSERT_EQ(::listen(silent.get(), 0), 0);
  // Its queue is full: the kernel drops whoever knocks.
  std::vector<UniqueFd> queued;
  for (int i = 0; i < 4; ++i) {
    queued.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int answer = ::connect(queued.back().get(), at, sizeof place);
    ASSERT_TRUE(answer == 0 || errno == EINPROGRESS);
  }
  connect({.endpoint = endpoint(), .path_style = true, .connect_timeout = std::chrono::seconds(6)},
          16);
  put_many(32);
  EXPECT_EQ(server().count("PutObject"), 32U);
}

}  // namespace
}  // namespace waybill::integration
