#include "agent/file_metadata.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "agent/metadata_text.h"
#include "base/bytes.h"
#include "base/paths.h"
#include "base/test_points.h"
#include "uploader/own_metadata.h"
#include "uploader/sidecar.h"

namespace waybill::agent {
namespace {

using Said = std::map<std::string, std::string>;

// S3 knows no capital letters in names.
bool same_name(const std::string& a, const std::string& b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

Result<Said> said_by_sidecar(const BesideFile& beside) {
  Result<Said> said;
  if (!beside.sidecar) {
    said = fail(beside.sidecar.error());
  } else if (const auto& sidecar = *beside.sidecar) {
    said = uploader::parse_sidecar(sidecar->text);
  }
  if (!said && WAYBILL_PLANTED(BadSidecarTakenAsNone)) return Said();
  if (said) return said;
  Error error = said.error();
  error.message =
      "its sidecar " + printable(name_of(beside.path)) + " cannot be used: " + error.message;
  return fail(std::move(error));
}

Result<Said> said_by_people(const FolderConfig& folder, const watcher::AboutFile& about,
                            const BesideFile& beside) {
  auto said = said_by_sidecar(beside);
  if (!said || !folder.xattr_metadata) return said;
  if (!about.attributes) return fail(about.attributes.error());
  const Said by_sidecar = *said;
  for (const auto& [name, value] : *about.attributes) {
    const auto same = [&name = name](const auto& one) { return same_name(one.first, name); };
    if (std::ranges::none_of(by_sidecar, same)) said->emplace(name, value);
  }
  return said;
}

}  // namespace

Result<std::string> metadata_of(const FolderConfig& folder, const watcher::AboutFile& about,
                                const BesideFile& beside) {
  uploader::Metadata metadata;
  std::set<std::string> taken;
  for (const auto& [name, value] : folder.s3.write.metadata) taken.insert(name);
  if (folder.posix_metadata) {
    metadata = uploader::posix_metadata(about.mode, about.uid, about.gid);
    for (const auto& [name, value] : metadata) taken.insert(name);
  }
  const auto people = said_by_people(folder, about, beside);
  if (!people) return fail(people.error());
  const auto said = uploader::own_metadata(*people, taken);
  if (!said) return fail(said.error());
  metadata.insert(metadata.end(), said->begin(), said->end());
  return metadata_text(metadata);
}

}  // namespace waybill::agent
