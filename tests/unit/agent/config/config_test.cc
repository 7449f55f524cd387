#include "agent/config.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace waybill::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Config parsed(const std::string& text) {
  auto config = parse_config(text, "w.toml");
  EXPECT_TRUE(config) << config.error().message;
  return config ? std::move(*config) : Config{};
}

const char* const smallest = R"(
[s3]
bucket = "acme-inbox"
[[folder]]
name = "invoices"
path = "/srv/drop/invoices"
)";

TEST(Config, NothingAtAllIsAnIdleDaemon) {
  const Config config = parsed("");
  EXPECT_TRUE(config.folders.empty());
  EXPECT_FALSE(config.agent_name.empty()) << "the host's name";
  EXPECT_EQ(config.state_dir, "/var/lib/waybill");
  EXPECT_EQ(config.socket, "/run/waybill/control.sock");
}

TEST(Config, ABucketAndAPathAreEnough) {
  const Config config = parsed(smallest);
  ASSERT_EQ(config.folders.size(), 1U);
  const FolderConfig& folder = config.folders[0];
  EXPECT_EQ(folder.name, "invoices");
  EXPECT_EQ(folder.path, "/srv/drop/invoices");
  EXPECT_EQ(folder.prefix, "");
  EXPECT_EQ(folder.complete, CompleteBy::Close);
  EXPECT_EQ(folder.marker, "{name}.done");
  EXPECT_EQ(folder.stuck_after, minutes(24 * 60));
  EXPECT_TRUE(folder.prove_events);
  EXPECT_EQ(folder.settle, seconds(2));
  EXPECT_EQ(folder.settle_nolease, seconds(60));
  EXPECT_EQ(folder.rescan, minutes(60));
  EXPECT_EQ(folder.lease, LeaseUse::Auto);
  EXPECT_EQ(folder.poll, PollUse::Auto);
  EXPECT_EQ(folder.on_replace, OnReplace::Version);
  EXPECT_EQ(folder.on_rename, OnRename::Store);
  EXPECT_FALSE(folder.posix_metadata);
  EXPECT_TRUE(folder.xattr_metadata);
  EXPECT_EQ(folder.sidecar, "");
  EXPECT_EQ(folder.s3.bucket, "acme-inbox");
  EXPECT_EQ(folder.s3.region, "us-east-1");
  EXPECT_FALSE(folder.s3.path_style);
}

TEST(Config, WishesForObjectsArriveAndAFolderOverridesThem) {
  const Config config = parsed(R"(
[s3]
bucket = "acme-inbox"
sse = "aws:kms"
sse_kms_key_id = "alias/files"
sse_bucket_key = true
storage_class = "STANDARD_IA"
acl = "bucket-owner-full-control"
cache_control = "no-store"
content_type = "text/csv"
tagging = ["team=data", "empty="]
metadata = ["Origin=scanner=7"]
object_lock = "compliance"
object_lock_for = "30d"
legal_hold = true
requester_pays = true
expected_bucket_owner = "111122223333"
checksum = "none"
part_size = "64MiB"
proxy = "http://proxy.example:3128"
dual_stack = true
fips = true
[[folder]]
name = "a"
path = "/srv/a"
prefix = "a/"
[[folder]]
name = "b"
path = "/srv/b"
prefix = "b/"
storage_class = "GLACIER_IR"
tagging = ["team=finance"]
)");
  ASSERT_EQ(config.folders.size(), 2U);
  const S3Config& s3 = config.folders[0].s3;
  EXPECT_EQ(s3.write.sse, "aws:kms");
  EXPECT_EQ(s3.write.sse_kms_key_id, "alias/files");
  EXPECT_TRUE(s3.write.sse_bucket_key);
  EXPECT_EQ(s3.write.storage_class, "STANDARD_IA");
  EXPECT_EQ(s3.write.acl, "bucket-owner-full-control");
  EXPECT_EQ(s3.write.cache_control, "no-store");
  EXPECT_EQ(s3.write.content_type, "text/csv");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(s3.write.tags, (Pairs{{"team", "data"}, {"empty", ""}}));
  EXPECT_EQ(s3.write.metadata, (Pairs{{"origin", "scanner=7"}}));
  EXPECT_EQ(s3.write.lock, uploader::ObjectLock::Compliance);
  EXPECT_EQ(s3.write.lock_for, std::chrono::hours(24 * 30));
  EXPECT_TRUE(s3.write.legal_hold);
  EXPECT_TRUE(s3.write.requester_pays);
  EXPECT_EQ(s3.write.expected_bucket_owner, "111122223333");
  EXPECT_EQ(s3.checksum, uploader::ChecksumHeader::None);
  EXPECT_EQ(s3.part_size, 64ULL << 20U);
  EXPECT_EQ(s3.proxy, "http://proxy.example:3128");
  EXPECT_TRUE(s3.dual_stack);
  EXPECT_TRUE(s3.fips);
  EXPECT_EQ(config.folders[1].s3.write.storage_class, "GLACIER_IR");
  EXPECT_EQ(config.folders[1].s3.write.tags, (Pairs{{"team", "finance"}}));
  EXPECT_EQ(config.folders[1].s3.write.sse, "aws:kms");
}

