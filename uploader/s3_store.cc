#include "uploader/s3_store.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "uploader/checksum.h"
#include "uploader/s3_exchange.h"
#include "uploader/transfer_engine.h"

namespace waybill::uploader {
namespace {

constexpr std::string_view metadata_prefix = "x-amz-meta-";

std::string version_of(const HttpReply& reply) {
  const std::string_view version = reply.headers.find("x-amz-version-id");
  return version == "null" ? "" : std::string(version);
}

// Of the whole object only: a checksum of checksums (`…-3`) says nothing that we could compare.
std::string checksum_of(const HttpReply& reply) {
  const std::string_view checksum = reply.headers.find("x-amz-checksum-sha256");
  const bool composite = checksum.find('-') != std::string_view::npos ||
                         reply.headers.find("x-amz-checksum-type") == "COMPOSITE";
  return composite ? "" : std::string(checksum);
}

// Likewise.
std::optional<Crc> crc_of(const HttpReply& reply) {
  if (reply.headers.find("x-amz-checksum-type") == "COMPOSITE") return std::nullopt;
  for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c}) {
    if (const auto crc = parse_crc(kind, reply.headers.find(header_of(kind)))) return crc;
  }
  return std::nullopt;
}

PutReply put_reply(const HttpReply& reply, std::string etag) {
  return {.etag = std::move(etag),
          .version = version_of(reply),
          .checksum_sha256 = checksum_of(reply),
          .request_id = std::string(reply.headers.find("x-amz-request-id")),
          .crc = crc_of(reply)};
}

// A reader makes a Reply of a success, or says what is missing in it. A plain function: a request
// must not cost an allocation more than it needs.
template <typename Reply>
using Reader = Result<Reply> (*)(const S3Request&, const HttpReply&);

Failure missing(std::string what) {
  return fail(ErrorCode::BadInput, std::move(what));
}

Result<PutReply> read_put(const S3Request&, const HttpReply& reply) {
  std::string etag(reply.headers.find("etag"));
  if (etag.empty()) return missing("it acknowledges an object without an ETag");
  return put_reply(reply, std::move(etag));
}

Result<PutReply> read_copied(const S3Request&, const HttpReply& reply) {
  auto etag = parse_copied(reply.body);
  if (!etag) return fail(std::move(etag.error()));
  return put_reply(reply, std::move(*etag));
}

Result<HeadReply> read_head(const S3Request&, const HttpReply& reply) {
  const std::string_view length = reply.headers.find("content-length");
  HeadReply head{.etag = std::string(reply.headers.find("etag")),
                 .version = version_of(reply),
                 .checksum_sha256 = checksum_of(reply),
                 .request_id = std::string(reply.headers.find("x-amz-request-id")),
                 .crc = crc_of(reply)};
  const char* const end = length.data() + length.size();
  const auto [at, error] = std::from_chars(length.data(), end, head.size);
  if (head.etag.empty() || length.empty() || error != std::errc() || at != end) {
    return missing("it describes an object without an ETag or a size");
  }
  for (HttpHeader& header : reply.headers.with_prefix(metadata_prefix)) {
    head.metadata.emplace_back(std::move(header.name), std::move(header.value));
  }
  return head;
}

Result<Nothing> read_nothing(const S3Request&, const HttpReply&) {
  return Nothing{};
}

Result<std::string> read_created(const S3Request&, const HttpReply& reply) {
  return parse_upload_id(reply.body);
}

Result<Part> read_part(const S3Request& request, const HttpReply& reply) {
  Part part{.etag = std::string(reply.headers.find("etag"))};
  if (part.etag.empty()) return missing("it acknowledges a part without an ETag");
  part.size = request.body->size();
  part.crc = crc_of(reply);
  const std::string& number = request.query.front().second;
  std::from_chars(number.data(), number.data() + number.size(), part.number);
  return part;
}

Result<PutReply> read_completed(const S3Request&, const HttpReply& reply) {
  auto completed = parse_completed(reply.body);
  if (!completed) return fail(std::move(completed.error()));
  PutReply read = put_reply(reply, std::move(completed->etag));
  if (completed->crc) read.crc = completed->crc;
  return read;
}

template <typename Reply>
class SingleExchange final : public S3Exchange {
 public:
  SingleExchange(std::shared_ptr<S3Session> session, S3Request request, Reader<Reply> read,
                 Done<Reply> done)
      : S3Exchange(std::move(session), std::move(request)), read_(read), done_(std::move(done)) {}

