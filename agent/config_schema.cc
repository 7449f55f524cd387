#include "agent/config_schema.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <utility>

#include "agent/config_bandwidth.h"
#include "agent/config_reader.h"
#include "agent/config_rules.h"
#include "agent/config_wishes.h"
#include "base/bytes.h"
#include "uploader/key.h"
#include "watcher/ignore_rules.h"
#include "watcher/marker.h"

namespace waybill::agent {
namespace {

constexpr auto s3_keys = std::to_array<std::string_view>({"endpoint",
                                                          "region",
                                                          "bucket",
                                                          "path_style",
                                                          "ca_file",
                                                          "insecure_http",
                                                          "access_key_id",
                                                          "secret_access_key",
                                                          "session_token",
                                                          "credentials_file",
                                                          "profile",
                                                          "proxy",
                                                          "dual_stack",
                                                          "fips",
                                                          "accelerate",
                                                          "checksum",
                                                          "part_size",
                                                          "sse",
                                                          "sse_kms_key_id",
                                                          "sse_bucket_key",
                                                          "sse_customer_key_file",
                                                          "storage_class",
                                                          "acl",
                                                          "cache_control",
                                                          "content_type",
                                                          "tagging",
                                                          "metadata",
                                                          "object_lock",
                                                          "object_lock_for",
                                                          "legal_hold",
                                                          "requester_pays",
                                                          "expected_bucket_owner"});
constexpr auto agent_keys = std::to_array<std::string_view>(
    {"name", "state_dir", "socket", "log_level", "uploads", "memory", "bandwidth",
     "bandwidth_schedule", "keep_history", "mime_types"});
constexpr auto folder_keys = std::to_array<std::string_view>(
    {"name",         "path",    "prefix",         "prefix_as_is",   "key",
     "complete",     "marker",  "arrived_unseen", "settle",         "settle_nolease",
     "stuck_after",  "rescan",  "lease",          "poll",           "one_filesystem",
     "prove_events", "initial", "after_upload",   "on_replace",     "on_rename",
     "order",        "ignore",  "posix_metadata", "xattr_metadata", "sidecar"});
// What DESIGN.md and its companions promise for later; silence would be worse than a refusal.
constexpr auto later_s3_keys = std::to_array<std::string_view>({"ip_version", "parts"});
constexpr auto later_folder_keys = std::to_array<std::string_view>({"on_object_missing"});

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "waybill";
  return name.data();
}

// Names go into keys and into S3 metadata.
void check_name(const SectionReader& section, std::string_view key, const std::string& name) {
  const ConfigValue* value = section.find(key);
  if (value == nullptr) return;
  if (name.size() > 128) section.wrong(*value, "longer than 128 bytes");
  if (name.find('/') != std::string::npos || printable(name) != name) {
    section.wrong(*value, "a name has no slash, backslash or control character");
  }
}

void check_bucket(const SectionReader& section, const S3Config& s3) {
  const ConfigValue* value = section.find("bucket");
  if (value == nullptr || s3.bucket.empty()) return;
  if (s3.bucket.starts_with("s3://") || s3.bucket.find('/') != std::string::npos) {
    section.wrong(
        *value,
        "the bucket's name alone, please; what follows a slash belongs into the folder's prefix");
    return;
  }
  const auto all = [&s3](auto&& right) {
    return std::all_of(s3.bucket.begin(), s3.bucket.end(), right);
  };
  if (!all([](unsigned char c) {
        return c > ' ' && c < 0x7F && c != '\\' && c != '?' && c != '#' && c != '%';
      })) {
    section.wrong(*value, "a bucket's name has no spaces or special characters");
    return;
  }
  // Servers other than AWS know older and looser names.
  const bool strict = s3.endpoint.empty();
  const auto lower = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  if (strict && (!all(lower) || s3.bucket.size() < 3 || s3.bucket.size() > 63)) {
    section.wrong(*value,
                  "a bucket at AWS has 3 to 63 lower-case letters, digits, dots and hyphens");
  }
}

void check_region(const SectionReader& section, const std::string& region) {
  const ConfigValue* value = section.find("region");
  const auto right = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  if (value != nullptr && !std::all_of(region.begin(), region.end(), right)) {
    section.wrong(*value, "a region is written like \"eu-central-1\"");
  }
}

void check_credentials(const SectionReader& section, const S3Config& s3) {
  const ConfigValue* id = section.find("access_key_id");
  const ConfigValue* secret = section.find("secret_access_key");
  const ConfigValue* token = section.find("session_token");
  if (id != nullptr && secret == nullptr) {
    section.wrong(*id, "secret_access_key is missing beside it");
  } else if (id == nullptr && (secret != nullptr || token != nullptr)) {
    section.refuse(secret != nullptr ? *secret : *token, "access_key_id is missing beside it");
  }
  const ConfigValue* profile = section.find("profile");
  if (profile != nullptr && !s3.access_key_id.empty()) {
    section.wrong(*profile, "access_key_id is set too and would win: keep one of the two");
  }
}

// `table` may have folder keys as well; they are left to their own reader.
S3Config read_s3(const ConfigTable& table, Findings& findings) {
  const SectionReader section(table, findings);
  S3Config s3;
  take(section.non_empty("endpoint"), s3.endpoint);
  take(section.non_empty("region"), s3.region);
  take(section.non_empty("bucket"), s3.bucket);
  take(section.path("ca_file"), s3.ca_file);
  take(section.secret("access_key_id"), s3.access_key_id);
  if (auto secret = section.secret("secret_access_key")) s3.secret_access_key = Secret(*secret);
  if (auto token = section.secret("session_token")) s3.session_token = Secret(*token);
  take(section.path("credentials_file"), s3.credentials_file);
  take(section.non_empty("profile"), s3.profile);
  const bool insecure = section.boolean("insecure_http").value_or(false);
  // Servers of one's own seldom have a name for each bucket, and a certificate for *.aws does not
  // cover a name with another dot in it.
  s3.path_style = !s3.endpoint.empty() || s3.bucket.find('.') != std::string::npos;
  take(section.boolean("path_style"), s3.path_style);
  if (s3.endpoint.find('@') != std::string::npos) {
    section.refuse(*section.find("endpoint"),
                   "credentials do not belong into it; use access_key_id or credentials_file");
  } else if (!s3.endpoint.empty()) {
    if (auto fault = fault_of_endpoint(s3.endpoint, insecure))
      section.wrong(*section.find("endpoint"), *fault);
  }
  read_s3_wishes(section, s3);
  check_bucket(section, s3);
  check_region(section, s3.region);
  check_credentials(section, s3);
  return s3;
}

// "forever", or a duration.
void read_history(const SectionReader& section, Config& config) {
  const ConfigValue* value = section.find("keep_history");
  if (value == nullptr || value->string == "forever") return;
  config.keep_history =
      section.duration("keep_history", std::chrono::hours(1), std::chrono::hours(24 * 36500));
}

void read_agent(const ConfigTable& table, Config& config, Findings& findings) {
  const SectionReader section(table, findings);
  section.refuse_unknown(agent_keys, {});
  config.agent_name = host_name();
  take(section.non_empty("name"), config.agent_name);
  check_name(section, "name", config.agent_name);
  take(section.path("state_dir"), config.state_dir);
  take(section.path("socket"), config.socket);
  if (auto fault = fault_of_socket(config.socket)) section.wrong(*section.find("socket"), *fault);
  constexpr std::pair<std::string_view, LogLevel> levels[] = {{"debug", LogLevel::Debug},
                                                              {"info", LogLevel::Info},
                                                              {"warning", LogLevel::Warning},
                                                              {"error", LogLevel::Error}};
  take(section.choice("log_level", levels), config.log_level);
  if (const auto uploads = section.integer("uploads", 1, 1024)) {
    config.uploads = static_cast<int>(*uploads);
  }
  // One part of a multipart upload must fit.
  take(section.size("memory", 16ULL << 20U, 64ULL << 30U), config.memory);
  config.bandwidth = read_bandwidth(section);
  read_history(section, config);
  take(section.path("mime_types"), config.mime_types_file);
}

// The reader names the key itself.
void wrong_template(const SectionReader& section, std::string_view key, const std::string& text,
                    const Error& error) {
  std::string_view sentence = error.message;
  const std::string named = std::string(key) + " " + in_quotes(text) + ": ";
  if (sentence.starts_with(named)) sentence.remove_prefix(named.size());
  section.wrong(*section.find(key), sentence);
}

void read_prefix(const SectionReader& section, FolderConfig& folder) {
  const bool as_is = section.boolean("prefix_as_is").value_or(false);
  take(section.string("prefix"), folder.prefix);
  const ConfigValue* value = section.find("prefix");
  if (value == nullptr || folder.prefix.empty()) return;
  const std::string shown = printable(folder.prefix);
  if (!as_is && folder.prefix.front() == '/') {
    section.wrong(*value,
                  "keys would begin with a slash; write it without, or set prefix_as_is = true if "
                  "that is meant");
    return;
  }
  if (!as_is && folder.prefix.back() != '/') {
    section.wrong(*value, "does not end with a slash, so a file a.pdf would become \"" + shown +
                              "a.pdf\"; write \"" + shown +
                              "/\", or set prefix_as_is = true if that is meant");
    return;
  }
  // In single quotes a template is meant as it stands (uploader/key.h).
  if (as_is) folder.prefix = "'" + folder.prefix + "'";
  if (auto right = uploader::check_prefix(folder.prefix); !right) {
    wrong_template(section, "prefix", folder.prefix, right.error());
  }
}

void read_key(const SectionReader& section, FolderConfig& folder) {
  take(section.non_empty("key"), folder.key);
  if (section.find("key") == nullptr || folder.key.empty()) return;
  if (auto right = uploader::check_key_template(folder.key); !right) {
    wrong_template(section, "key", folder.key, right.error());
  }
}

void check_beside(const SectionReader& section, const ConfigValue& at, const FolderConfig& folder,
                  const std::string& pattern, const std::string& what) {
  watcher::IgnoreRules ignored = watcher::IgnoreRules::defaults();
  for (const std::string& one : folder.ignore) ignored.add(one);
  const std::string example = watcher::MarkerRule(pattern).marker_of("report.pdf");
  if (const auto match = ignored.match(example)) {
    section.wrong(at, "a " + what + " such as " + in_quotes(example) + " is ignored as " +
                          in_quotes(*match) + ", so it would never be seen");
  }
}

// After `ignore`: what is ignored is nobody's marker.
void read_completeness(const SectionReader& section, FolderConfig& folder) {
  constexpr std::pair<std::string_view, CompleteBy> words[] = {
      {"close", CompleteBy::Close}, {"marker", CompleteBy::Marker}, {"rename", CompleteBy::Rename}};
  constexpr std::pair<std::string_view, ArrivedUnseen> unseen[] = {{"wait", ArrivedUnseen::Wait},
                                                                   {"take", ArrivedUnseen::Take}};
  take(section.choice("complete", words), folder.complete);
  take(section.non_empty("marker"), folder.marker);
  take(section.choice("arrived_unseen", unseen), folder.arrived_unseen);
  take(section.duration("stuck_after", std::chrono::seconds(1), std::chrono::hours(24 * 365)),
       folder.stuck_after);
  const ConfigValue* marker = section.find("marker");
  if (marker != nullptr && folder.complete != CompleteBy::Marker) {
    section.wrong(*marker, "only with complete = \"marker\"");
    return;
  }
  const ConfigValue* arrived_unseen = section.find("arrived_unseen");
  if (arrived_unseen != nullptr && folder.complete != CompleteBy::Rename) {
    section.wrong(*arrived_unseen, "only with complete = \"rename\"");
    return;
  }
  if (folder.complete != CompleteBy::Marker) return;
  const ConfigValue& at = marker != nullptr ? *marker : *section.find("complete");
  if (const auto fault = watcher::MarkerRule::fault_of(folder.marker)) {
    section.wrong(at, *fault);
    return;
  }
  check_beside(section, at, folder, folder.marker, "marker");
}

// After read_completeness(): a marker's name is a marker's, whatever else it looks like.
void read_sidecar(const SectionReader& section, FolderConfig& folder) {
  take(section.non_empty("sidecar"), folder.sidecar);
  if (folder.sidecar.empty()) return;
  const ConfigValue& at = *section.find("sidecar");
  if (const auto fault =
          watcher::MarkerRule::fault_of(folder.sidecar, "sidecar", "{name}.meta.json")) {
    section.wrong(at, *fault);
    return;
  }
  const std::string example = watcher::MarkerRule(folder.sidecar).marker_of("report.pdf");
  const bool markers =
      folder.complete == CompleteBy::Marker && !watcher::MarkerRule::fault_of(folder.marker);
  if (markers && watcher::MarkerRule(folder.marker).marked_by(example)) {
    section.wrong(at, "a sidecar such as " + in_quotes(example) +
                          " would be a marker, by marker = " + in_quotes(folder.marker) +
                          "; name them differently");
    return;
  }
  check_beside(section, at, folder, folder.sidecar, "sidecar");
}

void read_policies(const SectionReader& section, FolderConfig& folder) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  take(section.duration("settle", milliseconds(0), hours(24)), folder.settle);
  take(section.duration("settle_nolease", milliseconds(0), hours(24)), folder.settle_nolease);
  take(section.duration("rescan", std::chrono::seconds(1), hours(24 * 30)), folder.rescan);
  constexpr std::pair<std::string_view, LeaseUse> leases[] = {
      {"auto", LeaseUse::Auto}, {"require", LeaseUse::Require}, {"off", LeaseUse::Off}};
  take(section.choice("lease", leases), folder.lease);
  constexpr std::pair<std::string_view, PollUse> polls[] = {
      {"auto", PollUse::Auto}, {"on", PollUse::On}, {"off", PollUse::Off}};
  take(section.choice("poll", polls), folder.poll);
  take(section.boolean("prove_events"), folder.prove_events);
  take(section.boolean("one_filesystem"), folder.one_filesystem);
  take(section.boolean("posix_metadata"), folder.posix_metadata);
  take(section.boolean("xattr_metadata"), folder.xattr_metadata);
  constexpr std::pair<std::string_view, OnReplace> replacements[] = {
      {"version", OnReplace::Version},
      {"suffix", OnReplace::Suffix},
      {"refuse", OnReplace::Refuse},
      {"overwrite", OnReplace::Overwrite}};
  take(section.choice("on_replace", replacements), folder.on_replace);
  constexpr std::pair<std::string_view, OnRename> renames[] = {{"store", OnRename::Store},
                                                               {"copy", OnRename::Copy}};
  take(section.choice("on_rename", renames), folder.on_rename);
  constexpr std::pair<std::string_view, Order> orders[] = {{"oldest", Order::Oldest},
                                                           {"newest", Order::Newest}};
  take(section.choice("order", orders), folder.order);
  section.only("initial", "store", std::to_array<std::string_view>({"ignore"}));
  section.only("after_upload", "keep", std::to_array<std::string_view>({"delete", "move"}));
  folder.ignore = section.strings("ignore");
  for (const std::string& pattern : folder.ignore) {
    if (pattern.empty() || pattern.front() == '/' || pattern.find('\0') != std::string::npos) {
      section.wrong(*section.find("ignore"),
                    "\"" + printable(pattern) +
                        "\" can never match; a pattern is matched against a name, or, with a slash "
                        "in it, against the path below the folder");
    }
  }
  read_completeness(section, folder);
  read_sidecar(section, folder);
}

