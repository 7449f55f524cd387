#include "agent/control_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "tests/unit/agent/control/control_fixture.h"

namespace waybill::agent {
namespace {

using catalog::must;
using nlohmann::json;

class ControlServerTest : public ControlTest {
 protected:
  json get(const std::string& path, const cli::Client::Parameters& parameters = {}) {
    const auto body = client().get(path, parameters);
    if (!body) ADD_FAILURE() << path << ": " << body.error().error.describe();
    return body ? json::parse(*body) : json();
  }
  json post(const std::string& path, const cli::Client::Parameters& parameters = {}) {
    const auto body = client().post(path, parameters);
    if (!body) ADD_FAILURE() << path << ": " << body.error().error.describe();
    return body ? json::parse(*body) : json();
  }
  Error refusal(const cli::Client::Reply& reply) {
    EXPECT_FALSE(reply) << *reply;
    if (reply) return {};
    EXPECT_FALSE(reply.error().unreachable) << reply.error().error.message;
    return reply.error().error;
  }
  // Bytes as they are, and all that comes back. Once we are `finished`, no more will come: the
  // server need not wait for the rest of a request.
  [[nodiscard]] std::string raw(const std::string& request, bool finished) const {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket();
    std::copy(path.begin(), path.end(), static_cast<char*>(address.sun_path));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (finished) ::shutdown(fd.get(), SHUT_WR);
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
    return answer;
  }
};

// --- the socket ----------------------------------------------------------------------------------

TEST_F(ControlServerTest, TheSocketIsForOwnerAndGroupAlone) {
  start();
  struct stat facts {};
  ASSERT_EQ(::stat(socket().c_str(), &facts), 0);
  EXPECT_TRUE(S_ISSOCK(facts.st_mode));
  EXPECT_EQ(facts.st_mode & 07777U, 0660U);
}

TEST_F(ControlServerTest, TheSocketGoesWithTheServer) {
  start();
  server_.reset();
  struct stat facts {};
  EXPECT_NE(::stat(socket().c_str(), &facts), 0);
}

TEST_F(ControlServerTest, ASocketThatNobodyAnswersIsReplaced) {
  {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket();
    std::copy(path.begin(), path.end(), static_cast<char*>(address.sun_path));
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  start();
  EXPECT_EQ(get("/v1/status").at("version"), "1.0.0");
}

TEST_F(ControlServerTest, ASecondDaemonIsRefusedAndTheFirstGoesOn) {
  start();
  const auto second = start_on(socket());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::NeedsPerson);
  EXPECT_EQ(second.error().message,
            "cannot listen on the control socket " + socket() + ": another waybilld answers there");
  EXPECT_EQ(get("/v1/status").at("version"), "1.0.0");
}

TEST_F(ControlServerTest, SomethingElseInTheWayIsLeftAlone) {
  std::ofstream(socket()) << "precious";
  const auto server = start_on(socket());
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message, "cannot listen on the control socket " + socket() +
                                        ": something else than a socket lies there");
  EXPECT_TRUE(std::filesystem::is_regular_file(socket()));
}

TEST_F(ControlServerTest, APathTooLongForASocketSaysSo) {
  const auto server = start_on(directory_.path() + "/" + std::string(120, 's'));
  ASSERT_FALSE(server);
  EXPECT_TRUE(
      server.error().message.ends_with("longer than the 107 bytes that a socket's path may have"))
      << server.error().message;
}

TEST_F(ControlServerTest, AFolderThatIsNotThereSaysSo) {
  const auto server = start_on(directory_.path() + "/none/control.sock");
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message.find("No such file or directory"), std::string::npos)
      << server.error().message;
}

// --- questions -----------------------------------------------------------------------------------

TEST_F(ControlServerTest, StatusIsWhatCoordPublished) {
  start();
  const json status = get("/v1/status");
  EXPECT_EQ(status.at("daemon"), true);
  EXPECT_EQ(status.at("folders").at(0).at("name"), "inbox");
}

TEST_F(ControlServerTest, ADaemonThatIsStillStartingSaysSo) {
  status_known_ = false;
  start();
  for (const char* question : {"/v1/status", "/metrics"}) {
    EXPECT_TRUE(refusal(client().get(question)).message.starts_with("waybilld is still starting"));
  }
}

