#include "uploader/credentials.h"

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/mutex.h"
#include "uploader/credentials_fetcher.h"
#include "uploader/credentials_file.h"
#include "uploader/secret_file.h"

namespace waybill::uploader {
namespace {

// Empty and not there are the same to all that is asked here.
std::string variable(const char* name) {
  return environment(name).value_or("");
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
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
  return {.dev = status.st_dev,
          .ino = status.st_ino,
          .size = status.st_size,
          .mtime = nanoseconds(status.st_mtim),
          .ctime = nanoseconds(status.st_ctim)};
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
using Source = std::shared_ptr<CredentialsSource>;
using FoundSource = std::optional<Result<Source>>;

class Fixed final : public CredentialsSource {
 public:
  explicit Fixed(Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<Credentials> get() override { return credentials_; }

 private:
  const Credentials credentials_;
};

Found read_systemd(const Files& files) {
  const auto key = read_secret_file(files.path(0));
  const auto secret = read_secret_file(files.path(1));
  const auto token = read_secret_file(files.path(2));
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

std::string sts_endpoint(const std::string& region) {
  const std::string named = variable("AWS_ENDPOINT_URL_STS");
  if (!named.empty()) return named.ends_with('/') ? named.substr(0, named.size() - 1) : named;
  const char* const domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  return "https://sts." + region + domain;
}

std::string session_name(const std::string& wished) {
  return wished.empty() ? "waybill" : wished;
}

// The container's endpoint as the environment names it; nullopt: it does not.
std::optional<ContainerEndpoint> container_of_environment() {
  const std::string relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::nullopt;
  return ContainerEndpoint{.url = relative.empty() ? full : "http://169.254.170.2" + relative,
                           .token = Secret(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")),
                           .token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")};
}

// Profiles of the two files of AWS's tools, or of the one file that the configuration names.
class Profiles {
 public:
  Profiles(const CredentialsOptions& options, const Clock& clock)
      : named_(!options.credentials_file.empty()),
        region_(options.region),
        instance_metadata_(options.instance_metadata),
        clock_(clock),
        files_(named_ ? std::vector<std::string>{options.credentials_file, ""}
                      : std::vector<std::string>{
                            default_file("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"),
                            default_file("AWS_CONFIG_FILE", "/.aws/config")}) {
    profile_ = options.profile;
    const std::string wished = variable("AWS_PROFILE");
    if (profile_ == "default" && !named_ && !wished.empty()) profile_ = wished;
  }

  // nullopt: there are no such files, or nothing in them.
  const FoundSource& look() {
    if (files_.changed()) found_ = read();
    return found_;
  }
  [[nodiscard]] const std::string& first_file() const { return files_.path(0); }

 private:
  static std::string default_file(const char* name_of_variable, const char* below_home) {
    std::string named = variable(name_of_variable);
    const std::string home = variable("HOME");
    if (!named.empty()) return named;
    return home.empty() ? "" : home + below_home;
  }

  FoundSource read() {
    std::vector<Secret> texts;
    for (const std::size_t i : {0U, 1U}) {
      if (files_.path(i).empty()) continue;
      auto text = read_secret_file(files_.path(i));
      if (text) {
        texts.push_back(std::move(*text));
      } else if (named_ || text.error().code != ErrorCode::SourceGone) {
        return fail(ErrorCode::NeedsPerson,
                    "the credentials file cannot be used: " + text.error().describe());
      }
    }
    if (texts.empty()) return std::nullopt;
    return source_of(texts, profile_, 0);
  }

  FoundSource source_of(const std::vector<Secret>& texts, const std::string& name, int depth) {
    const auto in_words = [this](const Error& error) {
      return fail(ErrorCode::NeedsPerson,
                  "the credentials file " + files_.path(0) + " " + error.message);
    };
    std::optional<Profile> profile;
    std::optional<Error> missing;
    for (const Secret& text : texts) {
      auto found = find_profile(text.reveal(), name);
      if (found) {
        profile = profile ? merged(std::move(*profile), std::move(*found)) : std::move(*found);
      } else {
        missing = std::move(found.error());
      }
    }
    if (!profile) return in_words(*missing);
    if (!profile->leads_somewhere()) {
      // The default profile of AWS's tools is often there for its region alone.
      const bool only_settings =
          !named_ && name == "default" && profile->role_arn.empty() && !profile->has_sso;
      if (only_settings) return std::nullopt;
      return in_words(useless_profile(*profile, name).value());
    }
    return way_of(texts, *profile, name, depth);
  }

  FoundSource way_of(const std::vector<Secret>& texts, const Profile& profile,
                     const std::string& name, int depth) {
    const std::string session = session_name(profile.role_session_name);
    if (!profile.role_arn.empty() && !profile.web_identity_token_file.empty()) {
      return make_fetched_source(web_identity({.sts_endpoint = sts_endpoint(region_),
                                               .role_arn = profile.role_arn,
                                               .session_name = session,
                                               .token_file = profile.web_identity_token_file}),
                                 clock_);
    }
    if (!profile.role_arn.empty() &&
        (!profile.source_profile.empty() || !profile.credential_source.empty())) {
      FoundSource base = base_of(texts, profile, name, depth);
      if (!base || !*base) return base;
      return make_fetched_source(assumed_role({.sts_endpoint = sts_endpoint(region_),
                                               .region = region_,
                                               .role_arn = profile.role_arn,
                                               .session_name = session,
                                               .external_id = profile.external_id},
                                              **base, clock_),
                                 clock_);
    }
    if (!profile.credentials.access_key_id.empty()) {
      return std::make_shared<Fixed>(profile.credentials);
    }
    return make_fetched_source(credential_process(profile.credential_process), clock_);
  }

  // Who assumes a profile's role.
  FoundSource base_of(const std::vector<Secret>& texts, const Profile& profile,
                      const std::string& name, int depth) {
    const auto wrong = [&](const std::string& what) {
      return fail(ErrorCode::NeedsPerson, "the credentials file " + files_.path(0) +
                                              " has in its profile \"" + name + "\" " + what);
    };
    if (profile.source_profile == name) {
      if (profile.credentials.access_key_id.empty()) return wrong("itself as its source_profile");
      return std::make_shared<Fixed>(profile.credentials);
    }
    if (!profile.source_profile.empty()) {
      constexpr int deepest = 5;
      if (depth >= deepest) return wrong("a source_profile that leads round in a circle");
      return source_of(texts, profile.source_profile, depth + 1);
    }
    if (profile.credential_source == "Environment") {
      return std::make_shared<Fixed>(Credentials{variable("AWS_ACCESS_KEY_ID"),
                                                 Secret(variable("AWS_SECRET_ACCESS_KEY")),
                                                 Secret(variable("AWS_SESSION_TOKEN"))});
    }
    if (profile.credential_source == "Ec2InstanceMetadata" && !instance_metadata_.empty()) {
      return make_fetched_source(instance_metadata(instance_metadata_), clock_);
    }
    if (profile.credential_source == "EcsContainer") {
      if (auto container = container_of_environment()) {
        return make_fetched_source(container_endpoint(std::move(*container)), clock_);
      }
    }
    return wrong("a credential_source that this machine does not have");
  }

  // constant after construction
  const bool named_;
  std::string profile_;
  const std::string region_;
  const std::string instance_metadata_;
  const Clock& clock_;

  Files files_;
  FoundSource found_;
};

class Chain final : public CredentialsSource {
 public:
  Chain(const CredentialsOptions& options, const Clock& clock)
      : configured_{options.access_key_id, options.secret_access_key, options.session_token},
        environment_{variable("AWS_ACCESS_KEY_ID"), Secret(variable("AWS_SECRET_ACCESS_KEY")),
                     Secret(variable("AWS_SESSION_TOKEN"))},
        systemd_directory_(options.systemd_directory),
        systemd_files_({systemd_directory_ + "/aws-access-key-id",
                        systemd_directory_ + "/aws-secret-access-key",
                        systemd_directory_ + "/aws-session-token"}),
        profiles_(options, clock) {
    if (!configured_.access_key_id.empty()) return;
    const std::string token_file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = variable("AWS_ROLE_ARN");
    if (!token_file.empty() && !role.empty()) {
      web_identity_ = make_fetched_source(
          web_identity({.sts_endpoint = sts_endpoint(options.region),
                        .role_arn = role,
                        .session_name = session_name(variable("AWS_ROLE_SESSION_NAME")),
                        .token_file = token_file}),
          clock);
    }
    if (auto container = container_of_environment()) {
      machine_ = make_fetched_source(container_endpoint(std::move(*container)), clock);
    } else if (!options.instance_metadata.empty()) {
      machine_ = make_fetched_source(instance_metadata(options.instance_metadata), clock);
    }
  }

  Result<Credentials> get() override {
    if (!configured_.access_key_id.empty()) return configured_;
    const MutexLock lock(mu_);
    used_.reset();
    if (!systemd_directory_.empty()) {
      if (systemd_files_.changed()) systemd_ = read_systemd(systemd_files_);
      if (systemd_) return *systemd_;
    }
    if (!environment_.access_key_id.empty() && !environment_.secret_access_key.empty()) {
      return environment_;
    }
    if (web_identity_) return use(web_identity_);
    if (const FoundSource& profile = profiles_.look()) {
      if (!*profile) return fail(profile->error());
      return use(**profile);
    }
    if (machine_) return use(machine_);
    return none();
  }

  void refused(const Credentials& credentials) override {
    const MutexLock lock(mu_);
    if (used_) used_->refused(credentials);
  }

 private:
  Result<Credentials> use(const Source& source) REQUIRES(mu_) {
    used_ = source;
    return source->get();
  }

  [[nodiscard]] Failure none() const REQUIRES(mu_) {
    std::string places = "the configuration";
    if (!systemd_directory_.empty()) places += ", " + systemd_directory_;
    places += ", AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    if (!profiles_.first_file().empty()) places += ", " + profiles_.first_file();
    return fail(ErrorCode::NeedsPerson, "no credentials for S3 were found in " + places);
  }

  // constant after construction
  const Credentials configured_;
  const Credentials environment_;
  const std::string systemd_directory_;
  Source web_identity_;  // null: none
  Source machine_;       // container endpoint or instance metadata; null: neither

  Mutex mu_;
  Files systemd_files_ GUARDED_BY(mu_);
  Found systemd_ GUARDED_BY(mu_);
  Profiles profiles_ GUARDED_BY(mu_);
  Source used_ GUARDED_BY(mu_);  // which of them gave the last credentials; null: none of these
};

bool file_says_amazon(const char* path) {
  const auto text = read_secret_file(path);
  if (!text) return false;
  std::string line(first_line(text->reveal()));
  for (char& c : line) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return line.find("amazon") != std::string::npos || line.starts_with("ec2");
}

}  // namespace

std::shared_ptr<CredentialsSource> make_credentials(const CredentialsOptions& options,
                                                    const Clock& clock) {
  return std::make_shared<Chain>(options, clock);
}

std::string instance_metadata_of_this_machine() {
  if (variable("AWS_EC2_METADATA_DISABLED") == "true") return {};
  std::string named = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  while (named.ends_with('/')) named.pop_back();
  if (!named.empty()) return named;
  for (const char* path : {"/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/bios_vendor",
                           "/sys/class/dmi/id/bios_version", "/sys/hypervisor/uuid"}) {
    if (file_says_amazon(path)) return "http://169.254.169.254";
  }
  return {};
}

}  // namespace waybill::uploader
