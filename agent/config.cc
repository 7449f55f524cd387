#include "agent/config.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "agent/config_document.h"
#include "agent/config_schema.h"
#include "base/bytes.h"
#include "base/unique_fd.h"

namespace waybill::agent {
namespace {

// More than any configuration has; what is larger is refused by its size, not read to its end.
constexpr std::size_t most_bytes = 1U << 20U;

Failure unreadable(const std::string& file, int os_errno) {
  return fail(Error{.code = ErrorCode::BadConfig,
                    .message = "cannot read " + printable(file),
                    .os_errno = os_errno});
}

Result<std::string> read_file(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return unreadable(file, errno);
  std::string text;
  std::array<char, 16384> buffer{};
  while (text.size() < most_bytes) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(file, errno);
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

// conf.d/*.toml beside FILE, in name order; hidden files are an editor's.
Result<std::vector<std::string>> drop_ins(const std::string& file) {
  const auto directory = std::filesystem::path(file).parent_path() / "conf.d";
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".toml")) files.push_back(entry->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {
    return unreadable(directory.string(), error.value());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<void> add_file(const std::string& file, ConfigDocument& document,
                      std::vector<std::string>& files) {
  auto text = read_file(file);
  if (!text) return fail(std::move(text.error()));
  auto parsed = parse_document(*text, file);
  if (!parsed) return fail(std::move(parsed.error()));
  files.push_back(file);
  return merge(document, std::move(*parsed));
}

std::string absolute(const std::string& path) {
  if (path.empty()) return path;
  std::error_code error;
  auto full = std::filesystem::absolute(path, error).lexically_normal().string();
  while (full.size() > 1 && full.back() == '/') full.pop_back();
  return error ? path : full;
}

bool same_wishes(const uploader::WriteOptions& a, const uploader::WriteOptions& b) {
  const auto plain = [](const uploader::WriteOptions& write) {
    return std::tie(write.sse, write.sse_kms_key_id, write.sse_bucket_key, write.storage_class,
                    write.acl, write.cache_control, write.content_type, write.tags, write.metadata,
                    write.lock, write.lock_for, write.legal_hold, write.requester_pays,
                    write.expected_bucket_owner);
  };
  return plain(a) == plain(b);
}

}  // namespace

bool operator==(const S3Config& a, const S3Config& b) {
  const auto plain = [](const S3Config& s3) {
    return std::tie(s3.endpoint, s3.region, s3.bucket, s3.path_style, s3.ca_file, s3.access_key_id,
                    s3.credentials_file, s3.profile, s3.proxy, s3.dual_stack, s3.fips,
                    s3.accelerate, s3.checksum, s3.part_size, s3.sse_customer_key_file);
  };
  return plain(a) == plain(b) && same_wishes(a.write, b.write) &&
         a.secret_access_key.reveal() == b.secret_access_key.reveal() &&
         a.session_token.reveal() == b.session_token.reveal();
}

Result<Config> parse_config(std::string_view text, const std::string& file) {
  auto document = parse_document(text, file);
  if (!document) return fail(std::move(document.error()));
  auto config = build_config(*document, {});
  if (config) config->files.push_back(file);
  return config;
}

Result<Config> load_config(const std::string& file, bool may_be_missing,
                           const ConfigOverrides& overrides) {
  ConfigDocument document;
  std::vector<std::string> files;
  struct stat there {};
  const bool missing = ::stat(file.c_str(), &there) != 0 && errno == ENOENT;
  if (!missing || !may_be_missing) {
    if (auto added = add_file(file, document, files); !added) return fail(std::move(added.error()));
  }
  auto more = drop_ins(file);
  if (!more) return fail(std::move(more.error()));
  for (const std::string& drop_in : *more) {
    if (auto added = add_file(drop_in, document, files); !added) {
      return fail(std::move(added.error()));
    }
  }
  auto config = build_config(
      document, {.state_dir = absolute(overrides.state_dir), .socket = absolute(overrides.socket)});
  if (!config) return config;
  if (auto right = check_against_disk(document, *config); !right) {
    return fail(std::move(right.error()));
  }
  if (auto read = read_mime_types(document, *config); !read) return fail(std::move(read.error()));
  config->files = std::move(files);
  return config;
}

}  // namespace waybill::agent