TEST_F(ControlServerTest, MetricsAreText) {
  start();
  const std::string answer = raw("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", false);
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), std::string::npos) << answer;
  EXPECT_NE(answer.find("waybill_healthy 1"), std::string::npos) << answer;
}

TEST_F(ControlServerTest, FilesComePageByPage) {
  for (int i = 0; i < 5; ++i) queue("f" + std::to_string(i), "x");
  start();
  const json first = get("/v1/files", {{"limit", "3"}});
  EXPECT_EQ(first.at("files").size(), 3U);
  const json rest =
      get("/v1/files", {{"limit", "3"}, {"after", std::to_string(first.at("next").get<int>())}});
  EXPECT_EQ(rest.at("files").size(), 2U);
  EXPECT_TRUE(rest.at("next").is_null());
}

TEST_F(ControlServerTest, FilesAreFilteredByFolderStateAndPath) {
  store("a/done", "x");
  queue("a/waiting", "y");
  queue("b", "z");
  start();
  EXPECT_EQ(get("/v1/files", {{"folder", "inbox"}}).at("files").size(), 3U);
  EXPECT_EQ(get("/v1/files", {{"state", "stored"}}).at("files").at(0).at("path"), "a/done");
  EXPECT_EQ(get("/v1/files", {{"path", "/srv/inbox/a"}}).at("files").size(), 2U);
  EXPECT_EQ(get("/v1/files", {{"folder", "inbox"}, {"path", "a"}}).at("files").size(), 2U);
}

TEST_F(ControlServerTest, QuestionsThatMakeNoSenseAreRefusedWithASentence) {
  start();
  EXPECT_EQ(refusal(client().get("/v1/files", {{"state", "lost"}})).message,
            "state=lost: there is no such state");
  EXPECT_EQ(refusal(client().get("/v1/files", {{"limit", "-1"}})).message,
            "limit=-1: not a whole number");
  EXPECT_EQ(refusal(client().get("/v1/files", {{"after", "1x"}})).message,
            "after=1x: not a whole number");
  EXPECT_EQ(refusal(client().get("/v1/files", {{"folder", "attic"}})).message,
            "there is no folder named attic");
  EXPECT_EQ(refusal(client().get("/v1/file")).message, "path is missing: which file?");
  EXPECT_EQ(refusal(client().get("/v1/file", {{"path", "/srv/inbox"}})).message,
            "this is a folder; `waybill ls` lists what is in it");
  EXPECT_EQ(refusal(client().get("/v1/nonsense")).message, "there is no such question");
  EXPECT_EQ(refusal(client().get("/v1/file", {{"path", "/etc/passwd"}})).code, ErrorCode::NotFound);
}

TEST_F(ControlServerTest, WhatTheCatalogHasNoRowForIsAskedOfCoord) {
  on_unrecorded_ = [this](ListUnrecorded question) {
    note((question.ignored ? "ignored below '" : "settling below '") + question.path + "'");
    Unrecorded list;
    list.files.push_back(
        {.folder = folder_, .path = "sub/link", .state = "ignored", .reason = "symbolic link"});
    list.files.push_back({.folder = FolderId{99}, .path = "of no folder", .state = "ignored"});
    question.reply.set_value(std::move(list));
  };
  start();
  const json list = get("/v1/unrecorded", {{"path", "/srv/inbox/sub"}});
  ASSERT_EQ(list.at("files").size(), 1U);
  EXPECT_EQ(list.at("files")[0].at("folder"), "inbox");
  EXPECT_EQ(list.at("files")[0].at("path"), "sub/link");
  EXPECT_EQ(list.at("files")[0].at("reason"), "symbolic link");
  EXPECT_EQ(list.at("complete"), true);
  get("/v1/unrecorded", {{"what", "settling"}});
  EXPECT_EQ(notes(), (std::vector<std::string>{"ignored below 'sub'", "settling below ''"}));
  EXPECT_EQ(refusal(client().get("/v1/unrecorded", {{"what", "else"}})).code, ErrorCode::BadInput);
}

TEST_F(ControlServerTest, AFileComesWithWhatCoordSaysOfIt) {
  queue("a.pdf", "x");
  on_explain_ = [](Explain question) {
    question.reply.set_value({.phase = "settling",
                              .explanation = "still changing: " + question.path,
                              .due_in_ms = 1500});
  };
  start();
  const json story = get("/v1/file", {{"path", "/srv/inbox/a.pdf"}});
  EXPECT_EQ(story.at("file").at("state"), "queued");
  EXPECT_EQ(story.at("now").at("explanation"), "still changing: a.pdf");
  EXPECT_EQ(story.at("now").at("due_in_ms"), 1500);
}

