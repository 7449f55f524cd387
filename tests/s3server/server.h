#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/s3server/fault.h"
#include "tests/s3server/options.h"
#include "tests/s3server/record.h"

// An S3 server to test against, with a fault script. It shares no source with the product: what
// both got wrong in the same way, no test could see.
namespace waybill::s3server {

struct ObjectView {
  std::string body;
  std::string etag;  // without quotes
  std::string version;
  std::map<std::string, std::string> metadata;  // without x-amz-meta-
  std::string content_type;
};

struct UploadView {
  std::string key;
  std::string upload_id;
  std::vector<int> parts;
};

// Serves from construction to destruction. Every method may be called from any thread; none of
// them waits for a client. The constructor throws std::runtime_error, with a sentence, when the
// address cannot be bound or the directory or certificate cannot be used.
class Server {
 public:
  explicit Server(Options options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::string url() const;     // http://127.0.0.1:PORT, no slash at the end
  std::string ca_pem() const;  // of the certificate made at start; else empty

  void set_behaviour(Behaviour behaviour);
  Behaviour behaviour() const;
  // Refuse every connection from now on and cut those there are; or serve again on the same port.
  void set_reachable(bool reachable);

  void add_fault(Fault fault);
  void set_faults(std::vector<Fault> faults);  // replaces all; their counts start anew
  void clear_faults();
  // Applies the zombies that wait (Fault::late_on_demand), in the order of their requests, and
  // returns how many there were.
  std::size_t release_late_effects();

  std::vector<RequestRecord> log() const;
  std::size_t count(const std::string& operation) const;  // of requests; in free mode too
  std::size_t request_count() const;
  void clear_log();  // and the counters
  // Returns when a log record of this operation has ended (its reply was handed to the kernel, or
  // it was cut) at least `times`, or at the deadline: false.
  bool wait_for(const std::string& operation, std::size_t times,
                std::chrono::milliseconds deadline) const;

  void create_bucket(const std::string& bucket, bool versioned = false);
  // By a foreign hand: no request, no condition, no fault. Returns the ETag, without quotes.
  std::string put_object(const std::string& bucket, const std::string& key, std::string body,
                         std::map<std::string, std::string> metadata = {});
  bool delete_object(const std::string& bucket, const std::string& key);
  std::optional<ObjectView> object(const std::string& bucket, const std::string& key) const;
  std::vector<std::string> keys(const std::string& bucket) const;  // sorted by bytes
  std::vector<Write> history(const std::string& bucket, const std::string& key) const;
  std::vector<UploadView> uploads(const std::string& bucket) const;
  void forget_uploads(const std::string& bucket);  // as if somebody had aborted them

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::s3server
