#include "tests/integration/daemon/journey.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/bytes.h"

namespace waybill::test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + printable(path));
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

void write_section(std::ostream& to, const char* head, const Section& section) {
  to << head << "\n";
  for (const auto& [key, value] : section) to << key << " = " << value << "\n";
}

// An abstract name: no file, so no permission stands between a daemon of another user and us.
UniqueFd notify_socket(std::string& name) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  static int count = 0;
  name = "waybill-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    throw std::runtime_error("cannot bind the notification socket");
  }
  return fd;
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

bool is_root() {
  return ::geteuid() == 0;
}

std::string bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string all;
  all.reserve(size + sizeof(std::uint64_t));
  while (all.size() < size) {
    const std::uint64_t word = engine();
    all.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  all.resize(size);
  return all;
}

bool Answer::says(std::string_view words) const {
  return lower(output + error).find(lower(words)) != std::string::npos;
}

// --- set-up and end ------------------------------------------------------------------------------

Journey::Journey() : notify_(notify_socket(notify_name_)) {
  ::chmod(root_.path().c_str(), 0755);
  fs::create_directory(drop_folder());
  fs::create_directory(state_directory());
  fs::create_directory(root_.file("staging"));
  server_options.buckets = {bucket};
  s3 = {{"bucket", toml_string(bucket)},
        {"region", toml_string("us-east-1")},
        {"path_style", "true"},
        {"access_key_id", toml_string(server_options.access_key)},
        {"secret_access_key", toml_string(server_options.secret_key)}};
  agent = {{"name", toml_string("tester")}, {"log_level", toml_string("debug")}};
  folder = {{"name", toml_string("drop")},
            {"path", toml_string(drop_folder())},
            {"prefix", toml_string(prefix)},
            {"settle", toml_string("50ms")},
            {"settle_nolease", toml_string("200ms")}};
}

Journey::~Journey() = default;

void Journey::TearDown() {
  if (running() && !daemon_->ended()) {
    stop();
  } else if (running()) {
    ADD_FAILURE() << "the daemon ended by itself with " << *daemon_->wait();
  }
  if (server_) {
    for (const std::string& complaint : book.complaints(*server_, bucket, prefix)) {
      ADD_FAILURE() << complaint;
    }
  }
  if (HasFailure()) {
    std::cerr << "--- the daemon's log\n" << daemon_log() << "--- end of the daemon's log\n";
  }
}

s3server::Server& Journey::server() {
  if (!server_) server_ = std::make_unique<s3server::Server>(server_options);
  return *server_;
}

std::string Journey::body_at(const std::string& key) {
  const auto object = server().object(bucket, key);
  return object ? object->body : "(no object)";
}

std::size_t Journey::requests(const std::string& operation, const std::string& key) {
  const auto log = server().log();
  return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), [&](const auto& request) {
    return request.operation == operation && request.key == key;
  }));
}

void Journey::write_config() {
  if (!s3.contains("endpoint")) s3["endpoint"] = toml_string(server().url());
  std::ostringstream text;
  write_section(text, "[s3]", s3);
  write_section(text, "[agent]", agent);
  if (!folder.empty()) write_section(text, "[[folder]]", folder);
  text << extra_configuration;
  write_file(config_file(), text.str());
  ::chmod(config_file().c_str(), 0640);
  if (user && ::chown(config_file().c_str(), *user, *user) != 0) {
    throw std::runtime_error("cannot give the configuration away");
  }
}

// --- the daemon ----------------------------------------------------------------------------------

Child Journey::launch() {
  if (user) {
    for (const std::string& path : {state_directory(), root_.path()}) {
      if (::chown(path.c_str(), *user, *user) != 0) {
        throw std::runtime_error("cannot give " + path + " away");
      }
    }
  }
  std::vector<std::string> line = daemon_wrapper;
  for (const std::string& word :
       {daemon_program, std::string("--config"), config_file(), std::string("--state-dir"),
        state_directory(), std::string("--socket"), control_socket()}) {
    line.push_back(word);
  }
  std::vector<std::string> environment = daemon_environment;
  environment.push_back("NOTIFY_SOCKET=@" + notify_name_);
  return Child({.program = line.front(),
                .arguments = {line.begin() + 1, line.end()},
                .environment = environment,
                .error = root_.file("daemon.log"),
                .user = user,
                .small_disk = small_disk.empty() ? "" : state_directory(),
                .small_disk_size = small_disk});
}

void Journey::start() {
  write_config();
  daemon_ = std::make_unique<Child>(launch());
  if (!notified("READY=1", patience)) {
    throw std::runtime_error("the daemon does not become ready");
  }
}

