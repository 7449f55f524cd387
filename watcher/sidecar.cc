#include "watcher/sidecar.h"

#include <cerrno>
#include <utility>

namespace waybill::watcher {
namespace {

// A name that is too long for the disk is nobody's. A handle that the server has forgotten says
// nothing of the name: the next look resolves it anew.
bool not_there(const Error& error) {
  return (error.code == ErrorCode::SourceGone && error.os_errno != ESTALE) ||
         error.os_errno == ENAMETOOLONG;
}

Failure not_read(Error error) {
  if (error.os_errno == ESTALE) error.code = ErrorCode::RetryLater;
  return fail(std::move(error));
}

}  // namespace

Result<std::optional<Sidecar>> read_sidecar(FileSystem& files, const Root& root,
                                            const std::string& path, LeaseMode lease) {
  const auto file = files.open_file(root, path);
  if (!file && not_there(file.error())) return std::optional<Sidecar>();
  const Result<FileStatus> status = file ? (*file)->status() : fail(file.error());
  if (!status) return not_read(status.error());
  if (status->fingerprint.size > most_sidecar_bytes) {
    return fail(ErrorCode::NeedsPerson,
                "it has more than " + std::to_string(most_sidecar_bytes) + " bytes");
  }
  const auto content = read_small(files, root, path, status->fingerprint, lease);
  if (!content && not_there(content.error())) return std::optional<Sidecar>();
  if (!content) return not_read(content.error());
  return Sidecar{.text = std::string(as_text(*content->bytes)),
                 .fingerprint = content->fingerprint,
                 .leased = content->leased};
}

}  // namespace waybill::watcher
