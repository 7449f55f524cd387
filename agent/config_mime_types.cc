#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "agent/config_schema.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/unique_fd.h"

// The machine's list of content types, which whoever administers it may change at any time.
namespace waybill::agent {
namespace {

Result<std::string> read_list(const std::string& path) {
  // Never waits for a FIFO.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return fail(system_error("open it", errno));
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::BadConfig, "it is no file");
  std::string text(uploader::MimeTypes::most_bytes, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read it", errno));
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  text.resize(length);
  return text;
}

}  // namespace

Result<void> read_mime_types(const ConfigDocument& document, Config& config) {
  const auto list = read_list(config.mime_types_file);
  if (list) {
    config.mime_types =
        std::make_shared<const uploader::MimeTypes>(uploader::MimeTypes::parse(*list));
    return {};
  }
  const auto named = document.agent.values.find("mime_types");
  if (named == document.agent.values.end()) return {};
  return refuse(named->second.place, named->second.name + " = " + in_quotes(named->second.string) +
                                         ": " + list.error().describe());
}

}  // namespace waybill::agent
