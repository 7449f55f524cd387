#include <getopt.h>
#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/s3server/behaviour_script.h"
#include "tests/s3server/encoding.h"
#include "tests/s3server/server.h"

// waybill-s3server: the test S3 server as a program. `--help` names its options; README.md of this
// folder has the format of fault scripts and the control requests.
namespace {

using waybill::s3server::Options;

constexpr int kUsage = 2;

constexpr const char* kHelp =
    "usage: waybill-s3server [options]\n"
    "An S3 server to test and to try things with. Not for data that matters.\n"
    "\n"
    "  --listen HOST:PORT   where to serve (127.0.0.1:0; port 0: the system chooses one)\n"
    "  --bucket NAME        a bucket that exists from the start; may be repeated\n"
    "  --access KEY         access key id (testkey)\n"
    "  --secret KEY         secret access key (testsecret)\n"
    "  --token TOKEN        session token that requests must carry (none)\n"
    "  --region NAME        region (us-east-1)\n"
    "  --dir DIR            keep objects there, over restarts too (in memory)\n"
    "  --tls-dir DIR        serve HTTPS; writes ca.pem, server.pem and server.key to DIR\n"
    "  --loops N            threads that serve (1)\n"
    "  --free               cost next to nothing: check no signature, keep no body\n"
    "  --behaviour WORDS    differ from AWS: ceph-16, checksums=ignored … (README.md)\n"
    "  --faults FILE        a fault script (README.md)\n"
    "  --control            serve /_control/… (README.md)\n"
    "  --no-log             keep no log of requests: for long runs\n"
    "  --quiet              print nothing but errors\n"
    "  --help               this text\n";

struct Settings {
  Options options;
  std::string faults;  // a file
  bool quiet = false;
};

enum Flag : int {
  kListen = 256,
  kBucket,
  kAccess,
  kSecret,
  kToken,
  kRegion,
  kDir,
  kTlsDir,
  kLoops,
  kFree,
  kBehaviour,
  kFaults,
  kControl,
  kNoLog,
  kQuiet,
  kHelpFlag,
};

constexpr option kFlags[] = {
    {"listen", required_argument, nullptr, kListen},
    {"bucket", required_argument, nullptr, kBucket},
    {"access", required_argument, nullptr, kAccess},
    {"secret", required_argument, nullptr, kSecret},
    {"token", required_argument, nullptr, kToken},
    {"region", required_argument, nullptr, kRegion},
    {"dir", required_argument, nullptr, kDir},
    {"tls-dir", required_argument, nullptr, kTlsDir},
    {"loops", required_argument, nullptr, kLoops},
    {"free", no_argument, nullptr, kFree},
    {"behaviour", required_argument, nullptr, kBehaviour},
    {"faults", required_argument, nullptr, kFaults},
    {"control", no_argument, nullptr, kControl},
    {"no-log", no_argument, nullptr, kNoLog},
    {"quiet", no_argument, nullptr, kQuiet},
    {"help", no_argument, nullptr, kHelpFlag},
    {nullptr, 0, nullptr, 0},
};

// 127.0.0.1:9000, [::1]:9000
bool read_listen(std::string_view text, Options& options) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const auto port = waybill::s3server::to_number(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || *port > UINT16_MAX || host.empty()) return false;
  options.host = host;
  options.port = static_cast<std::uint16_t>(*port);
  return true;
}

int complain(const std::string& sentence) {
  std::fprintf(stderr, "waybill-s3server: %s\n", sentence.c_str());
  return kUsage;
}

// The exit status, or nothing: go on.
std::optional<int> apply(int flag, const std::string& value, Settings& settings) {
  Options& options = settings.options;
  switch (flag) {
    case kListen:
      if (!read_listen(value, options)) return complain("--listen wants HOST:PORT, not " + value);
      return std::nullopt;
    case kBucket:
      options.buckets.push_back(value);
      return std::nullopt;
    case kAccess:
      options.access_key = value;
      return std::nullopt;
    case kSecret:
      options.secret_key = value;
      return std::nullopt;
    case kToken:
      options.session_token = value;
      return std::nullopt;
    case kRegion:
      options.region = value;
      return std::nullopt;
    case kDir:
      options.directory = value;
      return std::nullopt;
    case kTlsDir:
      options.tls = true;
      options.tls_directory = value;
      return std::nullopt;
    case kLoops: {
      const auto loops = waybill::s3server::to_number(value);
      if (!loops || *loops < 1 || *loops > 64) return complain("--loops wants a number from 1 on");
      options.loops = static_cast<int>(*loops);
      return std::nullopt;
    }
    case kFree:
      options.free = true;
      return std::nullopt;
    case kBehaviour: {
      std::string error;
      if (!waybill::s3server::parse_behaviour(value, options.behaviour, error)) {
        return complain(error);
      }
      return std::nullopt;
    }
    case kFaults:
      settings.faults = value;
      return std::nullopt;
    case kControl:
      options.control = true;
      return std::nullopt;
    case kNoLog:
      options.keep_log = false;
      return std::nullopt;
    case kQuiet:
      settings.quiet = true;
      return std::nullopt;
    case kHelpFlag:
      std::fputs(kHelp, stdout);
      return 0;
    default:
      return kUsage;  // getopt has said why
  }
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

int serve(const Settings& settings) {
  std::vector<waybill::s3server::Fault> faults;
  if (!settings.faults.empty()) {
    const auto script = read_file(settings.faults);
    if (!script) return complain("cannot read " + settings.faults);
    std::string error;
    auto parsed = waybill::s3server::parse_faults(*script, error);
    if (!parsed) return complain(settings.faults + ", " + error);
    faults = std::move(*parsed);
  }
  // Before any thread: they all inherit it, so that only sigwait below sees them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  waybill::s3server::Server server(settings.options);
  server.set_faults(std::move(faults));
  if (!settings.quiet) {
    std::printf("listening on %s\n", server.url().c_str());
    std::fflush(stdout);
  }
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (;;) {
    const int flag = getopt_long(argc, argv, "", kFlags,
                                 nullptr);  // NOLINT(concurrency-mt-unsafe): the only thread
    if (flag == -1) break;
    if (const auto status = apply(flag, optarg != nullptr ? optarg : "", settings)) return *status;
  }
  if (optind != argc) return complain(std::string("what is '") + argv[optind] + "'?");
  try {
    return serve(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waybill-s3server: %s\n", error.what());
    return 1;
  }
}
