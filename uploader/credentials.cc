#include "uploader/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "uploader/credentials_file.h"

namespace waybill::uploader {
namespace {

std::string environment(const char* name) {
  const char* const value = ::getenv(name);
  return value == nullptr ? "" : value;
}

// What changes when somebody writes or replaces a file.
struct FileVersion {
  dev_t dev = 0;
  ino_t ino = 0;
  off_t size = -1;  // -1: not there
  std::int64_t mtime = 0;
  std::int64_t ctime = 0;
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileVersion version_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {.dev = status.st_dev,
          .ino = status.st_ino,
          .size = status.st_size,
          .mtime = nanoseconds(status.st_mtim),
          .ctime = nanoseconds(status.st_ctim)};
}

// Errors: as the system call that failed.
Result<Secret> read_file(const std::string& path) {
  constexpr std::size_t most = 64U << 10U;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail(system_error("open " + path, errno));
  std::string text(most, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read " + path, errno));
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  Secret secret(std::string_view(text.data(), length));
  ::explicit_bzero(text.data(), text.size());
  return secret;
}

std::string_view first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

// Files that credentials are read from, read again only when one of them has changed.
class Files {
 public:
  explicit Files(std::vector<std::string> paths)
      : paths_(std::move(paths)), versions_(paths_.size()) {}

  // Before they are read: a change in between is then seen at the next look.
  bool changed() {
    bool any = !looked_;
    looked_ = true;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      const FileVersion now = version_of(paths_[i]);
      any = any || now != versions_[i];
      versions_[i] = now;
    }
    return any;
  }
  [[nodiscard]] const std::string& path(std::size_t i) const { return paths_[i]; }

 private:
  std::vector<std::string> paths_;
  std::vector<FileVersion> versions_;
  bool looked_ = false;
};

// From one place in the order; nullopt: nothing there, look further.
using Found = std::optional<Result<Credentials>>;

Found read_systemd(const Files& files) {
  const auto key = read_file(files.path(0));
  const auto secret = read_file(files.path(1));
  const auto token = read_file(files.path(2));
  const auto absent = [](const Result<Secret>& file) {
    return !file && file.error().code == ErrorCode::SourceGone;
  };
  if (absent(key) && absent(secret)) return std::nullopt;
  for (const auto* file : {&key, &secret, &token}) {
    if (!*file && !(file == &token && absent(token))) {
      return fail(ErrorCode::NeedsPerson,
                  "a systemd credential cannot be used: " + file->error().describe());
    }
  }
  Credentials credentials{.access_key_id = std::string(first_line(key->reveal())),
                          .secret_access_key = Secret(first_line(secret->reveal()))};
  if (token) credentials.session_token = Secret(first_line(token->reveal()));
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return fail(ErrorCode::NeedsPerson,
                "a systemd credential is empty: aws-access-key-id and "
                "aws-secret-access-key must both have a value");
  }
  return credentials;
}

Found read_profile(const std::string& path, const std::string& profile, bool asked_for) {
  const auto text = read_file(path);
  if (!text && !asked_for && text.error().code == ErrorCode::SourceGone) return std::nullopt;
  if (!text) {
    return fail(ErrorCode::NeedsPerson,
                "the credentials file cannot be used: " + text.error().describe());
  }
  auto credentials = parse_credentials_file(text->reveal(), profile);
  if (credentials) return credentials;
  return fail(ErrorCode::NeedsPerson,
              "the credentials file " + path + " " + credentials.error().message);
}

class Chain final : public CredentialsSource {
 public:
  explicit Chain(CredentialsOptions options)
      : profile_(std::move(options.profile)),
        file_was_named_(!options.credentials_file.empty()),
        configured_{std::move(options.access_key_id), std::move(options.secret_access_key),
                    std::move(options.session_token)},
        environment_{environment("AWS_ACCESS_KEY_ID"), Secret(environment("AWS_SECRET_ACCESS_KEY")),
                     Secret(environment("AWS_SESSION_TOKEN"))},
        systemd_directory_(std::move(options.systemd_directory)),
        systemd_files_({systemd_directory_ + "/aws-access-key-id",
                        systemd_directory_ + "/aws-secret-access-key",
                        systemd_directory_ + "/aws-session-token"}),
        file_({file_was_named_ ? std::move(options.credentials_file) : default_file()}) {}

  Result<Credentials> get() override {
    if (!configured_.access_key_id.empty()) return configured_;
    const MutexLock lock(mu_);
    if (!systemd_directory_.empty()) {
      if (systemd_files_.changed()) systemd_ = read_systemd(systemd_files_);
      if (systemd_) return *systemd_;
    }
    if (!environment_.access_key_id.empty() && !environment_.secret_access_key.empty()) {
      return environment_;
    }
    if (!file_.path(0).empty()) {
      if (file_.changed()) from_file_ = read_profile(file_.path(0), profile_, file_was_named_);
      if (from_file_) return *from_file_;
    }
    return none();
  }

 private:
  static std::string default_file() {
    const std::string home = environment("HOME");
    return home.empty() ? "" : home + "/.aws/credentials";
  }

  [[nodiscard]] Failure none() const REQUIRES(mu_) {
    std::string places = "the configuration";
    if (!systemd_directory_.empty()) places += ", " + systemd_directory_;
    places += ", AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    if (!file_.path(0).empty()) places += ", " + file_.path(0);
    return fail(ErrorCode::NeedsPerson, "no credentials for S3 were found in " + places);
  }

  // constant after construction
  const std::string profile_;
  const bool file_was_named_;
  const Credentials configured_;
  const Credentials environment_;
  const std::string systemd_directory_;

  Mutex mu_;
  Files systemd_files_ GUARDED_BY(mu_);
  Found systemd_ GUARDED_BY(mu_);
  Files file_ GUARDED_BY(mu_);
  Found from_file_ GUARDED_BY(mu_);
};

}  // namespace

std::shared_ptr<CredentialsSource> make_credentials(CredentialsOptions options) {
  return std::make_shared<Chain>(std::move(options));
}

}  // namespace waybill::uploader
