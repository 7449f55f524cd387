#include "agent/config_wishes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "agent/config_rules.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

using uploader::ObjectLock;
using uploader::WriteOptions;

// What goes into a header has to survive it.
bool fits_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= ' ' && c < 0x7F; });
}

void take_header(const SectionReader& section, std::string_view key, std::string& into) {
  take(section.non_empty(key), into);
  if (!fits_header(into)) section.wrong(*section.find(key), "only printable ASCII fits in there");
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// "name=value", one or more.
Pairs pairs_of(const SectionReader& section, std::string_view key) {
  Pairs pairs;
  for (const std::string& text : section.strings(key)) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      section.wrong(*section.find(key),
                    "\"" + printable(text) + "\" is not written like \"name=value\"");
      return {};
    }
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

// S3 refuses a tag that comes twice, and of two metadata of one name it makes a list.
void refuse_twins(const SectionReader& section, std::string_view key, const Pairs& pairs) {
  std::set<std::string_view> names;
  for (const auto& [name, value] : pairs) {
    if (!names.insert(name).second) {
      section.wrong(*section.find(key), "\"" + printable(name) + "\" comes twice; keep one");
    }
  }
}

void read_tags(const SectionReader& section, WriteOptions& write) {
  constexpr std::size_t most = 10;
  constexpr std::size_t longest_name = 128;
  constexpr std::size_t longest_value = 256;
  write.tags = pairs_of(section, "tagging");
  refuse_twins(section, "tagging", write.tags);
  if (write.tags.size() > most) section.wrong(*section.find("tagging"), "more than S3's ten tags");
  for (const auto& [name, value] : write.tags) {
    if (name.size() > longest_name || value.size() > longest_value) {
      section.wrong(*section.find("tagging"),
                    "a tag's name has at most 128 characters, its value 256");
    }
  }
}

void read_metadata(const SectionReader& section, WriteOptions& write) {
  constexpr std::size_t most = 512;  // of S3's 2 KB; the rest is for our own
  write.metadata = pairs_of(section, "metadata");
  std::size_t sum = 0;
  for (auto& [name, value] : write.metadata) {
    sum += name.size() + value.size();
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool token = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!token || !fits_header(value)) {
      section.wrong(*section.find("metadata"),
                    "\"" + printable(name) +
                        "\": a name has letters, digits, hyphens, dots and underscores, a value "
                        "printable ASCII");
    }
    if (name.starts_with("waybill-") || name == "mtime") {
      section.wrong(*section.find("metadata"), "\"" + name + "\" is written by waybilld itself");
    }
  }
  refuse_twins(section, "metadata", write.metadata);
  if (sum > most) section.wrong(*section.find("metadata"), "longer than 512 bytes in all");
}

void read_encryption(const SectionReader& section, S3Config& s3) {
  constexpr std::pair<std::string_view, std::string_view> ways[] = {
      {"AES256", "AES256"}, {"aws:kms", "aws:kms"}, {"aws:kms:dsse", "aws:kms:dsse"}};
  if (const auto way = section.choice("sse", ways)) s3.write.sse = *way;
  take_header(section, "sse_kms_key_id", s3.write.sse_kms_key_id);
  take(section.boolean("sse_bucket_key"), s3.write.sse_bucket_key);
  take(section.path("sse_customer_key_file"), s3.sse_customer_key_file);
  const ConfigValue* key_id = section.find("sse_kms_key_id");
  if (key_id != nullptr && !s3.write.sse.starts_with("aws:kms")) {
    section.wrong(*key_id, "only with sse = \"aws:kms\" or \"aws:kms:dsse\"");
  }
  const ConfigValue* bucket_key = section.find("sse_bucket_key");
  if (bucket_key != nullptr && s3.write.sse_bucket_key && s3.write.sse != "aws:kms") {
    section.wrong(*bucket_key, "only with sse = \"aws:kms\"");
  }
  const ConfigValue* customer = section.find("sse_customer_key_file");
  if (customer != nullptr && !s3.endpoint.empty() && fault_of_endpoint(s3.endpoint, false)) {
    section.wrong(*customer, "it would be sent with each request: the endpoint has to be https://");
  }
  if (customer != nullptr && !s3.write.sse.empty()) {
    section.wrong(*customer, "sse is set too: an object is encrypted with one key, keep one");
  }
}

