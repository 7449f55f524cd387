#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "uploader/http.h"

namespace waybill::uploader {

struct WebRequest {
  HttpMethod method = HttpMethod::Get;  // Get, Put or Post
  std::string url;
  std::vector<HttpHeader> headers;
  Secret body;
  bool proxy = true;  // by the environment; never for the addresses of the machine's own services
  Nanoseconds connect_timeout = std::chrono::seconds(2);
  Nanoseconds timeout = std::chrono::seconds(15);
};

struct WebReply {
  int status = 0;
  Secret body;
};

// One request, waited for: for the thread that fetches credentials alone, never the transfer
// thread. No redirect is followed: credentials come from where they were asked for. Ends early,
// within a second, once `stop` is set. Errors: RetryLater (no answer), BadInput (an answer larger
// than any of these).
Result<WebReply> fetch(const WebRequest& request, const std::atomic<bool>& stop);

}  // namespace waybill::uploader
