#include "agent/cli/run.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "tests/unit/agent/control/control_fixture.h"

// The whole command line against a real control server in this process, and without one.
namespace waybill::agent::cli {
namespace {

using catalog::must;
using nlohmann::json;

class RunCli : public ControlTest {
 protected:
  struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
  };
  Outcome run(const std::vector<std::string>& words) const {
    std::vector<const char*> argv{"waybill"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const int code = run_cli(static_cast<int>(argv.size()), argv.data(), out, err);
    return {code, out.str(), err.str()};
  }
  // At our own socket and catalog.
  Outcome ask(std::vector<std::string> words) const {
    for (const char* option : {"--socket", "--state-dir"}) {
      words.emplace_back(option);
      words.push_back(option == std::string("--socket") ? socket() : state_dir());
    }
    return run(words);
  }
  std::string write(const std::string& text) const {
    std::string path = directory_.path() + "/waybill.toml";
    std::ofstream(path) << text;
    return path;
  }
  [[nodiscard]] std::string not_running() const {
    return "waybilld is not running (nobody answers at " + socket() +
           "); start it with: systemctl start waybilld";
  }
};

// --- the command line itself ---------------------------------------------------------------------

TEST_F(RunCli, UsageErrorsAre2AndHelpIs0) {
  EXPECT_EQ(run({}).code, 2);
  EXPECT_EQ(run({"frobnicate"}).code, 2);
  EXPECT_EQ(run({"show"}).code, 2);
  EXPECT_EQ(run({"status", "--colour"}).code, 2);
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command :
       {"status", "ls", "show", "wait", "retry", "accept", "check-config", "version"}) {
    EXPECT_NE(help.out.find("\n  " + std::string(command) + " "), std::string::npos) << command;
    EXPECT_EQ(run({command, "--help"}).code, 0) << command;
  }
}

TEST_F(RunCli, GlobalOptionsMayStandOnEitherSideOfTheCommand) {
  start();
  EXPECT_EQ(run({"--socket", socket(), "--state-dir", state_dir(), "status"}).code, 0);
  EXPECT_EQ(run({"status", "--socket", socket(), "--state-dir", state_dir()}).code, 0);
  EXPECT_EQ(run({"--socket", socket(), "status", "--json", "--state-dir", state_dir()}).code, 0);
}

TEST_F(RunCli, VersionSpeaksOfBothPrograms) {
  EXPECT_EQ(ask({"version"}).out, "waybill " WAYBILL_VERSION "\n");
  start();
  EXPECT_EQ(ask({"version"}).out, "waybill " WAYBILL_VERSION "\nwaybilld 1.0.0\n");
  EXPECT_EQ(json::parse(ask({"version", "--json"}).out).at("waybilld"), "1.0.0");
}

// --- status --------------------------------------------------------------------------------------

TEST_F(RunCli, StatusEndsWithWhatTheWorstReasonMeans) {
  start();
  EXPECT_EQ(ask({"status"}).code, 0);
  EXPECT_NE(ask({"status"}).out.find("/srv/inbox"), std::string::npos);
  server_.reset();
  status_.reasons = {
      {.code = "x", .severity = Severity::Degraded, .sentence = "the store does not answer"}};
  start();
  const Outcome degraded = ask({"status"});
  EXPECT_EQ(degraded.code, 3);
  EXPECT_NE(degraded.out.find("the store does not answer"), std::string::npos);
  const Outcome document = ask({"status", "--json"});
  EXPECT_EQ(document.code, 3);
  EXPECT_EQ(json::parse(document.out).at("reasons").at(0).at("code"), "x");
}

TEST_F(RunCli, StatusWorksFromTheCatalogWhenTheDaemonIsDown) {
  store("a.pdf", "x");
  must(catalog_->commit());
  const Outcome text = ask({"status"});
  EXPECT_EQ(text.code, 4);
  EXPECT_NE(text.out.find("1 file in the catalog"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find(not_running()), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("/srv/inbox"), std::string::npos) << text.out;
  const Outcome document = ask({"status", "--json"});
  EXPECT_EQ(document.code, 4);
  const json status = json::parse(document.out);
  EXPECT_EQ(status.at("daemon"), false);
  EXPECT_EQ(status.at("folders").at(0).at("stored"), 1);
  EXPECT_EQ(status.at("reasons").at(0).at("code"), "daemon-unreachable");
}

TEST_F(RunCli, WithoutDaemonAndCatalogThereIsStillASentence) {
  catalog_.reset();
  std::filesystem::remove_all(state_dir());
  const Outcome text = ask({"status"});
  EXPECT_EQ(text.code, 4);
  EXPECT_EQ(text.err, "waybill: " + not_running() + "\n");
  EXPECT_EQ(json::parse(ask({"status", "--json"}).out).at("error").at("sentence"), not_running());
}

TEST_F(RunCli, ASocketThatNobodyListensToIsADaemonThatIsDown) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket();
  std::copy(path.begin(), path.end(), static_cast<char*>(address.sun_path));
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  EXPECT_EQ(ask({"wait"}).err, "waybill: " + not_running() + "\n");
}

TEST_F(RunCli, PermissionIsAnotherSentenceThanNotRunning) {
  start();
  ASSERT_EQ(::chmod(socket().c_str(), 0), 0);
  // To root nothing is forbidden: then it is nobody who asks.
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(root ? ::seteuid(65534) : 0, 0);
  const Outcome forbidden = ask({"wait"});
  ASSERT_EQ(root ? ::seteuid(0) : 0, 0);
  EXPECT_EQ(forbidden.code, 4);
  EXPECT_EQ(forbidden.err, "waybill: no permission to ask waybilld at " + socket() +
                               "; ask as root or as a member of the group waybill (usermod -aG "
                               "waybill NAME, then log in again)\n");
}

// --- ls and show ---------------------------------------------------------------------------------

TEST_F(RunCli, LsListsByPathWithAndWithoutTheDaemon) {
  queue("b", "x");
  store("a/1", "y");
  must(catalog_->commit());
  const Outcome down = ask({"ls"});
  EXPECT_EQ(down.code, 4);
  EXPECT_EQ(down.err, "waybill: " + not_running() + "; from the catalog alone\n");
  start();
  const Outcome up = ask({"ls"});
  EXPECT_EQ(up.code, 0);
  EXPECT_EQ(up.out, down.out);
  const std::size_t first = up.out.find("/srv/inbox/a/1");
  EXPECT_NE(first, std::string::npos) << up.out;
  EXPECT_LT(first, up.out.find("/srv/inbox/b"));
  EXPECT_EQ(ask({"ls", "/srv/inbox/a"}).out.find("/srv/inbox/b"), std::string::npos);
  EXPECT_EQ(ask({"ls", "--state", "stored"}).out.find("queued"), std::string::npos);
}

TEST_F(RunCli, LsGoesThroughAllPages) {
  for (int i = 0; i < 2300; ++i) queue("f" + std::to_string(i), "x");
  start();
  const std::string out = ask({"ls"}).out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2300);
  EXPECT_EQ(json::parse(ask({"ls", "--json"}).out).at("files").size(), 2300U);
}

