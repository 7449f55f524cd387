#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/credentials.h"
#include "uploader/http.h"
#include "uploader/pace.h"
#include "uploader/s3_address.h"
#include "uploader/s3_documents.h"
#include "uploader/s3_errors.h"
#include "uploader/s3_requests.h"
#include "uploader/s3_store.h"
#include "uploader/signer.h"

namespace waybill::uploader {

// What all requests to one bucket share, and what its refusals taught us: the region that it is
// really in, the server's clock, the credentials that are good now. The transfer thread only.
class S3Session {
 public:
  S3Session(S3Options options, S3Address address, std::shared_ptr<CredentialsSource> credentials,
            const Clock& clock);

  // With what a request was made; and which of it has been corrected for this request before.
  struct Made {
    std::string region;
    std::uint64_t credentials = 0;  // which of those that were used one after another
    bool expectation_dropped = false;
    std::string_view checksum;    // the algorithm that its headers are about
    bool checksum_named = false;  // x-amz-sdk-checksum-algorithm went along
    bool region_corrected = false;
    bool clock_corrected = false;
    bool credentials_renewed = false;
  };

  // Signed as of now. Errors: NeedsPerson, no credentials.
  Result<HttpRequest> sign(const S3Request& request, Made& made);
  // True: the same request, refused with certainty, is worth one more try with what was learnt.
  bool learn(const HttpReply& reply, const S3ErrorDocument& document, Made& made);
  // Of any reply: a server that never says 100 Continue is not asked for it again (S3.md 10.37),
  // and one that asks for a pause gets it (S3.md 10.29).
  void note(const HttpReply& reply);
  // It asked for less.
  void throttled() { pace_.throttled(clock_.boot()); }
  [[nodiscard]] BootTime not_before(BootTime now) const { return pace_.not_before(now); }
  // Completes the sentence of a refusal that learn() could not mend.
  void explain(Error& error, const HttpReply& reply) const;

  [[nodiscard]] S3Place place() const;
  // Any thread.
  [[nodiscard]] const std::string& bucket() const { return options_.bucket; }
  // The server's time minus ours, by the Date of its last reply, whatever ours was set to since.
  // Zero: it has not said. Any thread.
  [[nodiscard]] Nanoseconds ahead() const;
  // What is asked for; a store that refuses it gets none. Any thread.
  [[nodiscard]] bool sends_sha256() const {
    return uploader::sends_sha256(options_.checksum_header);
  }

 private:
  static constexpr std::int64_t has_not_said = std::numeric_limits<std::int64_t>::min();

  Result<void> renew_credentials();
  void drop_refused_checksum(const S3Request& request, Made& made,
                             std::vector<HttpHeader>& headers) const;
  bool learn_checksum(const HttpReply& reply, const S3ErrorDocument& document, Made& made);
  bool learn_region(const HttpReply& reply, const S3ErrorDocument& document, Made& made);
  bool learn_clock(const HttpReply& reply, const S3ErrorDocument& document, Made& made);
  bool learn_credentials(const S3ErrorDocument& document, Made& made);
  [[nodiscard]] static std::optional<WallTime> date_of(const HttpReply& reply);
  [[nodiscard]] std::optional<Nanoseconds> skew(const HttpReply& reply) const;

  // constant after construction
  const S3Options options_;
  const std::shared_ptr<CredentialsSource> source_;
  const Clock& clock_;

  // any thread
  // The server's time when our boot clock began, ns since 1970.
  std::atomic<std::int64_t> server_at_boot_{has_not_said};

  // transfer thread only
  std::string last_date_;  // as a reply had it: most that follow have the same
  std::string region_;
  S3Address address_;
  Nanoseconds clock_offset_{0};  // the server's time minus ours
  Credentials credentials_;
  std::uint64_t credentials_number_ = 0;
  Signer signer_;
  std::set<std::string_view> refused_checksums_;  // algorithms
  bool checksum_name_refused_ = false;
  bool continues_ = true;
  Pace pace_;
};

}  // namespace waybill::uploader