bool is_s3_key(std::string_view key) {
  return std::find(s3_keys.begin(), s3_keys.end(), key) != s3_keys.end();
}

FolderConfig read_folder(const ConfigTable& table, const ConfigTable& common, Findings& findings) {
  const SectionReader section(table, findings);
  std::vector<std::string_view> known(folder_keys.begin(), folder_keys.end());
  known.insert(known.end(), s3_keys.begin(), s3_keys.end());
  std::vector<std::string_view> later(later_folder_keys.begin(), later_folder_keys.end());
  later.insert(later.end(), later_s3_keys.begin(), later_s3_keys.end());
  section.refuse_unknown(known, later);

  FolderConfig folder;
  take(section.non_empty("name"), folder.name);
  check_name(section, "name", folder.name);
  take(section.path("path"), folder.path);
  if (section.find("name") == nullptr) {
    findings.add(table.place,
                 "this [[folder]] has no name; give it one, like name = \"invoices\" (its history "
                 "follows the name)");
  }
  if (section.find("path") == nullptr) {
    findings.add(
        table.place,
        "this [[folder]] has no path; say what to watch, like path = \"/srv/drop/invoices\"");
  } else if (folder.path == "/") {
    section.wrong(*section.find("path"),
                  "the whole file system is no folder to watch; name one below it");
  }
  read_prefix(section, folder);
  read_key(section, folder);
  read_policies(section, folder);

  ConfigTable s3{.place = table.place, .values = common.values};
  for (const auto& [key, value] : table.values) {
    if (is_s3_key(key)) s3.values.insert_or_assign(key, value);
  }
  folder.s3 = read_s3(s3, findings);
  if (!s3.values.contains("bucket")) {
    findings.add(
        table.place,
        "this [[folder]] has no bucket; set bucket = \"…\" in [s3] or in the folder itself");
  }
  return folder;
}

}  // namespace

Result<Config> build_config(const ConfigDocument& document, const ConfigOverrides& overrides) {
  Findings findings;
  Config config;
  const SectionReader s3(document.s3, findings);
  s3.refuse_unknown(s3_keys, later_s3_keys);
  read_s3(document.s3, findings);
  read_agent(document.agent, config, findings);
  for (const ConfigTable& folder : document.folders) {
    config.folders.push_back(read_folder(folder, document.s3, findings));
  }
  if (findings.first()) return fail(*findings.first());
  if (!overrides.state_dir.empty()) config.state_dir = overrides.state_dir;
  if (!overrides.socket.empty()) config.socket = overrides.socket;
  if (auto right = check_folders(document, config); !right) return fail(std::move(right.error()));
  return config;
}

}  // namespace waybill::agent
