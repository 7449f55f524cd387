#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <future>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "tests/integration/kill/mortal_journey.h"
#include "tests/integration/kill/trace.h"

// The order on the disk, by a trace of the daemon's system calls (PROTOCOL.md sections 5 and 7):
// the write-ahead log is synced before the world may see what it says. The same check finds each of
// the planted defects that break the order.
namespace waybill::test {
namespace {

constexpr std::size_t mebibyte = 1U << 20U;

// One question on the control socket, as `waybill` asks it.
std::string ask(const std::string& socket_path, const std::string& request) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  const std::string text =
      request + " HTTP/1.1\r\nHost: waybilld\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  if (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return {};
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::recv(fd.get(), buffer.data(), buffer.size(), 0)) > 0;) {
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return answer;
}

class Order : public MortalJourney {
 protected:
  void SetUp() override {
    daemon_wrapper = strace_command(trace_file());
    // A leak check at the end of a process that is traced is not to be had.
    const char* options = std::getenv("ASAN_OPTIONS");
    daemon_environment.push_back("ASAN_OPTIONS=detect_leaks=0" +
                                 (options == nullptr ? "" : ":" + std::string(options)));
  }

  void with_defect(const std::string& name, const std::string& halt_at) {
    const std::vector<std::string> before = daemon_environment;
    with_test_points();
    daemon_environment.insert(daemon_environment.end(), before.begin(), before.end());
    daemon_environment.push_back("WAYBILL_TEST_DEFECT=" + name);
    if (halt_at.empty()) return;
    daemon_environment.push_back("WAYBILL_TEST_AT=" + halt_at);
    daemon_environment.push_back("WAYBILL_TEST_END=halt");
  }

  [[nodiscard]] std::string trace_file() const { return aside("trace"); }

  // The trace of all that the daemon did; it is killed for that.
  std::vector<SystemCall> killed_and_traced() {
    const pid_t process = daemon().pid();
    kill();
    std::string trace;
    EXPECT_TRUE(eventually([&] { return trace_is_whole(trace = read_trace_file(), process); }));
    return read_trace(trace);
  }

  // A file that waits for its marker is not taken: so whoever waits for it can be there first. And
  // nothing more is heard of it then that would ask for another look at it.
  void drop_while_somebody_waits(const std::string& path, const std::string& content) {
    drop(path, content);
    ASSERT_TRUE(eventually([&] {
      return waybill({"show", local(path)}).says("it waits for its marker");
    }));
    const std::string begun = ask(control_socket(), "POST /v1/wait");
    const std::size_t id = begun.find("\"id\":\"");
    ASSERT_NE(id, std::string::npos) << begun;
    wait_ = "GET /v1/wait/" + begun.substr(id + 6, 32);
    ASSERT_TRUE(eventually(
        [&] { return says(ask(control_socket(), wait_ + "?patience_ms=0"), "\"remaining\":1"); }));
    std::ofstream(local(path + ".done")) << "";
  }
  // Its answer, once it is over.
  [[nodiscard]] bool wait_says_stored() {
    return eventually([&] { return says(ask(control_socket(), wait_), "\"stored\":1"); });
  }

  static bool says(const std::string& answer, std::string_view words) {
    return answer.find(words) != std::string::npos;
  }

