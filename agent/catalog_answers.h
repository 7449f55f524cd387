#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/answers.h"
#include "base/result.h"
#include "catalog/reader.h"

// From a read-only catalog to answers: for the control server, and for a CLI whose daemon is down.
// On the reader's thread; errors are the reader's.
namespace waybill::agent {

struct KnownFolder {
  FolderId id{};
  std::string name;
  std::string path;
};

// A file or directory below a folder. `path` empty: the folder itself.
struct Target {
  KnownFolder folder;
  std::string path;
};

Result<std::vector<KnownFolder>> known_folders(catalog::Reader& reader);

// What a person meant by `argument`: an absolute path, a path from `cwd`, a path below a folder, or
// any of them as printable() shows it. What the catalog knows wins; a path inside a folder that it
// does not know (yet) is taken as it stands. NotFound: in no folder. BadInput: in several.
Result<Target> locate(catalog::Reader& reader, const std::vector<KnownFolder>& folders,
                      std::string_view argument, const std::string& cwd);
// The same by the argument alone, with nothing to look into.
Result<Target> locate(const std::vector<KnownFolder>& folders, std::string_view argument,
                      const std::string& cwd);

struct FileFilter {
  std::optional<Target> target;  // the file, or all below the directory; nullopt: everywhere
  std::optional<catalog::FileState> state;
  std::int64_t after = 0;
  std::size_t limit = 1000;
};
Result<FileList> list_files(catalog::Reader& reader, const FileFilter& filter);

Result<FileStory> tell(catalog::Reader& reader, const Target& target);

// What status can say without the daemon; `at` is left for the caller.
Result<Status> status_from(catalog::Reader& reader);

// Of all reasons, those that keep this file from being stored.
std::vector<Reason> concerning(const FileStory& story, const std::vector<Reason>& reasons);

}  // namespace waybill::agent
