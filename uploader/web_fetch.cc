#include "uploader/web_fetch.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <utility>

namespace waybill::uploader {
namespace {

constexpr std::size_t most_body = 64U << 10U;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Of one size from the start: a string that grows leaves copies of a secret behind.
struct Received {
  std::string text;
  std::size_t length = 0;
  Received() : text(most_body, '\0') {}
  ~Received() { ::explicit_bzero(text.data(), text.size()); }
  Received(const Received&) = delete;
  Received& operator=(const Received&) = delete;
};

std::size_t on_write(char* data, std::size_t size, std::size_t count, void* into) {
  auto& received = *static_cast<Received*>(into);
  const std::size_t length = size * count;
  if (length > received.text.size() - received.length) return 0;
  std::memcpy(received.text.data() + received.length, data, length);
  received.length += length;
  return length;
}

int on_progress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stop)->load() ? 1 : 0;
}

// Not for the programs that credential_process starts meanwhile.
curl_socket_t on_open(void*, curlsocktype, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

long milliseconds(Nanoseconds time) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

}  // namespace

Result<WebReply> fetch(const WebRequest& request, const std::atomic<bool>& stop) {
  const std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  if (!easy) return fail(ErrorCode::RetryLater, "libcurl has no memory");
  CURL* const curl = easy.get();
  Received received;
  std::unique_ptr<curl_slist, FreeList> headers;
  for (const HttpHeader& header : request.headers) {
    curl_slist* const longer =
        curl_slist_append(headers.get(), (header.name + ": " + header.value).c_str());
    if (longer == nullptr) return fail(ErrorCode::RetryLater, "libcurl has no memory");
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &on_open);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "waybill/" WAYBILL_VERSION);
  if (!request.proxy) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_timeout));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_write);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, static_cast<void*>(&received));
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<void*>(static_cast<const void*>(&stop)));
  if (request.method != HttpMethod::Get) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.reveal().size()));
    // The body is one string without an end of its own; libcurl takes it by its size.
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.reveal().data());
    if (request.method == HttpMethod::Put) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR) {
    return fail(ErrorCode::BadInput, "the answer is larger than credentials are");
  }
  if (code != CURLE_OK) return fail(ErrorCode::RetryLater, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return WebReply{static_cast<int>(status),
                  Secret(std::string_view(received.text.data(), received.length))};
}

}  // namespace waybill::uploader
