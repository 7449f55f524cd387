#pragma once

#include <gtest/gtest.h>
#include <cstddef>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/integration/daemon/book.h"
#include "tests/integration/daemon/child.h"
#include "tests/s3server/server.h"

namespace waybill::test {

inline constexpr std::size_t mebibyte = 1U << 20U;

// One section of the configuration, values as TOML writes them.
using Section = std::map<std::string, std::string>;
std::string toml_string(std::string_view text);

struct Answer {
  int code = -1;
  std::string output;
  std::string error;
  // Without regard to case.
  [[nodiscard]] bool says(std::string_view words) const;
};

// What `waybill show FILE --json` tells, as far as a test asks for it.
struct Shown {
  int code = -1;
  bool known = false;
  bool renamed = false;  // the file that had this name has another one now
  std::string state;
  std::string reason;
  std::int64_t generation = 0;
  std::uint64_t size = 0;
  std::string sha256;
  // Its last stored object; `key` empty: none.
  std::string key;
  std::string etag;
  std::string version;
  std::string object_sha256;
  std::uint64_t object_size = 0;
  std::int64_t proof = 0;
};

// What `waybill status --json` tells.
struct StatusSeen {
  struct Folder {
    std::string watched;
    std::int64_t pending = 0;
    std::int64_t uploading = 0;
    std::int64_t stored = 0;
    std::int64_t blocked = 0;
  };
  struct Reason {
    std::string code;
    std::string sentence;
  };
  int code = -1;
  std::map<std::string, Folder> folders;  // by name
  std::vector<Reason> reasons;
  std::string store_state;  // of the first
  bool guarded = false;
  [[nodiscard]] const Reason* reason(std::string_view code) const;
};

// One real daemon on one folder, against a server in this process. What cannot go on throws; the
// rest is told by expectations. At its end a daemon that still runs must stop cleanly, and the
// promises are checked against what the server saw.
class Journey : public ::testing::Test {
 protected:
  Journey();
  ~Journey() override;
  void TearDown() override;

  // --- the server: options and behaviour before its first use ------------------------------------
  s3server::Options server_options;
  s3server::Server& server();
  static constexpr const char* bucket = "drop";
  static constexpr const char* prefix = "in/";
  // "(no object)" where there is none.
  [[nodiscard]] std::string body_at(const std::string& key);
  // Requests of this kind for this key so far; a glob is none of its business.
  [[nodiscard]] std::size_t requests(const std::string& operation, const std::string& key);

  // --- the configuration, written at each start and reload ---------------------------------------
  Section s3;
  Section agent;
  Section folder;
  std::string extra_configuration;  // appended as it is
  void write_config();

  // --- the daemon --------------------------------------------------------------------------------
  std::string daemon_program = WAYBILLD;        // another build of it; all of these before start()
  std::vector<std::string> daemon_environment;  // NAME=VALUE
  // A program and its arguments that become the daemon, with the same process id, as strace -D
  // does.
  std::vector<std::string> daemon_wrapper;
  std::optional<uid_t> user;  // the daemon's
  std::string small_disk;     // size of a disk of its own below the state directory
  void start();               // returns when it says that it is ready
  Child launch();             // does not wait
  void reload();              // returns when it says that it has reloaded
  void stop();                // SIGTERM; it must end with 0
  void kill();                // SIGKILL
  void await_its_end();       // of a daemon that raises SIGKILL on itself
  [[nodiscard]] bool running() const { return daemon_ != nullptr; }
  [[nodiscard]] Child& daemon() { return *daemon_; }
  [[nodiscard]] std::string daemon_log() const;

  // --- the command -------------------------------------------------------------------------------
  // `socket`: of another daemon than ours.
  Answer waybill(const std::vector<std::string>& arguments, const std::string& socket = {});
  Shown show(const std::string& path);
  StatusSeen status();
  std::string state_of(const std::string& path) { return show(path).state; }
  // `waybill wait`, and then every file of the folder is what the catalog and the bucket say.
  void wait_until_all_stored();

  // Both `status` and `show` tell of it, and status has exit code 3.
  testing::AssertionResult told(std::string_view words, const std::string& path);
  testing::AssertionResult becomes(const std::string& path, const std::string& state);
  // The row is stored, and its receipt, the object and the file agree in every particular.
  testing::AssertionResult agrees(const std::string& path);

  // --- the folder --------------------------------------------------------------------------------
  [[nodiscard]] std::string drop_folder() const { return root_.file("drop"); }
  [[nodiscard]] std::string local(const std::string& path) const {
    return drop_folder() + "/" + path;
  }
  [[nodiscard]] std::string control_socket() const { return root_.file("control.sock"); }
  [[nodiscard]] std::string state_directory() const { return root_.file("state"); }
  [[nodiscard]] std::string config_file() const { return root_.file("waybill.toml"); }
  [[nodiscard]] std::string aside(const std::string& name) const { return root_.file(name); }
  // The file appears whole, so no other content of it was ever there. Noted in the book.
  void drop(const std::string& path, std::string_view content);
  void remove(const std::string& path);
  void move(const std::string& from, const std::string& to);
  [[nodiscard]] std::string content(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> files() const;  // below the folder, sorted
  Book book;

 private:
  void buried();
  [[nodiscard]] bool notified(std::string_view word, Milliseconds limit);

  fakes::TemporaryFolder root_;
  std::string notify_name_;
  UniqueFd notify_;
  std::unique_ptr<s3server::Server> server_;
  std::unique_ptr<Child> daemon_;
  int dropped_ = 0;
};

constexpr uid_t nobody = 65534;
bool is_root();
// Reproducible bytes.
std::string bytes(std::size_t size, std::uint64_t seed);

}  // namespace waybill::test