// Other stores know checksums by half (S3.md 2).
TEST(Config, ChecksumsGoToAwsAloneUnlessAPersonAsksForThem) {
  using uploader::ChecksumHeader;
  const auto checksum = [](const std::string& s3) {
    return parsed("[s3]\nbucket = \"inbox\"\n" + s3 +
                  "[[folder]]\nname = \"a\"\npath = \"/srv/a\"\nprefix = \"a/\"\n")
        .folders[0]
        .s3.checksum;
  };
  const std::string elsewhere = "endpoint = \"https://s3.lab\"\n";
  EXPECT_EQ(checksum("region = \"eu-west-1\"\n"), ChecksumHeader::Auto);
  EXPECT_EQ(checksum(elsewhere), ChecksumHeader::None);
  EXPECT_EQ(checksum(elsewhere + "checksum = \"auto\"\n"), ChecksumHeader::None);
  EXPECT_EQ(checksum(elsewhere + "checksum = \"crc64nvme\"\n"), ChecksumHeader::Crc64Nvme);
}

TEST(Config, WhatIsCompleteByRenameMayArriveUnseen) {
  const std::string text = std::string(smallest) + "complete = \"rename\"\n";
  EXPECT_EQ(parsed(text).folders[0].complete, CompleteBy::Rename);
  EXPECT_EQ(parsed(text).folders[0].arrived_unseen, ArrivedUnseen::Wait);
  EXPECT_EQ(parsed(text + "arrived_unseen = \"take\"\n").folders[0].arrived_unseen,
            ArrivedUnseen::Take);
}

TEST(Config, TheOrderOfAFolderIsOldestFirstUnlessItIsSaid) {
  EXPECT_EQ(parsed(smallest).folders[0].order, Order::Oldest);
  EXPECT_EQ(parsed(std::string(smallest) + "order = \"oldest\"\n").folders[0].order, Order::Oldest);
  EXPECT_EQ(parsed(std::string(smallest) + "order = \"newest\"\n").folders[0].order, Order::Newest);
}

TEST(Config, HistoryIsKeptForEverUnlessItIsSaid) {
  EXPECT_EQ(parsed("").keep_history, std::nullopt);
  EXPECT_EQ(parsed("[agent]\nkeep_history = \"forever\"\n").keep_history, std::nullopt);
  EXPECT_EQ(parsed("[agent]\nkeep_history = \"90d\"\n").keep_history, std::chrono::hours(24 * 90));
}

