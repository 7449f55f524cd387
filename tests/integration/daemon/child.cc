#include "tests/integration/daemon/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace waybill::test {
namespace {

std::vector<std::string> environment_for(const Child::Command& command) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    constexpr auto ours_alone = std::to_array<std::string_view>(
        {"AWS_", "NOTIFY_SOCKET=", "WATCHDOG_", "CREDENTIALS_DIRECTORY=", "SSL_CERT_",
         "http_proxy=", "https_proxy=", "HTTPS_PROXY=", "ALL_PROXY=", "all_proxy="});
    bool keep = true;
    for (const std::string_view prefix : ours_alone) keep = keep && !text.starts_with(prefix);
    if (keep) all.emplace_back(text);
  }
  all.insert(all.end(), command.environment.begin(), command.environment.end());
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (std::string& text : strings) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// --- between fork and exec: system calls only ----------------------------------------------------

[[noreturn]] void refuse(const char* doing) {
  constexpr std::string_view why = " failed before the program could start\n";
  [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, doing, std::strlen(doing));
  ignored = ::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(127);
}

void redirect(const char* path, int to) {
  if (*path == '\0') return;
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0 || ::dup2(fd, to) < 0) refuse("opening its output");
}

void write_text(const char* path, const char* text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t ignored = ::write(fd, text, std::strlen(text));
  ::close(fd);
}

void mount_small_disk(const char* directory, const char* options, const char* uid_map) {
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) refuse("a mount namespace of its own");
    write_text("/proc/self/uid_map", uid_map);
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("small", directory, "tmpfs", 0, options) != 0) {
    refuse("mounting a small disk");
  }
}

}  // namespace

void pause_between_questions() {
  constexpr int milliseconds = 5;
  ::poll(nullptr, 0, milliseconds);
}

Child::Child(Command command) {
  std::vector<std::string> arguments = command.arguments;
  arguments.insert(arguments.begin(), command.program);
  std::vector<std::string> environment = environment_for(command);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const std::string disk_options = "mode=0755,size=" + command.small_disk_size;
  const std::string uid_map =
      std::to_string(::geteuid()) + " " + std::to_string(::geteuid()) + " 1";
  // Opened by us: another user may not be allowed to reach a program in a build directory.
  const UniqueFd program(::open(command.program.c_str(), O_RDONLY | O_CLOEXEC));
  if (!program.valid()) throw std::runtime_error("there is no program " + command.program);
  const pid_t parent = ::getpid();

  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    redirect(command.output.c_str(), STDOUT_FILENO);
    redirect(command.error.c_str(), STDERR_FILENO);
    if (!command.small_disk.empty()) {
      mount_small_disk(command.small_disk.c_str(), disk_options.c_str(), uid_map.c_str());
    }
    if (command.user && (::setgroups(0, nullptr) != 0 || ::setgid(*command.user) != 0 ||
                         ::setuid(*command.user) != 0)) {
      refuse("becoming another user");
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::fexecve(program.get(), argv.data(), envp.data());
    refuse("exec");
  }
  pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

Child::~Child() {
  if (pid_ < 0 || !pidfd_.valid() || ended()) return;
  ::kill(pid_, SIGKILL);
  wait();
}

void Child::signal(int signal) const {
  ::kill(pid_, signal);
}

std::optional<int> Child::wait(Milliseconds limit) {
  if (code_) return code_;
  pollfd end{pidfd_.get(), POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&end, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready > 0) break;
    if (ready == 0) return std::nullopt;
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  constexpr int by_signal = 128;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : by_signal + WTERMSIG(status);
  return code_;
}

std::string Child::seen_from_here(const std::string& path) const {
  return "/proc/" + std::to_string(pid_) + "/root" + path;
}

}  // namespace waybill::test