  [[nodiscard]] std::string read_trace_file() const {
    std::ifstream file(trace_file(), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::string wait_;
};

// The first call that sent something with all of these words.
std::optional<SystemCall> sent(const std::vector<SystemCall>& calls,
                               const std::vector<std::string>& words) {
  const auto found = std::find_if(calls.begin(), calls.end(), [&](const SystemCall& call) {
    return call.file.starts_with("socket:") &&
           std::all_of(words.begin(), words.end(), [&](const std::string& word) {
             return call.data.find(word) != std::string::npos;
           });
  });
  return found == calls.end() ? std::nullopt : std::optional(*found);
}

std::string raw(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 2 <= hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string attempt_of(const s3server::Server& server, const std::string& bucket,
                       const std::string& operation) {
  for (const s3server::RequestRecord& request : server.log()) {
    if (request.operation == operation && !request.header("x-amz-meta-waybill-attempt").empty()) {
      return request.header("x-amz-meta-waybill-attempt");
    }
  }
  ADD_FAILURE() << "no " << operation << " for " << bucket << " was seen";
  return {};
}

// --- the daemon as it is released
// --------------------------------------------------------------------

TEST_F(Order, AttemptIsOnTheDiskBeforeThePutAndItsAcknowledgementBeforeWaitAndShow) {
  folder["complete"] = toml_string("marker");
  start();
  drop_while_somebody_waits("small", "a small file");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(wait_says_stored());
  EXPECT_TRUE(becomes("small", "stored"));
  const std::string etag = server().object(bucket, "in/small")->etag;
  const auto calls = killed_and_traced();

  const std::string attempt = attempt_of(server(), bucket, "PutObject");
  const auto put = sent(calls, {"PUT ", attempt});
  const auto waited = sent(calls, {"\"stored\":1"});
  const auto shown = sent(calls, {"\"state\":\"stored\""});
  ASSERT_TRUE(put && waited && shown);
  EXPECT_EQ(order_complaint(calls, "attempt before PUT", raw(attempt), *put), "");
  EXPECT_EQ(order_complaint(calls, "acknowledgement before wait", raw(etag), *waited), "");
  EXPECT_EQ(order_complaint(calls, "acknowledgement before show", raw(etag), *shown), "");
}

TEST_F(Order, EachStepOfALargeFileIsOnTheDiskBeforeTheNextRequest) {
  folder["complete"] = toml_string("marker");
  start();
  const std::string content = bytes(17 * mebibyte, 1);
  drop_while_somebody_waits("large", content);
  if (HasFatalFailure()) return;
  EXPECT_TRUE(wait_says_stored());
  const auto object = server().object(bucket, "in/large");
  ASSERT_TRUE(object);
  const auto calls = killed_and_traced();

  const std::string attempt = attempt_of(server(), bucket, "CreateMultipartUpload");
  const auto create = sent(calls, {"POST ", attempt});
  const auto part = sent(calls, {"PUT ", "partNumber="});
  const auto complete = sent(calls, {"POST ", "uploadId="});
  const auto waited = sent(calls, {"\"stored\":1"});
  ASSERT_TRUE(create && part && complete && waited);
  const std::size_t id = part->data.find("uploadId=") + 9;
  const std::string upload_id = part->data.substr(id, part->data.find_first_of(" &", id) - id);
  EXPECT_EQ(order_complaint(calls, "attempt before create", raw(attempt), *create), "");
  EXPECT_EQ(order_complaint(calls, "upload id before part", upload_id, *part), "");
  EXPECT_EQ(order_complaint(calls, "content before complete", raw(sha256_hex(content)), *complete),
            "");
  EXPECT_EQ(order_complaint(calls, "acknowledgement before wait", object->etag, *waited), "");
}

// --- it can fail
// -------------------------------------------------------------------------------------

TEST_F(Order, RequestThatLeavesBeforeItsAttemptIsDurableIsFound) {
  with_defect("request-before-attempt", "put-sent");
  start();
  drop("small", "a small file");
  ASSERT_TRUE(eventually([&] { return requests("PutObject", "in/small") > 0; }));
  const auto calls = killed_and_traced();
  const std::string attempt = attempt_of(server(), bucket, "PutObject");
  const auto put = sent(calls, {"PUT ", attempt});
  ASSERT_TRUE(put);
  EXPECT_NE(order_complaint(calls, "attempt before PUT", raw(attempt), *put), "");
}

TEST_F(Order, LogThatIsNotSyncedIsFound) {
  with_defect("synchronous-normal", "");
  start();
  drop("small", "a small file");
  EXPECT_TRUE(becomes("small", "stored"));
  const auto calls = killed_and_traced();
  const std::string attempt = attempt_of(server(), bucket, "PutObject");
  const auto put = sent(calls, {"PUT ", attempt});
  ASSERT_TRUE(put);
  EXPECT_EQ(order_complaint(calls, "attempt", raw(attempt), *put),
            "attempt: it was written, but not synced before");
}

TEST_F(Order, CreateThatLeavesBeforeItsAttemptIsDurableIsFound) {
  with_defect("create-before-attempt", "create-sent");
  start();
  drop("large", bytes(2 * part_size, 1));
  ASSERT_TRUE(eventually([&] { return requests("CreateMultipartUpload", "in/large") > 0; }));
  const auto calls = killed_and_traced();
  const std::string attempt = attempt_of(server(), bucket, "CreateMultipartUpload");
  const auto create = sent(calls, {"POST ", attempt});
  ASSERT_TRUE(create);
  EXPECT_NE(order_complaint(calls, "attempt before create", raw(attempt), *create), "");
}

TEST_F(Order, CompleteThatLeavesBeforeItsContentIsDurableIsFound) {
  with_defect("complete-before-content", "complete-sent");
  start();
  const std::string content = bytes(2 * part_size, 1);
  drop("large", content);
  ASSERT_TRUE(eventually([&] { return requests("CompleteMultipartUpload", "in/large") > 0; }));
  const auto calls = killed_and_traced();
  const auto complete = sent(calls, {"POST ", "uploadId="});
  ASSERT_TRUE(complete);
  EXPECT_NE(order_complaint(calls, "content before complete", raw(sha256_hex(content)), *complete),
            "");
}

TEST_F(Order, WaitThatIsAnsweredBeforeTheAcknowledgementIsDurableIsFound) {
  with_defect("wait-before-acknowledgement", "acknowledgement-recorded,commit-begun");
  folder["complete"] = toml_string("marker");
  start();
  drop_while_somebody_waits("small", "a small file");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(wait_says_stored());
  const std::string etag = server().object(bucket, "in/small")->etag;
  const auto calls = killed_and_traced();
  const auto waited = sent(calls, {"\"stored\":1"});
  ASSERT_TRUE(waited);
  EXPECT_NE(order_complaint(calls, "acknowledgement before wait", raw(etag), *waited), "");
}

}  // namespace
}  // namespace waybill::test
