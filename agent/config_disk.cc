#include <sys/stat.h>

#include <filesystem>

#include "agent/config_rules.h"
#include "agent/config_schema.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

// Whoever can log in could take the bucket.
Result<void> check_secret_file(const ConfigTable& table) {
  for (const char* key : {"secret_access_key", "session_token"}) {
    const auto secret = table.values.find(key);
    if (secret == table.values.end()) continue;
    struct stat file {};
    if (::stat(secret->second.place.file.c_str(), &file) != 0) continue;
    if ((file.st_mode & S_IROTH) != 0U) {
      return refuse(
          secret->second.place,
          secret->second.name +
              " stands in a file that everybody on this machine can read; run: chmod o= " +
              printable(secret->second.place.file));
    }
  }
  return {};
}

Result<void> check_ca_file(const ConfigTable& table) {
  const auto ca = table.values.find("ca_file");
  if (ca == table.values.end()) return {};
  struct stat file {};
  if (::stat(ca->second.string.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) {
    return refuse(ca->second.place,
                  ca->second.name + " = \"" + printable(ca->second.string) +
                      "\": there is no such file; it must hold the CA's certificates in PEM form");
  }
  return {};
}

}  // namespace

Result<void> check_against_disk(const ConfigDocument& document, const Config& config) {
  for (const ConfigTable* table : [&document] {
         std::vector<const ConfigTable*> all{&document.s3};
         for (const ConfigTable& folder : document.folders) all.push_back(&folder);
         return all;
       }()) {
    if (auto right = check_secret_file(*table); !right) return right;
    if (auto right = check_ca_file(*table); !right) return right;
  }
  // Again as the kernel sees them: a symbolic link can lead one folder into another.
  Config real = config;
  const auto resolve = [](std::string& path) {
    std::error_code error;
    const auto resolved = std::filesystem::weakly_canonical(path, error);
    if (!error) path = resolved.string();
  };
  resolve(real.state_dir);
  for (FolderConfig& folder : real.folders) resolve(folder.path);
  return check_folders(document, real);
}

}  // namespace waybill::agent