 private:
  Next answered(const HttpReply& reply) override {
    auto value = read_(request(), reply);
    done_(value ? std::move(value) : Result<Reply>(fail(unreadable(reply, value.error().message))));
    return Next::Done;
  }
  void failed(Error error) override { done_(fail(std::move(error))); }

  const Reader<Reply> read_;
  const Done<Reply> done_;
};

// S3 allows no more, so a listing that goes on and on is a broken one.
constexpr std::size_t most_parts = 10'000;
constexpr std::size_t most_uploads = 100'000;

class ListPartsExchange final : public S3Exchange {
 public:
  ListPartsExchange(std::shared_ptr<S3Session> session, std::string key, std::string upload_id,
                    Done<std::vector<Part>> done)
      : S3Exchange(std::move(session), list_parts(key, upload_id, "")),
        key_(std::move(key)),
        upload_id_(std::move(upload_id)),
        done_(std::move(done)) {}

 private:
  Next answered(const HttpReply& reply) override {
    auto page = parse_list_parts(reply.body);
    if (!page) return end(fail(unreadable(reply, page.error().message)));
    for (Part& part : page->parts) {
      const bool ascending = parts_.empty() || parts_.back().number < part.number;
      if (!ascending) return end(fail(unreadable(reply, "it lists parts out of order")));
      parts_.push_back(std::move(part));
    }
    if (!page->truncated) return end(std::move(parts_));
    // The next page must begin behind this one: what it lists again is out of order.
    if (page->parts.empty() || parts_.size() > most_parts || page->next_marker.empty() ||
        page->next_marker == marker_) {
      return end(fail(unreadable(reply, "it lists parts without an end")));
    }
    marker_ = page->next_marker;
    set_request(list_parts(key_, upload_id_, marker_));
    return Next::Again;
  }
  void failed(Error error) override { done_(fail(std::move(error))); }
  Next end(Result<std::vector<Part>> parts) {
    done_(std::move(parts));
    return Next::Done;
  }

  const std::string key_;
  const std::string upload_id_;
  const Done<std::vector<Part>> done_;
  std::vector<Part> parts_;
  std::string marker_;
};

// The listing is by prefix and sorted: of one key's, that key comes first, longer ones after it.
struct UploadsWanted {
  std::string prefix;
  bool exactly = false;  // that key alone
  std::size_t most = most_uploads;
};

class ListUploadsExchange final : public S3Exchange {
 public:
  ListUploadsExchange(std::shared_ptr<S3Session> session, UploadsWanted wanted,
                      Done<std::vector<ListedUpload>> done)
      : S3Exchange(std::move(session), list_multipart_uploads(wanted.prefix, "", "")),
        wanted_(std::move(wanted)),
        done_(std::move(done)) {}

 private:
  using Marker = std::pair<std::string, std::string>;  // key, upload id

  Next answered(const HttpReply& reply) override {
    auto page = parse_list_uploads(reply.body);
    if (!page) return end(fail(unreadable(reply, page.error().message)));
    for (ListedUpload& upload : page->uploads) {
      if (is_wanted(upload.key)) uploads_.push_back(std::move(upload));
    }
    const bool all = !page->truncated || uploads_.size() >= wanted_.most ||
                     (wanted_.exactly && page->next_key_marker > wanted_.prefix);
    if (all) {
      uploads_.resize(std::min(uploads_.size(), wanted_.most));
      return end(std::move(uploads_));
    }
    listed_ += page->uploads.size();
    Marker next{page->next_key_marker, page->next_upload_id_marker};
    if (page->uploads.empty() || listed_ > most_uploads || !advances(next)) {
      return end(fail(unreadable(reply, "it lists uploads without an end")));
    }
    set_request(list_multipart_uploads(wanted_.prefix, next.first, next.second));
    markers_.insert(std::move(next));
    return Next::Again;
  }
  // A key's uploads follow each other by their time, so nothing orders their ids; but where a
  // marker comes again, so does all that follows it.
  [[nodiscard]] bool advances(const Marker& next) const {
    if (next.first.empty() || markers_.contains(next)) return false;
    return markers_.empty() || next.first >= markers_.rbegin()->first;
  }
  // A store that takes no notice of the prefix lists what is none of our business.
  [[nodiscard]] bool is_wanted(std::string_view key) const {
    return wanted_.exactly ? key == wanted_.prefix : key.starts_with(wanted_.prefix);
  }
  void failed(Error error) override { done_(fail(std::move(error))); }
  Next end(Result<std::vector<ListedUpload>> uploads) {
    done_(std::move(uploads));
    return Next::Done;
  }

