#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "base/unique_fd.h"
#include "uploader/credentials_fetcher.h"

extern char** environ;

namespace waybill::uploader {
namespace {

constexpr std::size_t most_output = 64U << 10U;
constexpr auto patience = std::chrono::minutes(1);
constexpr int look_every = 200;  // ms, at whether to stop

// A program in a process group of its own; both end with this object.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Its status once it has ended. What it left running in the background is not ours to end.
  std::optional<int> ended() {
    if (status_) return status_;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = 0;
    status_ = status;
    return status_;
  }

 private:
  void wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  pid_t pid_;
  std::optional<int> status_;
};

struct SpawnSettings {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

class Process final : public CredentialsFetcher {
 public:
  explicit Process(std::string command) : command_(std::move(command)) {}

  Result<FetchedCredentials> fetch(const std::atomic<bool>& stop) override {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("make a pipe", errno));
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);

    SpawnSettings settings;
    ::posix_spawn_file_actions_adddup2(&settings.files, writing.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&settings.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    // The daemon blocks signals for its signal descriptor; a program expects none blocked.
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&settings.attributes, &none);
    ::posix_spawnattr_setpgroup(&settings.attributes, 0);
    ::posix_spawnattr_setflags(&settings.attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    std::string shell = "sh";
    std::string option = "-c";
    std::string command = command_;
    std::array<char*, 4> arguments{shell.data(), option.data(), command.data(), nullptr};
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, "/bin/sh", &settings.files, &settings.attributes,
                                     arguments.data(), environ);
    if (failed != 0) return fail(system_error("start the credential_process", failed));
    Child child(pid);
    writing = UniqueFd();

    std::string output(most_output, '\0');
    auto result = read_all(reading.get(), output, stop, child);
    ::explicit_bzero(output.data(), output.size());
    return result;
  }

 private:
  static Result<FetchedCredentials> read_all(int fd, std::string& output,
                                             const std::atomic<bool>& stop, Child& child) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::size_t length = 0;
    // Until it has ended and its pipe is empty: what it left running in the background may hold the
    // pipe open, and it may close the pipe long before it ends.
    bool open = true;
    std::optional<int> status;
    while (open || !status) {
      if (!status) status = child.ended();
      if (stop) return fail(ErrorCode::RetryLater, "the credential_process was ended");
      if (std::chrono::steady_clock::now() > deadline) {
        return fail(ErrorCode::RetryLater, "the credential_process gave no answer in a minute");
      }
      pollfd wanted{.fd = open ? fd : -1, .events = POLLIN, .revents = 0};
      if (::poll(&wanted, 1, status ? 0 : look_every) <= 0) {
        if (status) break;
        continue;
      }
      if (length == output.size()) {
        return fail(ErrorCode::NeedsPerson, "the credential_process printed too much");
      }
      const ssize_t got = ::read(fd, output.data() + length, output.size() - length);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(system_error("read from the credential_process", errno));
      if (got == 0) open = false;
      length += static_cast<std::size_t>(got);
    }
    if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
      return fail(ErrorCode::NeedsPerson,
                  "the credential_process failed" +
                      (WIFEXITED(*status) ? " with status " + std::to_string(WEXITSTATUS(*status))
                                          : std::string()));
    }
    auto parsed = parse_process_credentials(std::string_view(output.data(), length));
    if (parsed) return parsed;
    return fail(ErrorCode::NeedsPerson, "the credential_process: " + parsed.error().message);
  }

  const std::string command_;
};

}  // namespace

std::unique_ptr<CredentialsFetcher> credential_process(std::string command) {
  return std::make_unique<Process>(std::move(command));
}

}  // namespace waybill::uploader
