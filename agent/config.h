#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "uploader/bandwidth.h"
#include "uploader/checksum.h"
#include "uploader/mime_types.h"
#include "uploader/write_options.h"

// What a person wrote, checked and complete: defaults filled in, [s3] merged into each folder.
namespace waybill::agent {

struct S3Config {
  std::string endpoint;  // empty: AWS
  std::string region = "us-east-1";
  std::string bucket;
  bool path_style = false;  // default: with an endpoint, or where the bucket has a dot
  std::string ca_file;
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;
  std::string credentials_file;
  std::string profile = "default";
  std::string proxy;  // URL; empty: by the environment
  bool dual_stack = false;
  bool fips = false;
  bool accelerate = false;
  uploader::ChecksumHeader checksum = uploader::ChecksumHeader::Auto;
  std::uint64_t part_size = 16ULL << 20U;  // the least; of files above the multipart threshold
  std::string sse_customer_key_file;       // 32 bytes, or their base64
  uploader::WriteOptions write;            // but for the customer's key

  friend bool operator==(const S3Config& a, const S3Config& b);
};

enum class LeaseUse : std::uint8_t { Auto, Require, Off };

// Whether a folder is looked at by time beside its events.
enum class PollUse : std::uint8_t {
  Auto,  // where its file system does not report every change
  On,
  Off,  // its events are trusted, whatever the file system
};

// When a file that nobody has open for writing counts as complete (WATCHING.md 2.4).
enum class CompleteBy : std::uint8_t {
  Close,   // at once
  Marker,  // once its marker lies beside it
  Rename,  // if a rename has put it there
};

// What becomes of files of which nobody saw how they came, with CompleteBy::Rename.
enum class ArrivedUnseen : std::uint8_t {
  Wait,  // for a person's word
  Take,  // as CompleteBy::Close does
};

// What happens when a name comes again whose object is sole (PROTOCOL.md rule 5).
enum class OnReplace : std::uint8_t {
  Version,  // a new version where the bucket keeps versions, else a suffixed key
  Suffix,
  Refuse,  // blocked until a person decides
  Overwrite,
};

// How a file that was renamed comes to its new key.
enum class OnRename : std::uint8_t {
  Store,  // from the file
  Copy,   // the store copies its former object, where it can and proves it
};

// Which of the files that wait goes first.
enum class Order : std::uint8_t { Oldest, Newest };

struct FolderConfig {
  std::string name;
  std::string path;            // absolute
  std::string prefix;          // key prefix template, checked; as uploader/key.h takes it
  std::string key = "{path}";  // the template of what follows the prefix, checked
  CompleteBy complete = CompleteBy::Close;
  std::string marker = "{name}.done";  // as watcher/marker.h takes it; only with Marker
  ArrivedUnseen arrived_unseen = ArrivedUnseen::Wait;  // only with Rename
  Nanoseconds settle = std::chrono::seconds(2);
  Nanoseconds settle_nolease = std::chrono::seconds(60);
  Nanoseconds rescan = std::chrono::hours(1);
  Nanoseconds stuck_after = std::chrono::hours(24);  // not complete by then: status says so
  LeaseUse lease = LeaseUse::Auto;
  PollUse poll = PollUse::Auto;
  bool one_filesystem = true;   // what is mounted below it is left out
  bool prove_events = true;     // by touching .waybill in the folder
  bool posix_metadata = false;  // mode and owner go along as metadata
  bool xattr_metadata = true;   // and the extended attributes user.waybill.*
  std::string sidecar;          // and what this says, named as a marker; empty: nobody does
  OnReplace on_replace = OnReplace::Version;
  OnRename on_rename = OnRename::Store;
  Order order = Order::Oldest;
  std::vector<std::string> ignore;  // beside the defaults
  S3Config s3;

  friend bool operator==(const FolderConfig&, const FolderConfig&) = default;
};

struct Config {
  std::string agent_name;  // default: host name
  std::string state_dir = "/var/lib/waybill";
  std::string socket = "/run/waybill/control.sock";
  LogLevel log_level = LogLevel::Info;
  int uploads = 32;                         // at the same time
  std::uint64_t memory = 64ULL << 20U;      // bytes of file content held at the same time
  uploader::BandwidthSchedule bandwidth;    // of all uploads together
  std::optional<Nanoseconds> keep_history;  // events older than that are pruned; nullopt: none are
  std::string mime_types_file = "/etc/mime.types";
  std::shared_ptr<const uploader::MimeTypes> mime_types;  // what was in it; null: nothing was read
  std::vector<FolderConfig> folders;  // none: the daemon idles and says what to do
  std::vector<std::string> files;     // what was read, in order
};

inline constexpr std::string_view default_config_file = "/etc/waybill/waybill.toml";

// From the command line: stronger than the file. Empty: as the file says.
struct ConfigOverrides {
  std::string state_dir;
  std::string socket;
};

// Reads FILE and then conf.d/*.toml beside it, in name order. BadConfig: the sentence names file,
// line, key, and what would be right; an unknown key comes with "did you mean". A file that is not
// there is an empty one only where `may_be_missing` says so: for the default path.
Result<Config> load_config(const std::string& file, bool may_be_missing,
                           const ConfigOverrides& overrides = {});

// One file's text; looks at nothing on disk (so `mime_types` is null). `file` is for the sentences.
Result<Config> parse_config(std::string_view text, const std::string& file);

}  // namespace waybill::agent
