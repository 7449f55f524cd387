#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/daemon/journey.h"

// The programs that bring files to a folder, themselves (WATCHING.md 4, scenario 32). A transfer
// that a test breaks off is so slow that it cannot have ended before.
namespace waybill::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Senders : public Journey {
 protected:
  static constexpr const char* host = "there";
  static constexpr const char* sftp_server = "/usr/lib/openssh/sftp-server";

  Senders() {
    fs::create_directory(aside("source"));
    // What ssh does with the line it is given, on this machine: options, the host, the command.
    std::ofstream(remote_shell()) << "#!/bin/sh\n"
                                     "while [ \"$1\" != "
                                  << host
                                  << " ]; do shift; done\n"
                                     "shift\n"
                                     "[ \"$1\" = sftp ] && exec "
                                  << sftp_server
                                  << "\n"
                                     "exec sh -c \"$*\"\n";
    ::chmod(remote_shell().c_str(), 0755);
  }
  [[nodiscard]] std::string remote_shell() const { return aside("remote-shell"); }
  [[nodiscard]] std::string there(const std::string& path = "") const {
    return host + (":" + local(path));
  }

  // What is to be brought; it becomes what the file of that name has whole.
  std::string source(const std::string& name, std::string_view content) {
    std::string path = aside("source/" + name);
    std::ofstream(path, std::ios::binary) << content;
    book.note(name, content);
    return path;
  }
  std::string batch(std::string_view commands) {
    std::string path = aside("batch");
    std::ofstream(path, std::ios::binary) << commands;
    return path;
  }

