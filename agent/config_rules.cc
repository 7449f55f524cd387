#include "agent/config_rules.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "uploader/key.h"

namespace waybill::agent {
namespace {

struct Authority {
  std::string_view host;
  std::string_view port;  // empty: none
};

std::optional<Authority> split_authority(std::string_view text) {
  Authority authority;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    authority.host = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    if (text.empty()) return authority;
    if (text.front() != ':') return std::nullopt;
    authority.port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    authority.host = text.substr(0, colon);
    if (colon == std::string_view::npos) return authority;
    authority.port = text.substr(colon + 1);
  }
  if (authority.port.empty()) return std::nullopt;
  return authority;
}

bool is_host(std::string_view host) {
  if (host.empty()) return false;
  return std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '[' || c == ']' || c == ':';
  });
}

bool is_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

bool is_this_machine(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

const Place& place_of(const ConfigTable& folder, const char* key) {
  const auto found = folder.values.find(key);
  return found == folder.values.end() ? folder.place : found->second.place;
}

}  // namespace

bool is_inside(std::string_view path, std::string_view folder) {
  if (!path.starts_with(folder)) return false;
  return path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/';
}

std::optional<std::string> fault_of_endpoint(std::string_view endpoint, bool insecure_http) {
  constexpr std::string_view right = "write it like \"https://minio.example:9000\"";
  const bool tls = endpoint.starts_with("https://");
  if (!tls && !endpoint.starts_with("http://")) {
    return "must begin with https:// (or http:// for this machine); " + std::string(right);
  }
  std::string_view rest = endpoint.substr(tls ? 8 : 7);
  if (const auto slash = rest.find_first_of("/?#"); slash != std::string_view::npos) {
    return "host and port alone, nothing behind them; write " +
           in_quotes(endpoint.substr(0, endpoint.size() - (rest.size() - slash)));
  }
  const auto authority = split_authority(rest);
  if (!authority || !is_host(authority->host)) return "not a host; " + std::string(right);
  if (!authority->port.empty() && !is_port(authority->port)) {
    return "not a port from 1 to 65535; " + std::string(right);
  }
  if (!tls && !insecure_http && !is_this_machine(authority->host)) {
    return "plain HTTP shows every file to the network; write https://, or set insecure_http = "
           "true "
           "if that is meant";
  }
  return std::nullopt;
}

std::optional<std::string> fault_of_socket(std::string_view path) {
  constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() <= longest) return std::nullopt;
  return "longer than the " + std::to_string(longest) + " bytes that a socket's path may have";
}

Result<void> check_folders(const ConfigDocument& document, const Config& config) {
  for (std::size_t i = 0; i < config.folders.size(); ++i) {
    const FolderConfig& folder = config.folders[i];
    const ConfigTable& table = document.folders[i];
    const Place& at = place_of(table, "path");
    if (is_inside(config.state_dir, folder.path)) {
      return refuse(at, "[[folder]] path = " + in_quotes(folder.path) +
                            " contains the state directory " + printable(config.state_dir) +
                            ", which changes with every upload; move one of the two");
    }
    for (std::size_t j = 0; j < i; ++j) {
      const FolderConfig& other = config.folders[j];
      const ConfigTable& others = document.folders[j];
      if (folder.name == other.name) {
        return refuse(place_of(table, "name"),
                      "[[folder]] name = " + in_quotes(folder.name) + " is taken at " +
                          place_of(others, "name").text() +
                          "; history follows the name, so each folder needs its own");
      }
      if (folder.path == other.path) {
        return refuse(at, "[[folder]] path = " + in_quotes(folder.path) +
                              " is watched already, by " + in_quotes(other.name) + " at " +
                              place_of(others, "path").text());
      }
      const bool one_place =
          folder.s3.endpoint == other.s3.endpoint && folder.s3.bucket == other.s3.bucket &&
          uploader::literal_prefix(folder.prefix) == uploader::literal_prefix(other.prefix);
      if (one_place && !(folder.s3 == other.s3)) {
        return refuse(place_of(table, "prefix"),
                      "[[folder]] " + in_quotes(folder.name) + " and " + in_quotes(other.name) +
                          " at " + place_of(others, "name").text() +
                          " put below the same prefix with different S3 settings; give each its "
                          "own prefix, or both the same settings");
      }
      if (is_inside(folder.path, other.path) || is_inside(other.path, folder.path)) {
        const bool outer = is_inside(other.path, folder.path);
        return refuse(at, "[[folder]] path = " + in_quotes(folder.path) +
                              (outer ? " contains " : " lies inside ") + in_quotes(other.path) +
                              " of " + place_of(others, "path").text() +
                              ": a file would be stored twice; folders lie beside each other");
      }
    }
  }
  return {};
}

}  // namespace waybill::agent