TEST_F(ControlServerTest, AFileThatOnlyCoordKnowsIsAStoryToo) {
  on_explain_ = [](Explain question) {
    question.reply.set_value({.phase = "settling", .explanation = "new"});
  };
  start();
  EXPECT_TRUE(get("/v1/file", {{"path", "/srv/inbox/new.pdf"}}).at("file").is_null());
}

TEST_F(ControlServerTest, AFileThatNobodyKnowsIsNotFound) {
  start();
  EXPECT_EQ(refusal(client().get("/v1/file", {{"path", "/srv/inbox/none"}})).code,
            ErrorCode::NotFound);
}

TEST_F(ControlServerTest, HostileNamesGoThereAndBack) {
  const std::string name = "a b+c%41&d=e?f#g\n\"\\\xff\xc2\x9bü";
  queue(name, "x");
  start();
  const json story = get("/v1/file", {{"path", "/srv/inbox/" + name}});
  ASSERT_FALSE(story.at("file").is_null());
  EXPECT_EQ(story.at("path"), printable(name));
  EXPECT_EQ(as_text(*from_base64(story.at("path_base64").get<std::string>())), name);
  const std::string shown = story.at("path");
  EXPECT_EQ(get("/v1/file", {{"path", shown}}).at("path"), shown)
      << "what was printed finds it again";
}

// --- what is posted to coord ---------------------------------------------------------------------

TEST_F(ControlServerTest, RetryTellsCoordWhatAndTheClientHowMany) {
  queue("a/b", "x");
  on_retry_ = [this](Retry question) {
    note(std::to_string(question.folder ? value_of(*question.folder) : 0) + ":" + question.path);
    question.reply.set_value(7);
  };
  start();
  EXPECT_EQ(post("/v1/retry").at("files"), 7);
  post("/v1/retry", {{"path", "/srv/inbox/a/b"}});
  EXPECT_EQ(notes(), (std::vector<std::string>{"0:", std::to_string(value_of(folder_)) + ":a/b"}));
}

TEST_F(ControlServerTest, AWaitBeginsAfterTheKernelHasBeenHeard) {
  start();
  const json begun = post("/v1/wait", {{"path", "/srv/inbox/sub"}});
  EXPECT_EQ(begun.at("done"), false);
  EXPECT_EQ(notes(), (std::vector<std::string>{"drained", "wait below 'sub'"}));
  const json ended = get("/v1/wait/" + begun.at("id").get<std::string>());
  EXPECT_EQ(ended.at("done"), true);
}

TEST_F(ControlServerTest, ALongPollReturnsWhenTheLastFileIsStored) {
  std::promise<std::shared_ptr<WaitTicket>> asked;
  on_wait_ = [&asked](const StartWait& question) { asked.set_value(question.ticket); };
  start();
  const std::string id = post("/v1/wait").at("id");
  auto ended = std::async(std::launch::async, [&] {
    return get("/v1/wait/" + id, {{"patience_ms", "30000"}});
  });
  const auto ticket = asked.get_future().get();
  ticket->update({.started = true, .remaining = 1});
  ticket->update({.started = true, .remaining = 0, .blocked = 1, .stored = 2});
  const json answer = ended.get();
  EXPECT_EQ(answer.at("done"), true);
  EXPECT_EQ(answer.at("stored"), 2);
  EXPECT_EQ(answer.at("blocked"), 1);
}

TEST_F(ControlServerTest, APollThatEndsInTimeSaysHowFarItIs) {
  on_wait_ = [](const StartWait& question) {
    question.ticket->update({.started = true, .remaining = 3});
  };
  start();
  const std::string id = post("/v1/wait").at("id");
  const json answer = get("/v1/wait/" + id, {{"patience_ms", "1"}});
  EXPECT_EQ(answer.at("done"), false);
  EXPECT_EQ(answer.at("remaining"), 3);
}

TEST_F(ControlServerTest, AnEndedWaitIsForgotten) {
  start();
  const std::string id = post("/v1/wait").at("id");
  EXPECT_EQ(get("/v1/wait/" + id).at("done"), true);
  EXPECT_EQ(refusal(client().get("/v1/wait/" + id)).code, ErrorCode::NotFound);
}

