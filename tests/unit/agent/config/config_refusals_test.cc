#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "agent/config.h"

// Every refusal with its exact sentence: file, line, key, what it is, and what would be right.
namespace waybill::agent {
namespace {

struct Refusal {
  const char* name;
  const char* text;
  const char* sentence;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class ConfigRefusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(ConfigRefusals, NameTheLineAndWhatWouldBeRight) {
  const auto config = parse_config(GetParam().text, "w.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::BadConfig);
  EXPECT_EQ(config.error().message, GetParam().sentence);
}

// A folder that is right, for the key that is not.
#define FOLDER "[s3]\nbucket = \"abc\"\n[[folder]]\nname = \"a\"\npath = \"/a\"\n"

const Refusal document[] = {
    {"UnknownSection", "[s4]\nbucket = 'a'\n",
     "w.toml:1: [s4]: no such section; did you mean [s3]?"},
    {"UnrelatedSection", "[mail]\nto = 'a'\n",
     "w.toml:1: [mail]: no such section; there are [s3], [agent] and [[folder]]"},
    {"KeyOutside", "bucket = 'a'\n",
     "w.toml:1: bucket stands outside of every section; there are [s3], [agent] and [[folder]]"},
    {"FolderOnce", "[folder]\nname = 'a'\n",
     "w.toml:1: a folder is written [[folder]], with two brackets on each side, for there may be "
     "several"},
    {"SectionAsKey", "agent = 'a'\n",
     "w.toml:1: agent is a section of its own: write [agent] on a line, its keys below"},
};

const Refusal keys[] = {
    {"Misspelt", "[s3]\nregoin = 'a'\n",
     "w.toml:2: [s3] regoin: no such key; did you mean region?"},
    {"Unrelated", "[agent]\nflavour = 'a'\n", "w.toml:2: [agent] flavour: no such key"},
    {"MisspeltInFolder", FOLDER "setle = '2s'\n",
     "w.toml:6: [[folder]] setle: no such key; did you mean settle?"},
    {"OfALaterVersion", "[s3]\nip_version = '6'\n",
     "w.toml:2: [s3] ip_version: this version does not know this key yet; leave it out"},
};

const Refusal types[] = {
    {"NumberForString", "[s3]\nbucket = 5\n",
     "w.toml:2: [s3] bucket is an integer; it must be a string in quotes"},
    {"StringForBoolean", "[s3]\npath_style = 'yes'\n",
     "w.toml:2: [s3] path_style is a string; it must be true or false, without quotes"},
    {"StringForNumber", "[agent]\nuploads = '8'\n",
     "w.toml:2: [agent] uploads is a string; it must be a whole number without quotes"},
    {"NumberForDuration", FOLDER "settle = 2\n",
     "w.toml:6: [[folder]] settle is an integer; it must be a duration: a string with its unit, "
     "like "
     "\"500ms\", \"2s\" or \"1h\""},
    {"NumberForSize", "[agent]\nmemory = 64\n",
     "w.toml:2: [agent] memory is an integer; it must be a size: a string with its unit, like "
     "\"64MiB\" or \"1GiB\""},
    {"StringForList", FOLDER "ignore = '*.tmp'\n",
     "w.toml:6: [[folder]] ignore is a string; it must be a list of strings, like [\"*.tmp\", "
     "\"cache/*\"]"},
    {"Empty", "[s3]\nregion = ''\n",
     "w.toml:2: [s3] region = \"\": must not be empty; leave the line out for the default"},
};

#define BANDWIDTH_LIKE(text)                                                                   \
  "w.toml:2: [agent] bandwidth_schedule: \"" text                                              \
  "\" is not written like \"mon-fri 08:00-18:00 2MiB\" or \"22:00-06:00 unlimited\": days or " \
  "none, "                                                                                     \
  "from and until, and bytes a second from \"16KiB\""

const Refusal values[] = {
    {"Duration", FOLDER "settle = '2 parsecs'\n",
     "w.toml:6: [[folder]] settle = \"2 parsecs\": not a duration; write a whole number with its "
     "unit "
     "(ms, s, m, h, d), like \"500ms\", \"2s\" or \"1h30m\""},
    {"DurationTooLong", FOLDER "settle = '25h'\n",
     "w.toml:6: [[folder]] settle = \"25h\": must be from \"0s\" to \"1d\""},
    {"RescanWithoutPause", FOLDER "rescan = '0s'\n",
     "w.toml:6: [[folder]] rescan = \"0s\": must be from \"1s\" to \"30d\""},
    {"Size", "[agent]\nmemory = '64 megs'\n",
     "w.toml:2: [agent] memory = \"64 megs\": not a size; write a whole number with its unit (KiB, "
     "MiB, "
     "GiB, kB, MB, GB), like \"64MiB\""},
    {"SizeTooSmall", "[agent]\nmemory = '1MiB'\n",
     "w.toml:2: [agent] memory = \"1MiB\": must be from \"16MiB\" to \"64GiB\""},
    {"BandwidthTooSmall", "[agent]\nbandwidth = '1KiB'\n",
     "w.toml:2: [agent] bandwidth = \"1KiB\": must be from \"16KiB\" to \"1024GiB\""},
    {"BandwidthOfNoDay", "[agent]\nbandwidth_schedule = ['mo-fr 08:00-18:00 2MiB']\n",
     BANDWIDTH_LIKE("mo-fr 08:00-18:00 2MiB")},
    {"BandwidthOfNoTime", "[agent]\nbandwidth_schedule = ['8-18 2MiB']\n",
     BANDWIDTH_LIKE("8-18 2MiB")},
    {"BandwidthBeyondMidnight", "[agent]\nbandwidth_schedule = ['08:00-24:01 2MiB']\n",
     BANDWIDTH_LIKE("08:00-24:01 2MiB")},
    {"BandwidthWithoutARate", "[agent]\nbandwidth_schedule = ['mon 08:00-18:00']\n",
     BANDWIDTH_LIKE("mon 08:00-18:00")},
    {"BandwidthOfSomeUnit", "[agent]\nbandwidth_schedule = ['08:00-18:00 2Mbit']\n",
     BANDWIDTH_LIKE("08:00-18:00 2Mbit")},
    {"TooManyUploads", "[agent]\nuploads = 5000\n",
     "w.toml:2: [agent] uploads = 5000: must be from 1 to 1024"},
    {"LogLevel", "[agent]\nlog_level = 'warn'\n",
     "w.toml:2: [agent] log_level = \"warn\": must be \"debug\", \"info\", \"warning\" or "
     "\"error\""},
    {"MisspeltWord", FOLDER "lease = 'requir'\n",
     "w.toml:6: [[folder]] lease = \"requir\": did you mean \"require\"? It is one of \"auto\", "
     "\"require\" or \"off\""},
    {"Complete", FOLDER "complete = 'done'\n",
     "w.toml:6: [[folder]] complete = \"done\": must be \"close\", \"marker\" or \"rename\""},
    {"UnseenWithoutTheWish", FOLDER "arrived_unseen = 'take'\n",
     "w.toml:6: [[folder]] arrived_unseen = \"take\": only with complete = \"rename\""},
    {"UnseenOfSomeKind", FOLDER "complete = 'rename'\narrived_unseen = 'close'\n",
     "w.toml:7: [[folder]] arrived_unseen = \"close\": must be \"wait\" or \"take\""},
    {"MarkerWithoutTheWish", FOLDER "marker = '{name}.ok'\n",
     "w.toml:6: [[folder]] marker = \"{name}.ok\": only with complete = \"marker\""},
    {"MarkerWithoutAName", FOLDER "complete = 'marker'\nmarker = 'done'\n",
     "w.toml:7: [[folder]] marker = \"done\": a marker's name has {name} in it, once, like "
     "\"{name}.done\""},
    {"MarkerElsewhere", FOLDER "complete = 'marker'\nmarker = 'ok/{name}'\n",
     "w.toml:7: [[folder]] marker = \"ok/{name}\": a marker lies beside its file: a name without a "
     "slash, like \"{name}.done\""},
    {"MarkerThatIsIgnored", FOLDER "complete = 'marker'\nignore = ['*.done']\n",
     "w.toml:6: [[folder]] complete = \"marker\": a marker such as \"report.pdf.done\" is ignored "
     "as \"*.done\", so it would never be seen"},
    {"SidecarOfEverything", FOLDER "sidecar = '{name}'\n",
     "w.toml:6: [[folder]] sidecar = \"{name}\": every file would be its own sidecar; add "
     "something, "
     "like \"{name}.meta.json\""},
    {"SidecarElsewhere", FOLDER "sidecar = 'meta/{name}'\n",
     "w.toml:6: [[folder]] sidecar = \"meta/{name}\": a sidecar lies beside its file: a name "
     "without a slash, like \"{name}.meta.json\""},
    {"SidecarThatIsIgnored", FOLDER "sidecar = '{name}.part'\n",
     "w.toml:6: [[folder]] sidecar = \"{name}.part\": a sidecar such as \"report.pdf.part\" is "
     "ignored as \"*.part\", so it would never be seen"},
    {"SidecarThatIsAMarker",
     FOLDER "complete = 'marker'\nmarker = '{name}.json'\nsidecar = '{name}.meta.json'\n",
     "w.toml:8: [[folder]] sidecar = \"{name}.meta.json\": a sidecar such as "
     "\"report.pdf.meta.json\" would be a marker, by marker = \"{name}.json\"; name them "
     "differently"},
    {"StuckAtOnce", FOLDER "stuck_after = '0s'\n",
     "w.toml:6: [[folder]] stuck_after = \"0s\": must be from \"1s\" to \"365d\""},
    {"OnReplace", FOLDER "on_replace = 'ask'\n",
     "w.toml:6: [[folder]] on_replace = \"ask\": must be \"version\", \"suffix\", \"refuse\" or "
     "\"overwrite\""},
    {"OnRename", FOLDER "on_rename = 'move'\n",
     "w.toml:6: [[folder]] on_rename = \"move\": must be \"store\" or \"copy\""},
    {"DeleteAfterUpload", FOLDER "after_upload = 'delete'\n",
     "w.toml:6: [[folder]] after_upload = \"delete\": this version knows \"keep\" alone; write "
     "that, or "
     "leave the line out"},
    {"MoveAfterUpload", FOLDER "after_upload = 'move:/srv/done'\n",
     "w.toml:6: [[folder]] after_upload = \"move:/srv/done\": this version knows \"keep\" alone; "
     "write "
     "that, or leave the line out"},
    {"NonsenseAfterUpload", FOLDER "after_upload = 'shred'\n",
     "w.toml:6: [[folder]] after_upload = \"shred\": must be \"keep\""},
    {"IgnoreInitial", FOLDER "initial = 'ignore'\n",
     "w.toml:6: [[folder]] initial = \"ignore\": this version knows \"store\" alone; write that, "
     "or "
     "leave the line out"},
    {"PatternThatNeverMatches", FOLDER "ignore = ['/tmp/*']\n",
     "w.toml:6: [[folder]] ignore = an array: \"/tmp/*\" can never match; a pattern is matched "
     "against a "
     "name, or, with a slash in it, against the path below the folder"},
    {"AgentName", "[agent]\nname = \"a/b\"\n",
     "w.toml:2: [agent] name = \"a/b\": a name has no slash, backslash or control character"},
};

const Refusal stores[] = {
    {"EndpointWithoutScheme", "[s3]\nendpoint = 'minio.lab:9000'\n",
     "w.toml:2: [s3] endpoint = \"minio.lab:9000\": must begin with https:// (or http:// for this "
     "machine); write it like \"https://minio.example:9000\""},
    {"EndpointWithPath", "[s3]\nendpoint = 'https://minio.lab:9000/acme'\n",
     "w.toml:2: [s3] endpoint = \"https://minio.lab:9000/acme\": host and port alone, nothing "
     "behind "
     "them; write \"https://minio.lab:9000\""},
    {"EndpointWithPort0", "[s3]\nendpoint = 'https://minio.lab:0'\n",
     "w.toml:2: [s3] endpoint = \"https://minio.lab:0\": not a port from 1 to 65535; write it like "
     "\"https://minio.example:9000\""},
    {"EndpointWithoutHost", "[s3]\nendpoint = 'https://'\n",
     "w.toml:2: [s3] endpoint = \"https://\": not a host; write it like "
     "\"https://minio.example:9000\""},
    {"EndpointWithPassword", "[s3]\nendpoint = 'https://me:secret@minio.lab'\n",
     "w.toml:2: [s3] endpoint: credentials do not belong into it; use access_key_id or "
     "credentials_file"},
    {"PlainHttp", "[s3]\nendpoint = 'http://minio.lab:9000'\n",
     "w.toml:2: [s3] endpoint = \"http://minio.lab:9000\": plain HTTP shows every file to the "
     "network; "
     "write https://, or set insecure_http = true if that is meant"},
    {"PlainHttpToALookalike", "[s3]\nendpoint = 'http://127.0.0.1.evil.example'\n",
     "w.toml:2: [s3] endpoint = \"http://127.0.0.1.evil.example\": plain HTTP shows every file to "
     "the "
     "network; write https://, or set insecure_http = true if that is meant"},
    {"BucketAsUrl", "[s3]\nbucket = 's3://acme/in'\n",
     "w.toml:2: [s3] bucket = \"s3://acme/in\": the bucket's name alone, please; what follows a "
     "slash "
     "belongs into the folder's prefix"},
    {"BucketAtAws", "[s3]\nbucket = 'Acme_Inbox'\n",
     "w.toml:2: [s3] bucket = \"Acme_Inbox\": a bucket at AWS has 3 to 63 lower-case letters, "
     "digits, "
     "dots and hyphens"},
    {"BucketElsewhere", "[s3]\nendpoint = 'https://minio.lab'\nbucket = 'a b'\n",
     "w.toml:3: [s3] bucket = \"a b\": a bucket's name has no spaces or special characters"},
    {"Region", "[s3]\nregion = 'EU (Frankfurt)'\n",
     "w.toml:2: [s3] region = \"EU (Frankfurt)\": a region is written like \"eu-central-1\""},
    {"HalfACredential", "[s3]\naccess_key_id = 'AK'\n",
     "w.toml:2: [s3] access_key_id = \"AK\": secret_access_key is missing beside it"},
    {"SecretIsNeverShown", "[s3]\nsecret_access_key = 'hush'\n",
     "w.toml:2: [s3] secret_access_key: access_key_id is missing beside it"},
    {"SecretWithSpaces", "[s3]\naccess_key_id = 'AK'\nsecret_access_key = 'hush hush'\n",
     "w.toml:3: [s3] secret_access_key contains spaces or control characters: was something else "
     "copied "
     "along with it?"},
    {"SecretOfAnotherKind", "[s3]\naccess_key_id = 'AK'\nsecret_access_key = 12345\n",
     "w.toml:3: [s3] secret_access_key is an integer; it must be a string in quotes"},
    {"ProfileBesideKeys", "[s3]\naccess_key_id = 'AK'\nsecret_access_key = 'SK'\nprofile = 'p'\n",
     "w.toml:4: [s3] profile = \"p\": access_key_id is set too and would win: keep one of the two"},
    {"RelativeCa", "[s3]\nca_file = 'ca.pem'\n",
     "w.toml:2: [s3] ca_file = \"ca.pem\": not an absolute path; a daemon has no folder to start "
     "from, "
     "write it from / on"},
};

const Refusal wishes[] = {
    {"KmsKeyWithoutKms", "[s3]\nsse = 'AES256'\nsse_kms_key_id = 'a'\n",
     "w.toml:3: [s3] sse_kms_key_id = \"a\": only with sse = \"aws:kms\" or \"aws:kms:dsse\""},
    {"TwoEncryptions", "[s3]\nsse = 'AES256'\nsse_customer_key_file = '/k'\n",
     "w.toml:3: [s3] sse_customer_key_file = \"/k\": sse is set too: an object is encrypted with "
     "one key, keep one"},
    {"LockWithoutTime", "[s3]\nobject_lock = 'governance'\n",
     "w.toml:2: [s3] object_lock = \"governance\": object_lock_for is missing beside it, like "
     "\"30d\""},
    {"OwnerWithoutDigits", "[s3]\nexpected_bucket_owner = 'me'\n",
     "w.toml:2: [s3] expected_bucket_owner = \"me\": an account of AWS has twelve digits"},
    {"HeaderWithALineBreak", "[s3]\nstorage_class = \"A\\nB\"\n",
     "w.toml:2: [s3] storage_class = \"A\\x0aB\": only printable ASCII fits in there"},
    {"AwsOnly", "[s3]\nendpoint = 'https://minio.lab'\nfips = true\n",
     "w.toml:3: [s3] fips = true: only AWS has that, and endpoint names another server"},
    {"ProxyWithAPasswordIsNotRepeated", "[s3]\nproxy = 'me:secret@proxy:3128'\n",
     "w.toml:2: [s3] proxy: a password does not belong into it; set https_proxy in the "
     "environment"},
    {"CustomerKeyInPlainHttp",
     "[s3]\nendpoint = 'http://minio.lab'\ninsecure_http = true\nsse_customer_key_file = '/k'\n",
     "w.toml:4: [s3] sse_customer_key_file = \"/k\": it would be sent with each request: the "
     "endpoint has to be https://"},
    {"ProxyWithoutScheme", "[s3]\nproxy = 'proxy:3128'\n",
     "w.toml:2: [s3] proxy = \"proxy:3128\": a proxy is written like "
     "\"http://proxy.example:3128\""},
    {"OnePlaceTwoWishes",
     "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = '/a'\nprefix = 'p/'\n[[folder]]\n"
     "name = 'b'\npath = '/b'\nprefix = 'p/'\nstorage_class = 'GLACIER'\n",
     "w.toml:10: [[folder]] \"b\" and \"a\" at w.toml:4 put below the same prefix with different "
     "S3 settings; give each its own prefix, or both the same settings"},
};

const Refusal folders[] = {
    {"NoName", "[s3]\nbucket = 'abc'\n[[folder]]\npath = '/a'\n",
     "w.toml:3: this [[folder]] has no name; give it one, like name = \"invoices\" (its history "
     "follows "
     "the name)"},
    {"NoPath", "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\n",
     "w.toml:3: this [[folder]] has no path; say what to watch, like path = "
     "\"/srv/drop/invoices\""},
    {"NoBucket", "[[folder]]\nname = 'a'\npath = '/a'\n",
     "w.toml:1: this [[folder]] has no bucket; set bucket = \"…\" in [s3] or in the folder itself"},
    {"RelativePath", "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = 'drop'\n",
     "w.toml:5: [[folder]] path = \"drop\": not an absolute path; a daemon has no folder to start "
     "from, "
     "write it from / on"},
    {"Tilde", "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = '~/drop'\n",
     "w.toml:5: [[folder]] path = \"~/drop\": ~ means nothing here; write the path from / on"},
    {"DotDot", "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = '/srv/x/../drop'\n",
     "w.toml:5: [[folder]] path = \"/srv/x/../drop\": contains ..; write the path that is meant, "
     "\"/srv/drop\""},
    {"Everything", "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = '/'\n",
     "w.toml:5: [[folder]] path = \"/\": the whole file system is no folder to watch; name one "
     "below it"},
    {"PrefixWithoutSlash", FOLDER "prefix = 'in'\n",
     "w.toml:6: [[folder]] prefix = \"in\": does not end with a slash, so a file a.pdf would "
     "become "
     "\"ina.pdf\"; write \"in/\", or set prefix_as_is = true if that is meant"},
    {"KeyThatTellsNoFileFromAnother", FOLDER "key = '{arrived:%Y}{ext}'\n",
     "w.toml:6: [[folder]] key = \"{arrived:%Y}{ext}\": nothing in it tells one file from another, "
     "so that all would have one key; it needs {path}, {name} or {sha256}"},
    {"KeyWithAMisspeltPlaceholder", FOLDER "key = '{nmae}'\n",
     "w.toml:6: [[folder]] key = \"{nmae}\": {nmae} is unknown; did you mean {name}?"},
    {"PathInThePrefix", FOLDER "prefix = '{path}/'\n",
     "w.toml:6: [[folder]] prefix = \"{path}/\": {path}, {name}, {ext} and {sha256} belong into "
     "key, which follows the prefix"},
    {"TagTwice", FOLDER "tagging = ['team=a', 'Team=b', 'team=c']\n",
     "w.toml:6: [[folder]] tagging = an array: \"team\" comes twice; keep one"},
    {"MetadataTwice", FOLDER "metadata = ['origin=a', 'Origin=b']\n",
     "w.toml:6: [[folder]] metadata = an array: \"origin\" comes twice; keep one"},
    {"PrefixWithLeadingSlash", FOLDER "prefix = '/in/'\n",
     "w.toml:6: [[folder]] prefix = \"/in/\": keys would begin with a slash; write it without, or "
     "set "
     "prefix_as_is = true if that is meant"},
    {"SameName", FOLDER "[[folder]]\nname = 'a'\npath = '/b'\n",
     "w.toml:7: [[folder]] name = \"a\" is taken at w.toml:4; history follows the name, so each "
     "folder "
     "needs its own"},
    {"SamePath", FOLDER "[[folder]]\nname = 'b'\npath = '/a/'\n",
     "w.toml:8: [[folder]] path = \"/a\" is watched already, by \"a\" at w.toml:5"},
    {"Inside", FOLDER "[[folder]]\nname = 'b'\npath = '/a/b'\n",
     "w.toml:8: [[folder]] path = \"/a/b\" lies inside \"/a\" of w.toml:5: a file would be stored "
     "twice; "
     "folders lie beside each other"},
    {"Around",
     "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'b'\npath = '/a/b'\n[[folder]]\nname = 'a'\npath = "
     "'/a'\n",
     "w.toml:8: [[folder]] path = \"/a\" contains \"/a/b\" of w.toml:5: a file would be stored "
     "twice; "
     "folders lie beside each other"},
    {"AroundOurState", "[s3]\nbucket = 'abc'\n[[folder]]\nname = 'a'\npath = '/var/lib'\n",
     "w.toml:5: [[folder]] path = \"/var/lib\" contains the state directory /var/lib/waybill, "
     "which "
     "changes with every upload; move one of the two"},
};

// The placeholders are the uploader's to judge; its sentence comes with our place.
TEST(ConfigRefusal, PlaceholdersAreCheckedByWhoeverFillsThemIn) {
  const auto config = parse_config(FOLDER "prefix = 'dt={arived:%Y}/'\n", "w.toml");
  ASSERT_FALSE(config);
  EXPECT_TRUE(
      config.error().message.starts_with("w.toml:6: [[folder]] prefix = \"dt={arived:%Y}/\": "))
      << config.error().message;
}

TEST(ConfigRefusal, TextThatIsNoTomlSaysWhere) {
  const auto config = parse_config("[s3]\nbucket acme\n", "w.toml");
  ASSERT_FALSE(config);
  EXPECT_TRUE(config.error().message.starts_with("w.toml:2: not valid TOML: "))
      << config.error().message;
}

TEST(ConfigRefusal, AKeyTwiceInOneSectionIsNoToml) {
  const auto config = parse_config("[s3]\nbucket = 'abc'\nbucket = 'def'\n", "w.toml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("bucket"), std::string::npos) << config.error().message;
}

TEST(ConfigRefusal, TheFirstOfSeveralIsNamed) {
  const auto config = parse_config("[s3]\nbucket = 'abc'\nregion = 5\nflavour = 1\n", "w.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "w.toml:3: [s3] region is an integer; it must be a string in quotes");
}

TEST(ConfigRefusal, ASocketPathHasAnEnd) {
  const auto config =
      parse_config("[agent]\nsocket = '/" + std::string(200, 's') + "'\n", "w.toml");
  ASSERT_FALSE(config);
  EXPECT_TRUE(
      config.error().message.ends_with(": longer than the 107 bytes that a socket's path may have"))
      << config.error().message;
}

std::string name_of(const ::testing::TestParamInfo<Refusal>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Document, ConfigRefusals, ::testing::ValuesIn(document), name_of);
INSTANTIATE_TEST_SUITE_P(Keys, ConfigRefusals, ::testing::ValuesIn(keys), name_of);
INSTANTIATE_TEST_SUITE_P(Types, ConfigRefusals, ::testing::ValuesIn(types), name_of);
INSTANTIATE_TEST_SUITE_P(Values, ConfigRefusals, ::testing::ValuesIn(values), name_of);
INSTANTIATE_TEST_SUITE_P(Stores, ConfigRefusals, ::testing::ValuesIn(stores), name_of);
INSTANTIATE_TEST_SUITE_P(Wishes, ConfigRefusals, ::testing::ValuesIn(wishes), name_of);
INSTANTIATE_TEST_SUITE_P(Folders, ConfigRefusals, ::testing::ValuesIn(folders), name_of);

}  // namespace
}  // namespace waybill::agent
