#include "agent/control_server.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "agent/answers_json.h"
#include "agent/config_rules.h"
#include "agent/control_desk.h"
#include "base/bytes.h"
#include "base/thread_name.h"
#include "base/unique_fd.h"

namespace waybill::agent {
namespace {

constexpr std::size_t largest_body = 64U << 10U;  // every question fits into its address
constexpr mode_t socket_mode = 0660;
constexpr int worker_threads = 8;
constexpr int most_waiting = 128;  // to be let in

Failure unusable(const std::string& socket, std::string_view why) {
  return fail(ErrorCode::NeedsPerson,
              "cannot listen on the control socket " + printable(socket) + ": " + std::string(why));
}

sockaddr_un address_of(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(socket.begin(), socket.end(), static_cast<char*>(address.sun_path));
  return address;
}

// A socket that a killed daemon left behind is in the way; one that is answered is somebody's.
Result<void> clear_the_way(const std::string& socket) {
  struct stat facts {};
  if (::lstat(socket.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return unusable(socket, system_error("look at it", errno).describe());
  }
  if (!S_ISSOCK(facts.st_mode)) return unusable(socket, "something else than a socket lies there");
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(socket);
  const int connected =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected == 0 || errno == EAGAIN) {
    return unusable(socket, "another waybilld answers there");
  }
  if (errno != ECONNREFUSED) return unusable(socket, system_error("ask there", errno).describe());
  if (::unlink(socket.c_str()) != 0 && errno != ENOENT) {
    return unusable(socket, system_error("remove the old one", errno).describe());
  }
  return {};
}

struct Server : httplib::Server {
  // The first question is our own, before there are threads: what the library makes at the first
  // request, no two requests make at once.
  bool answers() {
    httplib::detail::BufferStream stream;
    stream.httplib::Stream::write("GET / HTTP/1.1\r\nHost: waybilld\r\n\r\n");
    bool closed = false;
    return process_request(stream, true, closed, nullptr) &&
           stream.get_buffer().find("there is no such question") != std::string::npos;
  }
};

}  // namespace

struct ControlServer::Impl {
  Impl(std::string path, const std::string& state_dir, Hooks hooks, Log& to)
      : socket(std::move(path)), log(to), desk(state_dir, std::move(hooks)) {}

  Result<void> start() {
    server.new_task_queue = [] { return new httplib::ThreadPool(worker_threads); };
    server.set_address_family(AF_UNIX);
    // Before bind: so there is no moment in which the socket is open to more than it will be.
    int listening = -1;
    server.set_socket_options([&listening](socket_t fd) {
      ::fchmod(fd, socket_mode);
      listening = fd;
    });
    server.set_payload_max_length(largest_body);
    server.set_keep_alive_max_count(1);  // a connection that idles would hold a thread
    server.set_read_timeout(5);
    server.set_write_timeout(5);
    add_routes();
    if (!server.answers()) return unusable(socket, "nothing would be answered there");
    if (!server.bind_to_port(socket, 80)) {
      return unusable(socket, system_error("make it", errno).describe());
    }
    // The library lets five wait to be let in; more who ask at the same time are turned away.
    ::listen(listening, most_waiting);
    server.set_socket_options([](socket_t) {});
    ::chmod(socket.c_str(), socket_mode);  // what the umask took from the group
    struct stat facts {};
    if (::stat(socket.c_str(), &facts) == 0) inode = facts.st_ino;
    thread = std::thread([this] {
      name_this_thread("control");
      server.listen_after_bind();
    });
    // stop() is deaf before that.
    while (!server.is_running()) std::this_thread::yield();
    return {};
  }

  ~Impl() {
    desk.stop();
    if (!thread.joinable()) return;
    server.stop();
    thread.join();
    // Another daemon may have put its own there meanwhile.
    struct stat facts {};
    if (::lstat(socket.c_str(), &facts) == 0 && facts.st_ino == inode) ::unlink(socket.c_str());
  }

  using Reply =
      std::function<ControlDesk::Answer(const httplib::Request&, const ControlDesk::Parameter&)>;

  httplib::Server::Handler handler(Reply reply, const char* type = "application/json") {
    return [reply = std::move(reply), type](const httplib::Request& request,
                                            httplib::Response& response) {
      const auto parameter = [&request](const char* name) -> std::optional<std::string> {
        if (!request.has_param(name)) return std::nullopt;
        return request.get_param_value(name);
      };
      const ControlDesk::Answer answer = reply(request, parameter);
      response.status = answer.http_status;
      response.set_content(answer.body, answer.http_status == 200 ? type : "application/json");
    };
  }

  void add_routes() {
    using Request = httplib::Request;
    using Parameter = ControlDesk::Parameter;
    server.Get("/v1/status",
               handler([this](const Request&, const Parameter&) { return desk.status(); }));
    server.Get("/metrics",
               handler([this](const Request&, const Parameter&) { return desk.metrics(); },
                       "text/plain; version=0.0.4; charset=utf-8"));
    server.Get("/v1/files",
               handler([this](const Request&, const Parameter& p) { return desk.files(p); }));
    server.Get("/v1/unrecorded",
               handler([this](const Request&, const Parameter& p) { return desk.unrecorded(p); }));
    server.Get("/v1/file",
               handler([this](const Request&, const Parameter& p) { return desk.file(p); }));
    server.Post("/v1/wait",
                handler([this](const Request&, const Parameter& p) { return desk.start_wait(p); }));
    server.Get("/v1/wait/([0-9a-f]{32})",
               handler([this](const Request& request, const Parameter& p) {
                 return desk.wait(request.matches[1].str(), p);
               }));
    server.Post("/v1/accept",
                handler([this](const Request&, const Parameter& p) { return desk.accept(p); }));
    server.Post("/v1/retry",
                handler([this](const Request&, const Parameter& p) { return desk.retry(p); }));
    server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      const bool unknown = response.status == 404;
      response.set_content(
          to_json(Error{
              .code = unknown ? ErrorCode::NotFound : ErrorCode::BadInput,
              .message = unknown ? "there is no such question" : "the request cannot be used"}),
          "application/json");
    });
    server.set_exception_handler([this](const httplib::Request& request,
                                        httplib::Response& response, const std::exception_ptr&) {
      log.error("a request failed within", {{"request", request.path}});
      response.status = 500;
      response.set_content(to_json(Error{.code = ErrorCode::Internal,
                                         .message = "the request failed within waybilld"}),
                           "application/json");
    });
  }

  // constant after start()
  const std::string socket;
  ino_t inode = 0;
  Log& log;
  // any thread
  ControlDesk desk;
  Server server;
  std::thread thread;
};

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlServer::~ControlServer() = default;

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& socket,
                                                            const std::string& state_dir,
                                                            Hooks hooks, Log& log) {
  if (auto fault = fault_of_socket(socket)) return unusable(socket, *fault);
  if (auto clear = clear_the_way(socket); !clear) return fail(std::move(clear.error()));
  auto impl = std::make_unique<Impl>(socket, state_dir, std::move(hooks), log);
  if (auto started = impl->start(); !started) return fail(std::move(started.error()));
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

}  // namespace waybill::agent