  // A program at work. What it says goes into a pipe that all who work for it hold as well: its end
  // is the end of the last of them.
  struct Sender {
    UniqueFd said;
    Child child;
  };
  Sender begin(const std::string& program, const Words& arguments) {
    const std::string pipe = aside("sender.pipe");
    fs::remove(pipe);
    if (::mkfifo(pipe.c_str(), 0600) != 0) throw std::runtime_error("cannot make a pipe");
    UniqueFd said(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    return {.said = std::move(said),
            .child = Child({.program = "/usr/bin/" + program,
                            .arguments = arguments,
                            .output = pipe,
                            .error = pipe})};
  }
  // Its exit code; it and whoever works for it have ended.
  static std::optional<int> end_of(Sender& sender, std::string& said) {
    const std::optional<int> code = sender.child.wait();
    const bool all_ended = eventually([&] {
      std::array<char, 4096> buffer{};
      ssize_t n = 0;
      while ((n = ::read(sender.said.get(), buffer.data(), buffer.size())) > 0) {
        said.append(buffer.data(), static_cast<std::size_t>(n));
      }
      return n == 0;
    });
    EXPECT_TRUE(all_ended) << "somebody still works for it";
    return code;
  }
  void bring(const std::string& program, const Words& arguments) {
    Sender sender = begin(program, arguments);
    std::string said;
    const std::optional<int> code = end_of(sender, said);
    EXPECT_EQ(code, 0) << program << "\n" << said;
  }
  Words rsync(const Words& options) const {
    Words all{"--recursive", "--times", "--rsh=" + remote_shell()};
    all.insert(all.end(), options.begin(), options.end());
    all.push_back(aside("source/"));
    all.push_back(there());
    return all;
  }
  // sftp commands, by a server that is a child of the program.
  Words sftp(const std::string& commands, const Words& options = {}) {
    Words all{"-D", sftp_server, "-b", batch(commands)};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  static void break_off(Sender& sender) {
    sender.child.signal(SIGTERM);
    std::string said;
    const std::optional<int> code = end_of(sender, said);
    ASSERT_TRUE(code) << "it does not end";
    EXPECT_NE(*code, 0) << "it ended before it was broken off\n" << said;
  }

  // A name like this is in the folder, and the daemon has seen and refused it.
  testing::AssertionResult refused(const std::string& name) {
    Answer answer;
    if (eventually([&] { return (answer = waybill({"ls", "--ignored"})).says(name); })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "not refused: " << name << "\n" << answer.output;
  }
  [[nodiscard]] bool arrives(const std::string& path) const {
    return eventually([&] {
      std::error_code none;
      const std::uintmax_t size = fs::file_size(local(path), none);
      return !none && size > 0;
    });
  }

  // The keys that anybody ever asked the server for, in whatever way.
  [[nodiscard]] std::set<std::string> keys_asked_for() {
    std::set<std::string> keys;
    for (const auto& request : server().log()) {
      const bool control = request.key.find("_waybill/") != std::string::npos;
      if (request.bucket == bucket && !request.key.empty() && !control) keys.insert(request.key);
    }
    return keys;
  }
  // Everything of the source is stored as it is there, and nothing else was ever sent.
  void expect_stored(const std::set<std::string>& names) {
    wait_until_all_stored();
    std::set<std::string> keys;
    for (const std::string& name : names) {
      keys.insert(prefix + name);
      EXPECT_EQ(content(name), source_content(name)) << name;
      EXPECT_EQ(body_at(prefix + name), source_content(name)) << name;
    }
    EXPECT_EQ(keys_asked_for(), keys);
    const std::vector<std::string> left = files();
    EXPECT_EQ(std::set<std::string>(left.begin(), left.end()), names);
  }
  [[nodiscard]] std::size_t times_stored(const std::string& name) {
    return server().history(bucket, prefix + name).size();
  }

 private:
  [[nodiscard]] static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] std::string source_content(const std::string& name) const {
    return read(aside("source/" + name));
  }
};

const Words slow_rsync{"--bwlimit=250"};  // KiB a second, where 20 MiB are to be brought
const Words slow_ssh{"-l", "400"};        // Kibit a second

TEST_F(Senders, RsyncBringsFilesAndTheirNextContents) {
  start();
  source("a.csv", bytes(3 * mebibyte, 1));
  source("b.csv", "small");
  bring("rsync", rsync({}));
  expect_stored({"a.csv", "b.csv"});
  source("a.csv", bytes(3 * mebibyte, 1) + "and more");
  bring("rsync", rsync({}));
  expect_stored({"a.csv", "b.csv"});
  EXPECT_EQ(times_stored("a.csv"), 2U);
  EXPECT_EQ(times_stored("b.csv"), 1U);
}

TEST_F(Senders, RsyncsTemporaryNameIsRefusedWhileItIsThere) {
  start();
  source("big.csv", bytes(20 * mebibyte, 2));
  Sender slow = begin("rsync", rsync(slow_rsync));
  EXPECT_TRUE(refused(".big.csv."));
  break_off(slow);
  bring("rsync", rsync({}));
  expect_stored({"big.csv"});
  EXPECT_EQ(times_stored("big.csv"), 1U);
}

TEST_F(Senders, RsyncInplaceOverwritesWhatIsStored) {
  start();
  source("a.csv", bytes(2 * mebibyte, 3));
  bring("rsync", rsync({"--inplace"}));
  expect_stored({"a.csv"});
  source("a.csv", bytes(3 * mebibyte, 4));
  bring("rsync", rsync({"--inplace", "--whole-file"}));
  expect_stored({"a.csv"});
  EXPECT_EQ(times_stored("a.csv"), 2U) << "nothing in between the old and the new content";
}

TEST_F(Senders, RsyncAppendGoesOnWhereTheFileEnds) {
  start();
  const std::string first = bytes(2 * mebibyte, 5);
  source("a.csv", first);
  bring("rsync", rsync({"--append"}));
  expect_stored({"a.csv"});
  source("a.csv", first + bytes(mebibyte, 6));
  bring("rsync", rsync({"--append"}));
  expect_stored({"a.csv"});
  EXPECT_EQ(times_stored("a.csv"), 2U);
}

TEST_F(Senders, RsyncPartialDirIsRefusedUntilTheTransferIsResumed) {
  start();
  source("big.csv", bytes(20 * mebibyte, 7));
  const std::string partial = "--partial-dir=.rsync-partial";
  {
    Sender slow = begin("rsync", rsync({slow_rsync[0], partial}));
    EXPECT_TRUE(refused(".big.csv."));
    // It writes a quarter of a MiB at a time; of nothing it would leave nothing.
    ASSERT_TRUE(eventually([&] {
      return std::any_of(fs::directory_iterator(drop_folder()), fs::directory_iterator(),
                         [](const fs::directory_entry& entry) {
                           std::error_code gone;
                           const std::uintmax_t size = entry.file_size(gone);
                           return entry.path().filename().string().starts_with(".big.csv.") &&
                                  !gone && size > 0;
                         });
    }));
    break_off(slow);
  }
  ASSERT_TRUE(arrives(".rsync-partial/big.csv"));
  EXPECT_TRUE(refused(".rsync-partial"));
  EXPECT_EQ(waybill({"wait"}).code, 0);
  EXPECT_EQ(keys_asked_for(), std::set<std::string>());
  bring("rsync", rsync({partial}));
  expect_stored({"big.csv"});
  EXPECT_EQ(times_stored("big.csv"), 1U);
}

TEST_F(Senders, RsyncDelayUpdatesShowsNothingBeforeAllIsThere) {
  start();
  source("a.csv", bytes(1000, 8));
  source("b.csv", bytes(20 * mebibyte, 9));
  {
    Sender slow = begin("rsync", rsync({slow_rsync[0], "--delay-updates"}));
    ASSERT_TRUE(arrives(".~tmp~/a.csv"));
    EXPECT_TRUE(refused(".~tmp~"));
    break_off(slow);
  }
  EXPECT_EQ(waybill({"wait"}).code, 0);
  EXPECT_EQ(keys_asked_for(), std::set<std::string>());
  bring("rsync", rsync({"--delay-updates"}));
  expect_stored({"a.csv", "b.csv"});
  EXPECT_EQ(times_stored("a.csv") + times_stored("b.csv"), 2U);
}

TEST_F(Senders, ScpBringsFilesInBothOfItsProtocols) {
  start();
  for (const char* protocol : {"-s", "-O"}) {
    const std::string name = std::string("by scp ") + protocol;
    source(name, bytes(3 * mebibyte, 10));
    // The old protocol leaves the name to a shell at the other end.
    bring("scp", {protocol, "-q", "-p", "-S", remote_shell(), aside("source/" + name),
                  there(protocol == std::string("-O") ? "" : name)});
  }
  expect_stored({"by scp -O", "by scp -s"});
}

TEST_F(Senders, SftpWritesUnderTheFinalNameAndIsWaitedFor) {
  start();
  source("a.iso", bytes(20 * mebibyte, 11));
  const std::string put = "put " + aside("source/a.iso") + " " + local("a.iso") + "\n";
  {
    Sender slow = begin("sftp", sftp(put, slow_ssh));
    // As long as it writes, only the open file tells that more will come.
    EXPECT_TRUE(eventually([&] {
      return waybill({"show", local("a.iso")}).says("open for writing");
    }));
    EXPECT_EQ(keys_asked_for(), std::set<std::string>());
    // The file is taken away first: what is broken off here is no content of it.
    remove("a.iso");
    break_off(slow);
  }
  bring("sftp", sftp(put));
  expect_stored({"a.iso"});
  EXPECT_EQ(times_stored("a.iso"), 1U);
}

// That more would come nobody could see: what is there is stored, then the whole, under one key.
TEST_F(Senders, SftpResumesWhatWasBrokenOff) {
  start();
  const std::string whole = bytes(20 * mebibyte, 12);
  source("a.iso", whole);
  const std::string names = aside("source/a.iso") + " " + local("a.iso") + "\n";
  {
    Sender slow = begin("sftp", sftp("put " + names, slow_ssh));
    ASSERT_TRUE(arrives("a.iso"));
    break_off(slow);
  }
  EXPECT_TRUE(becomes("a.iso", "stored"));
  const std::string part = content("a.iso");
  ASSERT_LT(part.size(), whole.size());
  book.note("a.iso", part);
  bring("sftp", sftp("reput " + names));
  expect_stored({"a.iso"});
  EXPECT_EQ(times_stored("a.iso"), 2U);
}

TEST_F(Senders, SftpResumesAndOnlyTheMarkedWholeIsStored) {
  folder["complete"] = toml_string("marker");
  start();
  source("a.iso", bytes(20 * mebibyte, 13));
  std::ofstream(aside("source/a.iso.done")) << "";
  const std::string names = aside("source/a.iso") + " " + local("a.iso") + "\n";
  {
    Sender slow = begin("sftp", sftp("put " + names, slow_ssh));
    ASSERT_TRUE(arrives("a.iso"));
    break_off(slow);
  }
  EXPECT_TRUE(eventually([&] {
    return waybill({"show", local("a.iso")}).says("it waits for its marker");
  }));
  bring("sftp", sftp("reput " + names + "put " + aside("source/a.iso.done") + " " +
                     local("a.iso.done") + "\n"));
  EXPECT_TRUE(becomes("a.iso", "stored"));
  EXPECT_TRUE(agrees("a.iso"));
  EXPECT_EQ(keys_asked_for(), std::set<std::string>{"in/a.iso"});
  EXPECT_EQ(times_stored("a.iso"), 1U);
}

TEST_F(Senders, CurlWritesUnderTheFinalName) {
  server_options.buckets.emplace_back("source");
  start();
  const std::string content = bytes(3 * mebibyte, 14);
  source("a.iso", content);
  server().put_object("source", "a.iso", content);
  bring("curl", {"--fail", "--silent", "--show-error", "--noproxy", "*", "--aws-sigv4",
                 "aws:amz:us-east-1:s3", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--user",
                 server_options.access_key + ":" + server_options.secret_key, "-o", local("a.iso"),
                 server().url() + "/source/a.iso"});
  expect_stored({"a.iso"});
}

TEST_F(Senders, CurlResumesWhatWasBrokenOff) {
  start();
  const std::string whole = bytes(3 * mebibyte, 15);
  source("a.iso", whole);
  drop("a.iso", whole.substr(0, mebibyte));
  wait_until_all_stored();
  bring("curl", {"--fail", "--silent", "--show-error", "-C", "-", "-o", local("a.iso"),
                 "file://" + aside("source/a.iso")});
  expect_stored({"a.iso"});
  EXPECT_EQ(times_stored("a.iso"), 2U);
}

}  // namespace
}  // namespace waybill::test