void read_lock(const SectionReader& section, WriteOptions& write) {
  constexpr std::pair<std::string_view, ObjectLock> modes[] = {
      {"governance", ObjectLock::Governance}, {"compliance", ObjectLock::Compliance}};
  take(section.choice("object_lock", modes), write.lock);
  constexpr auto day = std::chrono::hours(24);
  take(section.duration("object_lock_for", std::chrono::minutes(1), day * 36'500), write.lock_for);
  take(section.boolean("legal_hold"), write.legal_hold);
  const ConfigValue* mode = section.find("object_lock");
  const ConfigValue* time = section.find("object_lock_for");
  if (mode != nullptr && time == nullptr) {
    section.wrong(*mode, "object_lock_for is missing beside it, like \"30d\"");
  } else if (mode == nullptr && time != nullptr) {
    section.wrong(*time, "object_lock is missing beside it, \"governance\" or \"compliance\"");
  }
}

void read_addressing(const SectionReader& section, S3Config& s3) {
  take(section.non_empty("proxy"), s3.proxy);
  // First of all, since the other sentence repeats what was written.
  if (s3.proxy.find('@') != std::string::npos) {
    section.refuse(*section.find("proxy"),
                   "a password does not belong into it; set https_proxy in the environment");
  } else if (!s3.proxy.empty() && s3.proxy.find("://") == std::string::npos) {
    section.wrong(*section.find("proxy"), "a proxy is written like \"http://proxy.example:3128\"");
  }
  for (const auto& [key, flag] :
       {std::pair<std::string_view, bool S3Config::*>{"dual_stack", &S3Config::dual_stack},
        {"fips", &S3Config::fips},
        {"accelerate", &S3Config::accelerate}}) {
    take(section.boolean(key), s3.*flag);
    if (s3.*flag && !s3.endpoint.empty()) {
      section.wrong(*section.find(key), "only AWS has that, and endpoint names another server");
    }
  }
  if (s3.accelerate && (s3.fips || s3.path_style)) {
    section.wrong(*section.find("accelerate"),
                  "goes neither with fips nor with a bucket that is addressed by path");
  }
}

}  // namespace

void read_s3_wishes(const SectionReader& section, S3Config& s3) {
  read_addressing(section, s3);
  read_encryption(section, s3);
  WriteOptions& write = s3.write;
  take_header(section, "storage_class", write.storage_class);
  take_header(section, "acl", write.acl);
  take_header(section, "cache_control", write.cache_control);
  take_header(section, "content_type", write.content_type);
  read_tags(section, write);
  read_metadata(section, write);
  read_lock(section, write);
  take(section.boolean("requester_pays"), write.requester_pays);
  take(section.non_empty("expected_bucket_owner"), write.expected_bucket_owner);
  const std::string& owner = write.expected_bucket_owner;
  const bool digits =
      std::all_of(owner.begin(), owner.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!owner.empty() && (owner.size() != 12 || !digits)) {
    section.wrong(*section.find("expected_bucket_owner"), "an account of AWS has twelve digits");
  }
  using uploader::ChecksumHeader;
  constexpr std::pair<std::string_view, ChecksumHeader> checksums[] = {
      {"auto", ChecksumHeader::Auto},
      {"crc64nvme", ChecksumHeader::Crc64Nvme},
      {"crc32c", ChecksumHeader::Crc32c},
      {"sha256", ChecksumHeader::Sha256},
      {"none", ChecksumHeader::None}};
  take(section.choice("checksum", checksums), s3.checksum);
  // Stores other than AWS stumble over checksums that they know by half, some only at Complete and
  // with errors that name none (S3.md 2): there a person asks for one.
  if (s3.checksum == ChecksumHeader::Auto && !s3.endpoint.empty()) {
    s3.checksum = ChecksumHeader::None;
  }
  take(section.size("part_size", 5ULL << 20U, 5ULL << 30U), s3.part_size);
}

}  // namespace waybill::agent
