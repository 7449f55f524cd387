#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
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
  bool help = false;
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

// Each returns what is wrong with the value; empty: nothing.
using Setter = std::function<std::string(Settings&, const std::string&)>;

Setter text(std::string Options::*member) {
  return [member](Settings& settings, const std::string& value) {
    settings.options.*member = value;
    return std::string();
  };
}

std::string set_loops(Settings& settings, const std::string& value) {
  const auto loops = waybill::s3server::to_number(value);
  if (!loops || *loops < 1 || *loops > 64) return "--loops wants a number from 1 to 64";
  settings.options.loops = static_cast<int>(*loops);
  return {};
}

std::string set_behaviour(Settings& settings, const std::string& value) {
  std::string error;
  waybill::s3server::parse_behaviour(value, settings.options.behaviour, error);
  return error;
}

const std::map<std::string, Setter, std::less<>>& options_with_value() {
  static const std::map<std::string, Setter, std::less<>> kOptions = {
      {"--listen",
       [](Settings& settings, const std::string& value) {
         return std::string(read_listen(value, settings.options) ? "" : "--listen wants HOST:PORT");
       }},
      {"--bucket",
       [](Settings& settings, const std::string& value) {
         settings.options.buckets.push_back(value);
         return std::string();
       }},
      {"--access", text(&Options::access_key)},
      {"--secret", text(&Options::secret_key)},
      {"--token", text(&Options::session_token)},
      {"--region", text(&Options::region)},
      {"--dir", text(&Options::directory)},
      {"--tls-dir",
       [](Settings& settings, const std::string& value) {
         settings.options.tls = true;
         settings.options.tls_directory = value;
         return std::string();
       }},
      {"--loops", set_loops},
      {"--behaviour", set_behaviour},
      {"--faults",
       [](Settings& settings, const std::string& value) {
         settings.faults = value;
         return std::string();
       }},
  };
  return kOptions;
}

const std::map<std::string, void (*)(Settings&), std::less<>>& switches() {
  static const std::map<std::string, void (*)(Settings&), std::less<>> kSwitches = {
      {"--free", [](Settings& settings) { settings.options.free = true; }},
      {"--control", [](Settings& settings) { settings.options.control = true; }},
      {"--no-log", [](Settings& settings) { settings.options.keep_log = false; }},
      {"--quiet", [](Settings& settings) { settings.quiet = true; }},
      {"--help", [](Settings& settings) { settings.help = true; }},
  };
  return kSwitches;
}

// `--name value` or `--name=value`. Returns what is wrong; empty: nothing.
std::string read_arguments(const std::vector<std::string>& arguments, Settings& settings) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (const auto found = switches().find(argument); found != switches().end()) {
      found->second(settings);
      continue;
    }
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const auto found = options_with_value().find(argument.substr(0, equals));
    if (found == options_with_value().end()) return "there is no '" + argument + "'; see --help";
    if (equals == argument.size() && i + 1 == arguments.size()) return argument + " wants a value";
    const std::string value =
        equals < argument.size() ? argument.substr(equals + 1) : arguments[++i];
    std::string wrong = found->second(settings, value);
    if (!wrong.empty()) return wrong;
  }
  return {};
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
  try {
    const std::string wrong = read_arguments({argv + 1, argv + argc}, settings);
    if (!wrong.empty()) return complain(wrong);
    if (settings.help) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return serve(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waybill-s3server: %s\n", error.what());
    return 1;
  }
}