bool Journey::notified(std::string_view word, Milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::array<char, 4096> buffer{};
  while (true) {
    std::array<pollfd, 2> waiting{{{notify_.get(), POLLIN, 0}, {daemon_->pidfd(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(waiting.data(), waiting.size(),
                             static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready <= 0) return false;
    if ((waiting[0].revents & POLLIN) == 0) return false;  // it has ended
    const ssize_t n = ::recv(notify_.get(), buffer.data(), buffer.size(), 0);
    if (n > 0 && std::string_view(buffer.data(), static_cast<std::size_t>(n)).find(word) !=
                     std::string_view::npos) {
      return true;
    }
  }
}

void Journey::reload() {
  write_config();
  daemon_->signal(SIGHUP);
  if (!notified("RELOADING=1", patience) || !notified("READY=1", patience)) {
    throw std::runtime_error("the daemon does not reload");
  }
}

void Journey::stop() {
  daemon_->signal(SIGTERM);
  const std::optional<int> code = daemon_->wait();
  EXPECT_EQ(code, 0) << "the daemon did not stop cleanly";
  daemon_.reset();
}

void Journey::kill() {
  daemon_->signal(SIGKILL);
  daemon_->wait();
  buried();
}

void Journey::await_its_end() {
  constexpr int killed = 128 + SIGKILL;
  EXPECT_EQ(daemon_->wait(), killed) << "the daemon did not reach its end";
  if (!daemon_->ended()) daemon_->signal(SIGKILL);
  daemon_->wait();
  buried();
}

void Journey::buried() {
  daemon_.reset();
  // What it said before its end is not to be taken for its successor's word.
  std::array<char, 4096> buffer{};
  while (::recv(notify_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
  }
}

std::string Journey::daemon_log() const {
  return read_file(root_.file("daemon.log"));
}

// --- the command ---------------------------------------------------------------------------------

Answer Journey::waybill(const std::vector<std::string>& arguments, const std::string& socket) {
  // A configuration that is named is meant, so a wrong one is an error; where daemon and catalog
  // are is all that the other commands need.
  std::vector<std::string> all{"--state-dir", state_directory(), "--socket",
                               socket.empty() ? control_socket() : socket};
  if (arguments.front() == "check-config") all.insert(all.begin(), {"--config", config_file()});
  all.insert(all.end(), arguments.begin(), arguments.end());
  const std::string output = root_.file("waybill.out");
  const std::string error = root_.file("waybill.err");
  for (const std::string& file : {output, error}) fs::remove(file);
  Child command({.program = WAYBILL, .arguments = all, .output = output, .error = error});
  const std::optional<int> code = command.wait(2 * patience);
  if (!code) throw std::runtime_error("waybill " + arguments.front() + " does not end");
  return {.code = *code, .output = read_file(output), .error = read_file(error)};
}

void Journey::wait_until_all_stored() {
  const Answer wait = waybill({"wait"});
  EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  // Nothing is asked again here: what `wait` promised must hold at its return.
  for (const std::string& path : files()) EXPECT_TRUE(agrees(path));
}

testing::AssertionResult Journey::told(std::string_view words, const std::string& path) {
  Answer status;
  Answer shown;
  const bool said = eventually([&] {
    status = waybill({"status"});
    shown = waybill({"show", "--", path.starts_with("/") ? path : local(path)});
    return status.code == 3 && status.says(words) && shown.says(words);
  });
  if (said) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "nobody says \"" << words << "\"; status (exit code " << status.code << "):\n"
         << status.output << status.error << "\nshow " << printable(path) << " (exit code "
         << shown.code << "):\n"
         << shown.output << shown.error;
}

testing::AssertionResult Journey::becomes(const std::string& path, const std::string& state) {
  Shown shown;
  if (eventually([&] { return (shown = show(path)).state == state; })) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << printable(path) << " is not " << state << " but "
                                     << shown.state << " (" << shown.reason << ")";
}

testing::AssertionResult Journey::agrees(const std::string& path) {
  const auto differs = [&](const std::string& what, const auto& a, const auto& b) {
    return testing::AssertionFailure()
           << printable(path) << ": " << what << ": " << a << " and " << b;
  };
  const Shown shown = show(path);
  if (shown.state != "stored") return differs("the state", shown.state, shown.reason);
  const auto object = server().object(bucket, shown.key);
  if (!object) return differs("there is no object", shown.key, shown.etag);
  const std::string disk = content(path);
  const std::string sha256 = sha256_hex(object->body);
  if (object->body != disk) return differs("the bytes", object->body.size(), disk.size());
  if (shown.object_sha256 != sha256) return differs("sha256", shown.object_sha256, sha256);
  if (shown.object_size != disk.size()) return differs("size", shown.object_size, disk.size());
  std::string etag = shown.etag;
  std::erase(etag, '"');
  if (etag != object->etag) return differs("etag", etag, object->etag);
  if (shown.version != object->version) return differs("version", shown.version, object->version);
  if (shown.proof < 1) return differs("the proof level", shown.proof, 1);
  const auto meta = [&](const char* name) {
    const auto found = object->metadata.find(name);
    return found == object->metadata.end() ? std::string() : found->second;
  };
  if (meta("waybill-attempt").size() != 32) return differs("attempt", meta("waybill-attempt"), "");
  if (!meta("waybill-sha256").empty() && meta("waybill-sha256") != sha256) {
    return differs("the metadata's sha256", meta("waybill-sha256"), sha256);
  }
  if (meta("waybill-generation") != std::to_string(shown.generation)) {
    return differs("generation", meta("waybill-generation"), shown.generation);
  }
  return testing::AssertionSuccess();
}

// --- the folder ----------------------------------------------------------------------------------

void Journey::drop(const std::string& path, std::string_view content) {
  const std::string staged = root_.file("staging/" + std::to_string(++dropped_));
  write_file(staged, content);
  book.note(path, content);
  const auto parent = fs::path(local(path)).parent_path();
  fs::create_directories(parent);
  fs::rename(staged, local(path));
}

void Journey::remove(const std::string& path) {
  if (!fs::remove(local(path))) throw std::runtime_error("there is no " + printable(path));
}

void Journey::move(const std::string& from, const std::string& to) {
  book.note(to, content(from));
  fs::create_directories(fs::path(local(to)).parent_path());
  fs::rename(local(from), local(to));
}

std::string Journey::content(const std::string& path) const {
  return read_file(local(path));
}

std::vector<std::string> Journey::files() const {
  std::vector<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(drop_folder())) {
    if (entry.is_regular_file() && !entry.is_symlink()) {
      all.push_back(entry.path().lexically_relative(drop_folder()).string());
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace waybill::test