TEST_F(RunCli, LsOfAnEmptyCatalogIsAnEmptyDocument) {
  start();
  EXPECT_EQ(ask({"ls"}).out, "");
  EXPECT_EQ(json::parse(ask({"ls", "--json"}).out).at("files"), json::array());
}

TEST_F(RunCli, LsShowsFilesThatStillSettleBesideThoseOfTheCatalog) {
  queue("a", "x");
  on_unrecorded_ = [this](ListUnrecorded question) {
    EXPECT_FALSE(question.ignored);
    Unrecorded list;
    list.files.push_back({.folder = folder_, .path = "new", .state = "settling", .size = 5});
    question.reply.set_value(std::move(list));
  };
  start();
  const Outcome all = ask({"ls"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_NE(all.out.find("/srv/inbox/a\nsettling "), std::string::npos) << all.out;
  EXPECT_TRUE(all.out.ends_with("  /srv/inbox/new\n")) << all.out;
  EXPECT_EQ(json::parse(ask({"ls", "--json"}).out).at("files")[1].at("state"), "settling");
  EXPECT_EQ(ask({"ls", "--state", "queued"}).out.find("settling"), std::string::npos);
  EXPECT_TRUE(ask({"ls", "--state", "settling"}).out.starts_with("settling "));
}

TEST_F(RunCli, LsAsksForWhatSettlesBeforeItAsksForRowsAndNamesAFileOnce) {
  on_unrecorded_ = [this](ListUnrecorded question) {
    // Between the two questions the file gets its row.
    queue("moving", "x");
    must(catalog_->commit());
    Unrecorded list;
    list.files.push_back({.folder = folder_, .path = "moving", .state = "settling"});
    question.reply.set_value(std::move(list));
  };
  start();
  const Outcome all = ask({"ls"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_TRUE(all.out.starts_with("queued ")) << all.out;
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 1) << all.out;
}

TEST_F(RunCli, LsSaysThatMoreFilesSettleThanItTold) {
  queue("a", "x");
  on_unrecorded_ = [this](ListUnrecorded question) {
    Unrecorded list;
    list.files.push_back({.folder = folder_, .path = "new", .state = "settling"});
    list.complete = false;
    question.reply.set_value(std::move(list));
  };
  start();
  const Outcome all = ask({"ls"});
  EXPECT_EQ(all.code, 1);
  EXPECT_NE(all.err.find("not complete"), std::string::npos) << all.err;
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 2) << all.out;
}

TEST_F(RunCli, LsIgnoredNamesWhatNeverBecomesAFileAndWhy) {
  on_unrecorded_ = [this](ListUnrecorded question) {
    EXPECT_TRUE(question.ignored);
    Unrecorded list;
    list.files.push_back(
        {.folder = folder_, .path = "link", .state = "ignored", .reason = "symbolic link"});
    list.complete = question.path.empty();
    question.reply.set_value(std::move(list));
  };
  start();
  const Outcome all = ask({"ls", "--ignored"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(all.out, "ignored     /srv/inbox/link  symbolic link\n");
  const Outcome some = ask({"ls", "--ignored", "/srv/inbox/link"});
  EXPECT_EQ(some.code, 1);
  EXPECT_NE(some.err.find("not complete"), std::string::npos);
  EXPECT_EQ(ask({"ls", "--ignored", "--state", "queued"}).code, 2);
}

TEST_F(RunCli, AStateThatDoesNotExistIsUsage) {
  start();
  const Outcome wrong = ask({"ls", "--state", "lost"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err,
            "waybill: --state lost: there is no such state; they are settling, queued, uploading, "
            "blocked, stored, removing, removed, gone\n");
}

TEST_F(RunCli, ShowTellsAFilesStory) {
  store("2026/q2.pdf", "hello");
  start();
  const Outcome text = ask({"show", "2026/q2.pdf"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_TRUE(text.out.starts_with("/srv/inbox/2026/q2.pdf: stored\nIt is stored.\n")) << text.out;
  EXPECT_NE(text.out.find("object    s3://bucket/p/2026/q2.pdf"), std::string::npos) << text.out;
  EXPECT_EQ(
      json::parse(ask({"show", "--json", "/srv/inbox/2026/q2.pdf"}).out).at("object").at("bucket"),
      "bucket");
}

TEST_F(RunCli, ShowOfABlockedFileIs3) {
  const auto row = upload("a", "x");
  must(catalog_->end_attempt(last_.id));
  must(catalog_->apply(row.id, catalog::FileEvent::Foreign,
                       "an object that is not ours has this key: p/a"));
  start();
  const Outcome text = ask({"show", "a"});
  EXPECT_EQ(text.code, 3);
  EXPECT_NE(text.out.find("waybill retry /srv/inbox/a"), std::string::npos) << text.out;
}

TEST_F(RunCli, ShowWorksFromTheCatalogWhenTheDaemonIsDown) {
  queue("a", "x");
  must(catalog_->commit());
  const Outcome text = ask({"show", "a"});
  EXPECT_EQ(text.code, 4);
  EXPECT_NE(text.out.find("waybilld is not running: nothing happens to it until it is."),
            std::string::npos)
      << text.out;
  EXPECT_EQ(json::parse(ask({"show", "a", "--json"}).out).at("daemon"), false);
}

TEST_F(RunCli, AFileThatIsNowhereIs1) {
  start();
  const Outcome text = ask({"show", "/etc/passwd"});
  EXPECT_EQ(text.code, 1);
  EXPECT_EQ(text.err,
            "waybill: /etc/passwd is nothing that Waybill knows of; the folder is /srv/inbox\n");
}

TEST_F(RunCli, AFileMayBeNamedLikeACommand) {
  queue("status", "x");
  start();
  EXPECT_TRUE(ask({"show", "status"}).out.starts_with("/srv/inbox/status: queued"))
      << ask({"show", "status"}).err;
}

TEST_F(RunCli, AFileMayBeginWithADash) {
  queue("-rf", "x");
  start();
  const Outcome text = run({"--socket", socket(), "--state-dir", state_dir(), "show", "--", "-rf"});
  EXPECT_TRUE(text.out.starts_with("/srv/inbox/-rf: queued")) << text.err;
}

TEST_F(RunCli, HostileNamesAreShownHarmlessAndFoundAgain) {
  const std::string name = "a\n\x1b[2J\xff b";
  queue(name, "x");
  start();
  const std::string line = ask({"ls"}).out;
  const std::string shown = "/srv/inbox/a\\x0a\\x1b[2J\\xff b";
  EXPECT_TRUE(line.ends_with("  " + shown + "\n")) << line;
  EXPECT_TRUE(ask({"show", shown}).out.starts_with(shown + ": queued"));
  const json file = json::parse(ask({"ls", "--json"}).out).at("files").at(0);
  EXPECT_EQ(as_text(*from_base64(file.at("path_base64").get<std::string>())), name);
}

// --- wait and retry ------------------------------------------------------------------------------

TEST_F(RunCli, WaitIs0WhenAllIsStored) {
  on_wait_ = [](const StartWait& question) {
    question.ticket->update({.started = true, .stored = 3});
  };
  start();
  const Outcome text = ask({"wait"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out, "3 stored, 0 blocked\n");
  EXPECT_EQ(json::parse(ask({"wait", "--json"}).out).at("stored"), 3);
}

TEST_F(RunCli, WaitIs3WhenSomeAreBlocked) {
  on_wait_ = [](const StartWait& question) {
    question.ticket->update({.started = true, .blocked = 1, .stored = 2});
  };
  start();
  const Outcome text = ask({"wait"});
  EXPECT_EQ(text.code, 3);
  EXPECT_EQ(text.out, "2 stored, 1 blocked\n");
}

TEST_F(RunCli, WaitGoesOnUntilTheLastFileIsStored) {
  std::thread coord;
  on_wait_ = [&coord](const StartWait& question) {
    question.ticket->update({.started = true, .remaining = 2});
    coord = std::thread([ticket = question.ticket] {
      ticket->update({.started = true, .remaining = 1, .stored = 1});
      ticket->update({.started = true, .remaining = 0, .stored = 2});
    });
  };
  start();
  EXPECT_EQ(ask({"wait"}).out, "2 stored, 0 blocked\n");
  coord.join();
}

TEST_F(RunCli, WaitGivesUpInTimeAndSaysHowFarItIs) {
  on_wait_ = [](const StartWait& question) {
    question.ticket->update({.started = true, .remaining = 3});
  };
  start();
  const Outcome text = ask({"wait", "--timeout", "500ms"});
  EXPECT_EQ(text.code, 1);
  EXPECT_EQ(text.err,
            "waybill: not within 500ms: 3 files are still on the way; `waybill status` says why\n");
  EXPECT_EQ(json::parse(ask({"wait", "--timeout", "500ms", "--json"}).out).at("done"), false);
}

TEST_F(RunCli, ATimeoutThatIsNoneIsUsage) {
  start();
  EXPECT_EQ(ask({"wait", "--timeout", "soon"}).code, 2);
}

TEST_F(RunCli, WaitForANameThatDoesNotExistIsAMistakeNotASuccess) {
  start();
  const Outcome text = ask({"wait", "/srv/inbox/mistyped.pdf"});
  EXPECT_EQ(text.code, 1);
  EXPECT_EQ(text.err,
            "waybill: /srv/inbox/mistyped.pdf: there is no such file, and Waybill has seen none\n");
}

TEST_F(RunCli, WaitForWhatIsStoredAlreadyIs0) {
  store("a", "x");
  start();
  const Outcome text = ask({"wait", "/srv/inbox/a"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out, "all is stored: nothing was on its way\n");
}

TEST_F(RunCli, WaitAndRetryWithoutTheDaemonAre4) {
  EXPECT_EQ(ask({"wait"}).code, 4);
  EXPECT_EQ(ask({"retry", "--all"}).code, 4);
  EXPECT_EQ(json::parse(ask({"retry", "--all", "--json"}).out).at("error").at("sentence"),
            not_running());
}

TEST_F(RunCli, RetryWantsAPathOrAll) {
  on_retry_ = [this](Retry question) {
    note("retry '" + question.path + "'");
    question.reply.set_value(question.path.empty() ? 2 : 1);
  };
  queue("a", "x");
  start();
  EXPECT_EQ(ask({"retry"}).code, 2);
  EXPECT_EQ(ask({"retry", "a", "--all"}).code, 2);
  EXPECT_EQ(ask({"retry", "--all"}).out, "2 files go again\n");
  EXPECT_EQ(ask({"retry", "a"}).out, "1 file goes again\n");
  EXPECT_EQ(notes(), (std::vector<std::string>{"retry ''", "retry 'a'"}));
}

TEST_F(RunCli, AcceptNamesThePlaceAndSaysWhereNothingIsMissing) {
  on_accept_ = [this](AcceptMount question) {
    note("accept '" + question.path + "'");
    question.reply.set_value(question.path == "m");
  };
  start();
  EXPECT_EQ(ask({"accept"}).code, 2);
  const Outcome done = ask({"accept", "/srv/inbox/m"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "what lies there now is what belongs there\n");
  const Outcome nothing = ask({"accept", "/srv/inbox/n"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_NE(nothing.err.find("nothing is missing there"), std::string::npos) << nothing.err;
  EXPECT_EQ(notes(), (std::vector<std::string>{"accept 'm'", "accept 'n'"}));
}

TEST_F(RunCli, RetryOfNothingSaysSo) {
  start();
  EXPECT_EQ(ask({"retry", "--all"}).out, "nothing was blocked or waiting for another try\n");
}

TEST_F(RunCli, ADeadCoordIs1WithASentence) {
  coord_patience_ = std::chrono::milliseconds(1);
  on_retry_ = [](const Retry&) {};
  start();
  const Outcome text = ask({"retry", "--all"});
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.err.find("waybilld did not answer in time"), std::string::npos) << text.err;
}

// --- configuration -------------------------------------------------------------------------------

TEST_F(RunCli, ARightConfigurationIs0) {
  const std::string file = write("[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = '/a'\n");
  const Outcome text = run({"check-config", "--config", file});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out, file +
                          " is right: 1 folder is watched\n"
                          "a: a file 2026/report.pdf would be s3://abc/2026/report.pdf\n");
  EXPECT_EQ(json::parse(run({"check-config", "--config", file, "--json"}).out).at("configuration"),
            "right");
}

TEST_F(RunCli, AWrongConfigurationIs5EverywhereWhereItWasNamed) {
  const std::string file = write("[s3]\nregoin = 'x'\n");
  const std::string sentence = file + ":2: [s3] regoin: no such key; did you mean region?";
  for (const char* command : {"check-config", "status", "ls", "wait", "version"}) {
    const Outcome text = run({command, "--config", file});
    EXPECT_EQ(text.code, 5) << command;
    EXPECT_EQ(text.err, "waybill: " + sentence + "\n") << command;
  }
  EXPECT_EQ(
      json::parse(run({"check-config", "--config", file, "--json"}).out).at("error").at("sentence"),
      sentence);
}

TEST_F(RunCli, TheConfigurationSaysWhereTheDaemonIs) {
  start();
  const std::string file =
      write("[agent]\nsocket = '" + socket() + "'\nstate_dir = '" + state_dir() + "'\n");
  EXPECT_EQ(run({"status", "--config", file}).code, 0);
}

}  // namespace
}  // namespace waybill::agent::cli
