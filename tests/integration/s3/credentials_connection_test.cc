#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "uploader/web_fetch.h"

// The connections to a machine's services of credentials (S3.md 6).
namespace waybill::integration {
namespace {

// Sockets of this process that are connected to a port of loopback.
struct Connections {
  int all = 0;
  int inherited = 0;  // by a program that is started now
};

Connections connections_to(int port) {
  Connections found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename().string());
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) continue;
    ++found.all;
    if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) ++found.inherited;
  }
  return found;
}

TEST(CredentialsConnection, IsNotInheritedByAProgramThatIsStartedMeanwhile) {
  httplib::Server service;
  const int port = service.bind_to_any_port("127.0.0.1");
  std::atomic<int> seen = 0;
  std::atomic<int> inherited = 0;
  service.Get("/", [&](const httplib::Request&, httplib::Response& reply) {
    const Connections connections = connections_to(port);
    seen += connections.all;
    inherited += connections.inherited;
    reply.set_content("keys", "text/plain");
  });
  std::jthread serving([&service] { service.listen_after_bind(); });
  while (!service.is_running()) std::this_thread::yield();
  const std::atomic<bool> stop = false;
  uploader::WebRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  request.proxy = false;
  request.connect_timeout = request.timeout = std::chrono::minutes(1);
  const auto reply = uploader::fetch(request, stop);
  service.stop();
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_GT(seen, 0);
  EXPECT_EQ(inherited, 0);
}

}  // namespace
}  // namespace waybill::integration