TEST(Config, EveryKeyArrives) {
  const Config config = parsed(R"(
[s3]
endpoint = "https://minio.lab:9000"
region = "eu-central-1"
bucket = "acme-inbox"
path_style = false
ca_file = "/etc/ssl/lab.pem"
access_key_id = "AK"
secret_access_key = "SK"
session_token = "ST"
credentials_file = "/etc/waybill/credentials"
[agent]
name = "intake-1"
state_dir = "/var/lib/other/"
socket = "/run/other.sock"
log_level = "warning"
uploads = 7
memory = "128MiB"
mime_types = "/srv/lab/mime.types"
bandwidth = "2MiB"
bandwidth_schedule = ["mon-fri 08:00-18:00 512KiB", "fri-mon,wed 22:30-06:00 unlimited"]
[[folder]]
name = "invoices"
path = "/srv//drop/./invoices/"
prefix = "invoices/dt={arrived:%Y-%m-%d}/"
key = "{sha256}{ext}"
settle = "500ms"
complete = "marker"
marker = ".{name}.ok"
settle_nolease = "2m"
stuck_after = "6h"
rescan = "10m"
lease = "require"
poll = "on"
one_filesystem = false
prove_events = false
initial = "store"
after_upload = "keep"
on_replace = "suffix"
on_rename = "copy"
posix_metadata = true
xattr_metadata = false
sidecar = "{name}.meta.json"
ignore = ["*.tmp", "cache/*"]
)");
  EXPECT_EQ(config.agent_name, "intake-1");
  EXPECT_EQ(config.state_dir, "/var/lib/other");
  EXPECT_EQ(config.socket, "/run/other.sock");
  EXPECT_EQ(config.log_level, LogLevel::Warning);
  EXPECT_EQ(config.uploads, 7);
  EXPECT_EQ(config.mime_types_file, "/srv/lab/mime.types");
  EXPECT_EQ(config.memory, 128U << 20U);
  EXPECT_EQ(config.bandwidth,
            (uploader::BandwidthSchedule{
                .otherwise = 2U << 20U,
                .windows = {{.days = 0b0111110, .from = 480, .until = 1080, .rate = 512U << 10U},
                            {.days = 0b1101011, .from = 1350, .until = 360, .rate = {}}}}));
  ASSERT_EQ(config.folders.size(), 1U);
  const FolderConfig& folder = config.folders[0];
  EXPECT_EQ(folder.path, "/srv/drop/invoices");
  EXPECT_EQ(folder.prefix, "invoices/dt={arrived:%Y-%m-%d}/");
  EXPECT_EQ(folder.key, "{sha256}{ext}");
  EXPECT_EQ(folder.complete, CompleteBy::Marker);
  EXPECT_EQ(folder.marker, ".{name}.ok");
  EXPECT_EQ(folder.stuck_after, minutes(360));
  EXPECT_FALSE(folder.prove_events);
  EXPECT_FALSE(folder.one_filesystem);
  EXPECT_EQ(folder.settle, milliseconds(500));
  EXPECT_EQ(folder.settle_nolease, minutes(2));
  EXPECT_EQ(folder.rescan, minutes(10));
  EXPECT_EQ(folder.lease, LeaseUse::Require);
  EXPECT_EQ(folder.poll, PollUse::On);
  EXPECT_EQ(folder.on_replace, OnReplace::Suffix);
  EXPECT_EQ(folder.on_rename, OnRename::Copy);
  EXPECT_TRUE(folder.posix_metadata);
  EXPECT_FALSE(folder.xattr_metadata);
  EXPECT_EQ(folder.sidecar, "{name}.meta.json");
  EXPECT_EQ(folder.ignore, (std::vector<std::string>{"*.tmp", "cache/*"}));
  const S3Config& s3 = folder.s3;
  EXPECT_EQ(s3.endpoint, "https://minio.lab:9000");
  EXPECT_EQ(s3.region, "eu-central-1");
  EXPECT_FALSE(s3.path_style);
  EXPECT_EQ(s3.ca_file, "/etc/ssl/lab.pem");
  EXPECT_EQ(s3.access_key_id, "AK");
  EXPECT_EQ(s3.secret_access_key.reveal(), "SK");
  EXPECT_EQ(s3.session_token.reveal(), "ST");
  EXPECT_EQ(s3.credentials_file, "/etc/waybill/credentials");
}

TEST(Config, AFolderOverridesWhatItSaysAndInheritsTheRest) {
  const Config config = parsed(R"(
[s3]
bucket = "common"
region = "eu-central-1"
[[folder]]
name = "a"
path = "/a"
[[folder]]
name = "b"
path = "/b"
bucket = "own"
)");
  ASSERT_EQ(config.folders.size(), 2U);
  EXPECT_EQ(config.folders[0].s3.bucket, "common");
  EXPECT_EQ(config.folders[1].s3.bucket, "own");
  EXPECT_EQ(config.folders[1].s3.region, "eu-central-1");
}

TEST(Config, ABucketInEveryFolderNeedsNoneInCommon) {
  EXPECT_EQ(parsed("[[folder]]\nname='a'\npath='/a'\nbucket='own'\n").folders[0].s3.bucket, "own");
}

