#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/transfers.h"

namespace waybill::agent {

// The ETag that the attempt's object is to replace; nullopt: its key is new.
std::optional<std::string> base_etag_of(const catalog::AttemptRow& attempt);

// One attempt under way.
struct Transfers::Running {
  catalog::AttemptRow attempt;
  const FilePath path;
  const QueueName queue;  // where it waited
  uploader::Upload machine;

  Source source;
  std::uint64_t charged = 0;  // bytes of content held for it
  [[nodiscard]] std::uint64_t charged_parts() const { return attempt.part_size != 0 ? charged : 0; }
  uploader::PutRequest put;  // what to send once the content is here
  bool reading = false;      // a read is under way
  std::deque<uploader::SendPart> parts_to_read;
  bool read_whole = false;
  // A Create of it was never answered: its upload may come to be when nobody asks any more.
  bool create_unclear = false;
  bool resumed = false;          // an earlier run may have sent it
  std::size_t left_uploads = 0;  // of those that the machine left behind, so many have rows

  std::set<uploader::RequestId> requests;
  std::uint64_t pauses = 0;  // counts them, so that a late timer knows that its pause is over
  bool lost = false;         // the machine has been told that its source is lost
  bool held = false;         // waits for its store to open
  int troubles = 0;          // in a row
  // How many its store had stored when it last failed this one: more since, and it is no outage.
  std::optional<std::uint64_t> stored_at_trouble;
  struct Failing {
    std::int64_t times = 0;  // while others got through
    std::int64_t since = 0;  // ns since 1970
    BootTime next{};
    Error cause;
  };
  std::optional<Failing> failing;
  bool wanted = true;             // false: newer content, or no file
  std::optional<Error> given_up;  // the row is to be blocked for this once the machine has stopped
};

// The answer to a request that was never made.
inline Failure not_sent() {
  return fail(ErrorCode::RetryLater, "its content could not be read");
}

template <typename Reply, typename MakeInput>
uploader::Done<Reply> Transfers::replies_to(Running& running, MakeInput make_input) {
  // The request's id is known only after the call that takes this: it finds its way in through
  // here.
  auto request = std::make_shared<std::optional<uploader::RequestId>>();
  last_request_ = request;
  return [this, post = session_.poster(), id = running.attempt.id, request,
          make_input](Result<Reply> reply) {
    post([this, id, request, make_input, reply = std::move(reply)] {
      const auto found = running_.find(id);
      if (found == running_.end()) return;
      if (*request) found->second->requests.erase(**request);
      if (reply) found->second->troubles = 0;
      feed(id, make_input(reply));
    });
  };
}

}  // namespace waybill::agent
