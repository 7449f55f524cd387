#include "tests/s3server/server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "tests/s3server/certificates.h"
#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/loop.h"
#include "tests/s3server/service.h"

namespace waybill::s3server {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

Address resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) throw std::runtime_error("no such address: " + host);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, freeaddrinfo);
  Address address;
  std::copy_n(reinterpret_cast<const char*>(list->ai_addr), list->ai_addrlen,
              reinterpret_cast<char*>(&address.storage));
  address.size = list->ai_addrlen;
  return address;
}

Descriptor bind_to(const Address& address) {
  Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) fail("cannot make a socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    fail("cannot bind the address");
  }
  return fd;
}

Address address_of(int fd) {
  Address address;
  address.size = sizeof address.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

std::uint16_t port_of(const Address& address) {
  if (address.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

// Each bucket's host by name: OpenSSL takes no wildcard right below a top-level domain.
std::vector<std::string> certificate_names(const Options& options) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  if (options.virtual_host_suffix.empty()) return names;
  for (const std::string& bucket : options.buckets) {
    names.push_back(bucket + "." + options.virtual_host_suffix);
  }
  return names;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(Options options) : service(std::move(options)) {
    for (const std::string& bucket : service.world.options.buckets) make_bucket(bucket, false);
    if (service.world.options.tls) prepare_tls();
    reserved_ = bind_to(resolve(service.world.options.host, service.world.options.port));
    address_ = address_of(reserved_.get());
    const int loops = std::max(1, service.world.options.loops);
    for (int i = 0; i < loops; ++i) {
      loops_.push_back(std::make_unique<Loop>(service, tls_.get(), connection_ids_));
    }
    start_threads();
    set_reachable(true);
  }

  ~Impl() {
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void make_bucket(const std::string& bucket, bool versioned) {
    const auto created = service.world.store.create_bucket(bucket);
    if (!created.ok()) throw std::runtime_error("no name for a bucket: " + bucket);
    if (versioned) service.world.store.set_versioning(bucket, Versioning::Enabled);
  }

  // The port stays ours while nobody listens on it: `reserved_` is bound to it all along.
  void set_reachable(bool reachable) {
    const std::lock_guard lock(mutex_);
    if (reachable == listener_.valid()) return;
    if (reachable) {
      listener_ = bind_to(address_);
      if (::listen(listener_.get(), SOMAXCONN) != 0) fail("cannot listen");
    }
    const int fd = reachable ? listener_.get() : -1;
    // Each loop has let go of the listener before it is closed: its number may be given out anew.
    for (const auto& loop : loops_) {
      std::promise<void> done;
      loop->post([&loop, &done, fd] {
        loop->listen_on(fd);
        if (fd < 0) loop->cut_all();
        done.set_value();
      });
      done.get_future().wait();
    }
    if (!reachable) listener_.reset();
  }

  std::uint16_t port() const { return port_of(address_); }
  const std::string& ca_pem() const { return ca_pem_; }

  S3Service service;

 private:
  void prepare_tls() {
    const Options& options = service.world.options;
    std::string certificate = options.certificate_pem;
    std::string key = options.private_key_pem;
    if (certificate.empty()) {
      Certificates made = make_certificates(certificate_names(options));
      ca_pem_ = made.ca_pem;
      certificate = std::move(made.server_pem);
      key = std::move(made.server_key_pem);
    }
    if (!options.tls_directory.empty()) {
      if (!ca_pem_.empty()) write_file(options.tls_directory + "/ca.pem", ca_pem_);
      write_file(options.tls_directory + "/server.pem", certificate);
      write_file(options.tls_directory + "/server.key", key);
    }
    tls_ = std::make_unique<TlsContext>(certificate, key);
  }

  void start_threads() {
    // The loops' threads take no signals: those are the program's; SIGPIPE would end it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (const auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  std::unique_ptr<TlsContext> tls_;
  std::string ca_pem_;
  Descriptor reserved_;
  Address address_;
  std::atomic<std::uint64_t> connection_ids_{0};
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  Descriptor listener_;  // guarded by mutex_
};

Server::Server(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Server::~Server() = default;

std::uint16_t Server::port() const {
  return impl_->port();
}

std::string Server::url() const {
  const Options& options = impl_->service.world.options;
  const bool v6 = options.host.find(':') != std::string::npos;
  return (options.tls ? "https://" : "http://") + (v6 ? "[" + options.host + "]" : options.host) +
         ":" + std::to_string(port());
}

std::string Server::ca_pem() const {
  return impl_->ca_pem();
}

void Server::set_behaviour(Behaviour behaviour) {
  impl_->service.world.set_behaviour(behaviour);
}
Behaviour Server::behaviour() const {
  return *impl_->service.world.behaviour();
}
void Server::set_reachable(bool reachable) {
  impl_->set_reachable(reachable);
}

void Server::add_fault(Fault fault) {
  impl_->service.world.faults.add(std::move(fault));
}
void Server::set_faults(std::vector<Fault> faults) {
  impl_->service.world.faults.replace(std::move(faults));
}
void Server::clear_faults() {
  impl_->service.world.faults.replace({});
}
std::size_t Server::release_late_effects() {
  return impl_->service.release_held();
}

std::vector<RequestRecord> Server::log() const {
  return impl_->service.world.log.records();
}
std::size_t Server::count(const std::string& operation) const {
  return impl_->service.world.log.count(operation);
}
std::size_t Server::request_count() const {
  return impl_->service.world.log.count();
}
void Server::clear_log() {
  impl_->service.world.log.clear();
}
bool Server::wait_for(const std::string& operation, std::size_t times,
                      std::chrono::milliseconds deadline) const {
  return impl_->service.world.log.wait_for(operation, times, deadline);
}

void Server::create_bucket(const std::string& bucket, bool versioned) {
  impl_->make_bucket(bucket, versioned);
}

std::string Server::put_object(const std::string& bucket, const std::string& key, std::string body,
                               std::map<std::string, std::string> metadata) {
  World& world = impl_->service.world;
  ObjectVersion object;
  object.size = body.size();
  object.etag = to_hex(digest(Algorithm::Md5, body));
  object.sha256 = to_hex(digest(Algorithm::Sha256, body));
  object.modified = std::time(nullptr);
  object.facts.metadata = std::move(metadata);
  const auto writer = world.store.blobs().writer(body.size());
  writer->append(body);
  object.body = {writer->finish()};
  std::string etag = object.etag;
  // No exchange stands behind it: the history tells it by its request, 0.
  const S3Exchange nobody;
  const auto put = world.store.put(bucket, key, std::move(object), {}, observer(world, nobody));
  if (!put.ok()) throw std::runtime_error("cannot put the object: " + put.error().message);
  return etag;
}

bool Server::delete_object(const std::string& bucket, const std::string& key) {
  World& world = impl_->service.world;
  const S3Exchange nobody;
  const auto removal = world.store.remove(bucket, key, {}, {}, observer(world, nobody));
  return removal.ok() && removal.value().found;
}

std::optional<ObjectView> Server::object(const std::string& bucket, const std::string& key) const {
  const auto found = impl_->service.world.store.get(bucket, key, {});
  if (!found.ok()) return std::nullopt;
  const ObjectVersion& version = *found.value();
  ObjectView view{.body = read_all(version.body),
                  .etag = version.etag,
                  .version = version.version_id == "null" ? "" : version.version_id,
                  .metadata = version.facts.metadata};
  for (const auto& [name, value] : version.facts.headers) {
    if (name == "content-type") view.content_type = value;
  }
  return view;
}

std::vector<std::string> Server::keys(const std::string& bucket) const {
  const auto page =
      impl_->service.world.store.list(bucket, {.most = std::numeric_limits<std::size_t>::max()});
  std::vector<std::string> keys;
  if (!page.ok()) return keys;
  for (const ListPage::Entry& entry : page.value().entries) keys.push_back(entry.name);
  return keys;
}

std::vector<Write> Server::history(const std::string& bucket, const std::string& key) const {
  return impl_->service.world.history.of(bucket, key);
}

std::vector<UploadView> Server::uploads(const std::string& bucket) const {
  const auto page = impl_->service.world.store.list_uploads(
      bucket, {.most = std::numeric_limits<std::size_t>::max()});
  std::vector<UploadView> views;
  if (!page.ok()) return views;
  for (const Upload& upload : page.value().uploads) {
    UploadView view{.key = upload.key, .upload_id = upload.id};
    for (const auto& [number, part] : upload.parts) view.parts.push_back(number);
    views.push_back(std::move(view));
  }
  return views;
}

void Server::forget_uploads(const std::string& bucket) {
  for (const UploadView& upload : uploads(bucket)) {
    impl_->service.world.store.abort(bucket, upload.key, upload.upload_id);
  }
}

}  // namespace waybill::s3server
