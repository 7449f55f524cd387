#include "agent/file_metadata.h"

#include <set>

#include "agent/metadata_text.h"
#include "uploader/own_metadata.h"

namespace waybill::agent {

Result<std::string> metadata_of(const FolderConfig& folder, const watcher::AboutFile& about) {
  uploader::Metadata metadata;
  std::set<std::string> taken;
  for (const auto& [name, value] : folder.s3.write.metadata) taken.insert(name);
  if (folder.posix_metadata) {
    metadata = uploader::posix_metadata(about.mode, about.uid, about.gid);
    for (const auto& [name, value] : metadata) taken.insert(name);
  }
  if (folder.xattr_metadata) {
    if (!about.attributes) return fail(about.attributes.error());
    auto said = uploader::own_metadata(*about.attributes, taken);
    if (!said) return fail(said.error());
    metadata.insert(metadata.end(), said->begin(), said->end());
  }
  return metadata_text(metadata);
}

}  // namespace waybill::agent
