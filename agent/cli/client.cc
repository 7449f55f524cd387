#include "agent/cli/client.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

#include "agent/answers_json.h"
#include "agent/config_rules.h"
#include "base/bytes.h"
#include "base/unique_fd.h"

namespace waybill::agent::cli {
namespace {

// Longer than a long poll lasts and than coord is waited for.
constexpr auto patience = std::chrono::seconds(60);
constexpr int tries = 5;  // of a daemon that is there but has no room for a connection

std::string encoded(std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
    if (plain) {
      text += c;
    } else {
      text += '%';
      text += digits[byte >> 4U];
      text += digits[byte & 0xFU];
    }
  }
  return text;
}

std::string address_of(const std::string& path, const Client::Parameters& parameters) {
  std::string address = path;
  char before = '?';
  for (const auto& [name, value] : parameters) {
    address += before + name + "=" + encoded(value);
    before = '&';
  }
  return address;
}

Client::Failure refused(const httplib::Response& response) {
  std::string sentence = error_sentence_from_json(response.body);
  if (sentence.empty()) sentence = "waybilld answered with HTTP " + std::to_string(response.status);
  const ErrorCode code = response.status == 404   ? ErrorCode::NotFound
                         : response.status == 400 ? ErrorCode::BadInput
                         : response.status == 500 ? ErrorCode::Internal
                                                  : ErrorCode::RetryLater;
  return {.unreachable = false, .error = {.code = code, .message = std::move(sentence)}};
}

}  // namespace

Client::Reply Client::get(const std::string& path, const Parameters& parameters) const {
  return ask(false, path, parameters);
}

Client::Reply Client::post(const std::string& path, const Parameters& parameters) const {
  return ask(true, path, parameters);
}

std::optional<Error> Client::obstacle() const {
  const std::string name = printable(socket_);
  const auto person = [](std::string sentence) {
    return Error{.code = ErrorCode::NeedsPerson, .message = std::move(sentence)};
  };
  if (auto fault = fault_of_socket(socket_)) return person("the socket " + name + " is " + *fault);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(socket_.begin(), socket_.end(), static_cast<char*>(address.sun_path));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return std::nullopt;
  }
  switch (errno) {
    case EAGAIN:
    case EINTR:
      return std::nullopt;
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return person("waybilld is not running (nobody answers at " + name +
                    "); start it with: systemctl start waybilld");
    case EACCES:
    case EPERM:
      return person("no permission to ask waybilld at " + name +
                    "; ask as root or as a member of the group waybill (usermod -aG waybill NAME, "
                    "then log in again)");
    default:
      return system_error("ask waybilld at " + name, errno);
  }
}

Client::Reply Client::ask(bool post, const std::string& path, const Parameters& parameters) const {
  const std::string address = address_of(path, parameters);
  for (int n = 0; n < tries; ++n) {
    if (auto why = obstacle()) {
      return tl::unexpected(Failure{.unreachable = true, .error = std::move(*why)});
    }
    httplib::ClientImpl client(socket_);
    client.set_address_family(AF_UNIX);
    client.set_default_headers({{"Host", "waybilld"}});
    client.set_connection_timeout(patience);
    client.set_read_timeout(patience);
    httplib::Result result = post ? client.Post(address) : client.Get(address);
    if (result) {
      if (result->status == 200) return std::move(result->body);
      return tl::unexpected(refused(*result));
    }
    // Only what certainly was not heard may be asked again.
    if (result.error() != httplib::Error::Connection) break;
  }
  return tl::unexpected(Failure{
      .unreachable = true,
      .error = {
          .code = ErrorCode::RetryLater,
          .message = "waybilld went away, or was too busy to answer, at " + printable(socket_)}});
}

}  // namespace waybill::agent::cli