  const UploadsWanted wanted_;
  const Done<std::vector<ListedUpload>> done_;
  std::vector<ListedUpload> uploads_;
  std::set<Marker> markers_;  // of the pages so far
  std::size_t listed_ = 0;
};

class S3Store final : public ObjectStore {
 public:
  S3Store(std::shared_ptr<S3Session> session, TransferEngine::Loop& loop)
      : session_(std::move(session)), loop_(loop) {}
  ~S3Store() override { loop_.cancel_all(this); }
  S3Store(const S3Store&) = delete;
  S3Store& operator=(const S3Store&) = delete;

  RequestId put(PutRequest request, Done<PutReply> done) override {
    return submit(put_object(std::move(request), session_->sends_sha256()), &read_put,
                  std::move(done));
  }
  RequestId copy(CopyRequest request, Done<PutReply> done) override {
    return submit(copy_object(std::move(request), session_->bucket(), session_->sends_sha256()),
                  &read_copied, std::move(done));
  }
  RequestId head(std::string key, Done<HeadReply> done) override {
    return submit(head_object(std::move(key)), &read_head, std::move(done));
  }
  RequestId remove(std::string key, Done<Nothing> done) override {
    return submit(delete_object(std::move(key)), &read_nothing, std::move(done));
  }
  RequestId create_upload(CreateRequest request, Done<std::string> done) override {
    return submit(create_multipart_upload(std::move(request)), &read_created, std::move(done));
  }
  RequestId put_part(PartRequest request, Done<Part> done) override {
    return submit(upload_part(std::move(request)), &read_part, std::move(done));
  }
  RequestId list_parts(std::string key, std::string upload_id,
                       Done<std::vector<Part>> done) override {
    return loop_.submit(std::make_unique<ListPartsExchange>(session_, std::move(key),
                                                            std::move(upload_id), std::move(done)),
                        this);
  }
  RequestId complete_upload(CompleteRequest request, Done<PutReply> done) override {
    return submit(complete_multipart_upload(std::move(request)), &read_completed, std::move(done));
  }
  RequestId abort_upload(std::string key, std::string upload_id, Done<Nothing> done) override {
    Done<Nothing> found_or_not = [done = std::move(done)](Result<Nothing> reply) {
      const bool gone = !reply && reply.error().code == ErrorCode::NotFound;
      done(gone ? Result<Nothing>(Nothing{}) : std::move(reply));
    };
    return submit(abort_multipart_upload(std::move(key), std::move(upload_id)), &read_nothing,
                  std::move(found_or_not));
  }
  RequestId list_uploads(std::string key, Done<std::vector<ListedUpload>> done) override {
    return list(UploadsWanted{.prefix = std::move(key), .exactly = true}, std::move(done));
  }
  RequestId list_uploads_below(std::string prefix, std::size_t most,
                               Done<std::vector<ListedUpload>> done) override {
    return list(UploadsWanted{.prefix = std::move(prefix), .most = std::min(most, most_uploads)},
                std::move(done));
  }
  [[nodiscard]] Nanoseconds ahead() const override { return session_->ahead(); }
  void cancel(RequestId id) override { loop_.cancel(id); }

 private:
  RequestId list(UploadsWanted wanted, Done<std::vector<ListedUpload>> done) {
    return loop_.submit(
        std::make_unique<ListUploadsExchange>(session_, std::move(wanted), std::move(done)), this);
  }
  template <typename Reply>
  RequestId submit(S3Request request, Reader<Reply> read, Done<Reply> done) {
    return loop_.submit(std::make_unique<SingleExchange<Reply>>(session_, std::move(request), read,
                                                                std::move(done)),
                        this);
  }

  const std::shared_ptr<S3Session> session_;
  TransferEngine::Loop& loop_;
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> make_s3_store(S3Options options,
                                                   std::shared_ptr<CredentialsSource> credentials,
                                                   TransferEngine& engine, const Clock& clock) {
  // What S3 itself takes for granted, and what most compatible servers sign with.
  if (options.region.empty()) options.region = "us-east-1";
  auto address = find_address(options, options.region);
  if (!address) return fail(std::move(address.error()));
  auto session = std::make_shared<S3Session>(std::move(options), std::move(*address),
                                             std::move(credentials), clock);
  return std::unique_ptr<ObjectStore>(std::make_unique<S3Store>(std::move(session), engine.loop()));
}

}  // namespace waybill::uploader
