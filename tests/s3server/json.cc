#include "tests/s3server/json.h"

#include <cstdint>
#include <string_view>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`; 0: there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool beyond = first == 0xf4 && byte(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const char c = text.front();
    std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\\ufffd";
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00" + to_hex({&c, 1});
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

class Object {
 public:
  Object& add(std::string_view name, std::string_view text) { return raw(name, json_string(text)); }
  Object& add(std::string_view name, const char* text) { return raw(name, json_string(text)); }
  Object& add(std::string_view name, std::int64_t value) {
    return raw(name, std::to_string(value));
  }
  Object& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  template <typename Pairs>
  Object& pairs(std::string_view name, const Pairs& pairs) {
    Object inner;
    for (const auto& [key, value] : pairs) inner.add(key, std::string_view(value));
    return raw(name, inner.text());
  }
  std::string text() const { return "{" + body_ + "}"; }

 private:
  Object& raw(std::string_view name, const std::string& value) {
    if (!body_.empty()) body_ += ", ";
    body_ += json_string(name) + ": " + value;
    return *this;
  }
  std::string body_;
};

template <typename Items, typename Show>
std::string array(const Items& items, Show show) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ",";
    out += "\n" + show(item);
  }
  return out + "\n]\n";
}

const char* kind_name(Write::Kind kind) {
  switch (kind) {
    case Write::Kind::Put:
      return "put";
    case Write::Kind::Complete:
      return "complete";
    case Write::Kind::Copy:
      return "copy";
    case Write::Kind::Delete:
      return "delete";
  }
  return "";
}

std::int64_t signed_number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::string to_json(const std::vector<RequestRecord>& records) {
  return array(records, [](const RequestRecord& record) {
    Object object;
    object.add("number", signed_number(record.number))
        .add("method", record.method)
        .add("operation", record.operation)
        .add("bucket", record.bucket)
        .add("key", record.key)
        .add("query", record.query)
        .pairs("headers", record.headers)
        .add("body_bytes", signed_number(record.body_bytes))
        .add("status", record.status)
        .add("code", record.code)
        .flag("effect", record.effect)
        .flag("late", record.late)
        .flag("faulted", record.faulted)
        .add("connection", signed_number(record.connection))
        .add("begun_us", record.begun.count())
        .add("ended_us", record.ended.count());
    return object.text();
  });
}

std::string to_json(const std::vector<Write>& writes) {
  return array(writes, [](const Write& write) {
    Object object;
    object.add("kind", kind_name(write.kind))
        .add("request", signed_number(write.request))
        .add("size", signed_number(write.size))
        .add("sha256", write.sha256)
        .add("etag", write.etag)
        .add("version", write.version)
        .pairs("metadata", write.metadata);
    return object.text();
  });
}

std::string counters_to_json(const RequestLog& log) {
  Object object;
  for (std::size_t i = 1; i < kOperations; ++i) {
    const std::string name(operation_name(static_cast<Operation>(i)));
    if (const std::size_t count = log.count(name)) object.add(name, signed_number(count));
  }
  object.add("all", signed_number(log.count()));
  return object.text() + "\n";
}

}  // namespace waybill::s3server