TEST_F(ControlServerTest, MoreLongPollsThanThreadsLeaveRoomForStatus) {
  on_wait_ = [](const StartWait& question) {
    question.ticket->update({.started = true, .remaining = 1});
  };
  start();
  const std::string id = post("/v1/wait").at("id");
  std::vector<std::future<cli::Client::Reply>> polls;
  for (int i = 0; i < 12; ++i) {
    polls.push_back(std::async(std::launch::async, [&] {
      return client().get("/v1/wait/" + id, {{"patience_ms", "30000"}});
    }));
  }
  EXPECT_EQ(get("/v1/status").at("version"), "1.0.0");
  server_.reset();  // ends those that still wait
}

TEST_F(ControlServerTest, TooManyWaitsAreTurnedAway) {
  on_wait_ = [](const StartWait&) {};
  start();
  Error error;
  for (int i = 0; i < 300 && error.message.empty(); ++i) {
    const auto reply = client().post("/v1/wait");
    if (!reply) error = reply.error().error;
  }
  EXPECT_EQ(error.message, "too many clients are waiting already");
}

// --- bad days ------------------------------------------------------------------------------------

TEST_F(ControlServerTest, ADeadCoordDoesNotHangAClient) {
  queue("a", "x");
  coord_patience_ = std::chrono::milliseconds(1);
  std::vector<Retry> retries;  // kept, never answered
  std::vector<Explain> questions;
  on_retry_ = [&retries](Retry question) { retries.push_back(std::move(question)); };
  on_explain_ = [&questions](Explain question) { questions.push_back(std::move(question)); };
  start();
  EXPECT_EQ(refusal(client().post("/v1/retry")).message,
            "waybilld did not answer in time how many files go again; its log says what keeps it");
  EXPECT_EQ(refusal(client().get("/v1/file", {{"path", "/srv/inbox/unknown"}})).message,
            "waybilld did not answer in time what it is doing; its log says what keeps it");
  EXPECT_EQ(get("/v1/file", {{"path", "/srv/inbox/a"}}).at("now").at("phase"), "unknown")
      << "what the catalog knows is told all the same";
  server_.reset();
}

TEST_F(ControlServerTest, ACoordThatEndsBreaksItsPromiseNotItsClient) {
  on_retry_ = [](const Retry&) {};
  start();
  EXPECT_EQ(refusal(client().post("/v1/retry")).code, ErrorCode::RetryLater);
}

TEST_F(ControlServerTest, StoppingAnswersWhoeverWaits) {
  std::promise<void> asked;
  on_retry_ = [&asked, kept = std::make_shared<std::vector<Retry>>()](Retry question) {
    kept->push_back(std::move(question));
    asked.set_value();
  };
  start();
  auto reply = std::async(std::launch::async, [&] { return client().post("/v1/retry"); });
  asked.get_future().wait();
  server_.reset();
  EXPECT_FALSE(reply.get());
}

TEST_F(ControlServerTest, ACatalogThatIsNotThereIsASentence) {
  start();
  catalog_.reset();
  std::filesystem::remove_all(state_dir());
  EXPECT_EQ(refusal(client().get("/v1/files")).message,
            "there is no catalog yet at " + state_dir() + "/catalog.db");
  EXPECT_EQ(get("/v1/status").at("version"), "1.0.0") << "status needs none";
}

TEST_F(ControlServerTest, AHugeBodyIsTurnedAway) {
  start();
  const std::string answer =
      raw("POST /v1/retry HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
              std::string(1'000'000, 'x'),
          false);
  EXPECT_NE(answer.find(" 413 "), std::string::npos) << answer.substr(0, 200);
}

TEST_F(ControlServerTest, NonsenseOnTheSocketHarmsNobody) {
  start();
  for (const std::string& request :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"), std::string(20'000, 'A'),
        "GET /v1/file?path=" + std::string(9000, '%') + " HTTP/1.1\r\n\r\n",
        std::string("GET /v1/wait/zz HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("\0\xff\0", 3)}) {
    const std::string ignored = raw(request, true);
  }
  EXPECT_EQ(get("/v1/status").at("version"), "1.0.0");
}

}  // namespace
}  // namespace waybill::agent