TEST(Config, ServersOfOnesOwnAreAddressedByPath) {
  const std::string folder = "[[folder]]\nname='a'\npath='/a'\n";
  EXPECT_TRUE(parsed("[s3]\nbucket='abc'\nendpoint='https://minio.lab:9000'\n" + folder)
                  .folders[0]
                  .s3.path_style);
  EXPECT_TRUE(parsed("[s3]\nbucket='a.b.c'\n" + folder).folders[0].s3.path_style)
      << "a certificate for *.s3.amazonaws.com does not cover another dot";
  EXPECT_FALSE(parsed("[s3]\nbucket='abc'\n" + folder).folders[0].s3.path_style);
}

TEST(Config, PlainHttpIsForThisMachineOrForWhoeverAsksForIt) {
  for (const char* endpoint :
       {"http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:9000"}) {
    parsed("[s3]\nendpoint='" + std::string(endpoint) + "'\n");
  }
  parsed("[s3]\nendpoint='http://minio.lab'\ninsecure_http=true\n");
}

TEST(Config, APrefixWithoutASlashIsTakenWhereItIsMeant) {
  const Config config = parsed(
      "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/a'\nprefix='in-'\nprefix_as_is=true\n");
  EXPECT_EQ(config.folders[0].prefix, "'in-'") << "as uploader/key.h takes it";
}

TEST(Config, AFolderBelowTheStateDirectoryIsNoHarm) {
  parsed(
      "[agent]\nstate_dir='/data/waybill'\n[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/data/"
      "waybill-drop'\n");
}

TEST(Config, FoldersWithACommonBeginningAreNotNested) {
  const Config config = parsed(
      "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/srv/drop'\n[[folder]]\nname='b'\npath='/"
      "srv/drop2'\n");
  EXPECT_EQ(config.folders.size(), 2U);
}

TEST(Config, EqualsItselfAndNothingElse) {
  const Config a = parsed(smallest);
  Config b = parsed(smallest);
  EXPECT_EQ(a.folders[0], b.folders[0]);
  b.folders[0].s3.secret_access_key = Secret("changed");
  EXPECT_FALSE(a.folders[0] == b.folders[0]) << "a changed secret is a change";
}

// Whatever the bytes are, there is an answer and no exception.
TEST(Config, DamagedTextIsRefusedNotFatal) {
  const std::string whole =
      std::string(smallest) + "settle = \"2s\"\nignore = [\"a\", 'b']\n[agent]\nuploads = 0x1F\n";
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (unsigned edits = random() % 4 + 1; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          text.erase(at, random() % 5);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 12));
          break;
        default:
          text.insert(at, 1, "[]{}=.\"'\n#\\"[random() % 11]);
      }
      if (text.empty()) text = "x";
    }
    const auto config = parse_config(text, "w.toml");
    if (!config) {
      EXPECT_EQ(config.error().code, ErrorCode::BadConfig) << text;
      EXPECT_TRUE(config.error().message.starts_with("w.toml")) << config.error().message;
      EXPECT_EQ(config.error().message.find('\n'), std::string::npos) << config.error().message;
    }
  }
}

TEST(Config, NoNestingIsDeepEnoughToEndTheProcess) {
  const std::string many(100'000, '[');
  EXPECT_FALSE(parse_config("a = " + many, "w.toml"));
  EXPECT_FALSE(parse_config("a = [\n" + many, "w.toml"));
  std::string braces;
  std::string dots = "a";
  for (int i = 0; i < 50'000; ++i) {
    braces += "{a=";
    dots += ".a";
  }
  EXPECT_FALSE(parse_config("a = " + braces, "w.toml"));
  EXPECT_FALSE(parse_config(dots + " = 1", "w.toml"));
  EXPECT_FALSE(parse_config(std::string(2'000'000, '#'), "w.toml"));
}

TEST(Config, BracketsInStringsAndCommentsAreNoNesting) {
  const std::string brackets(100, '[');
  const Config config =
      parsed("# " + brackets + "\n[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/a'\nignore=['" +
             brackets + "', \"\\\"" + brackets + "\"]\n");
  EXPECT_EQ(config.folders[0].ignore.size(), 2U);
}

}  // namespace
}  // namespace waybill::agent
