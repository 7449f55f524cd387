#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "catalog/reader.h"
#include "tests/model/world.h"

namespace waybill::model {

class Sidecars;

// Checks the promises P1 to P4, P6 and P7 with a history of its own: what people did to the disk
// and to the bucket, what came to lie there, and what was promised.
class Oracle {
 public:
  Oracle(World& world, const Sidecars& sidecars, std::function<void(const std::string&)> complain);

  // --- what people do: told before it is done ---
  void written(const std::string& path, const std::string& content);
  void gone(const std::string& path);
  void moved(const std::string& from, const std::string& to);
  void touched(const std::string& path) { touched_[path] = ++touches_; }
  [[nodiscard]] const std::map<std::string, std::string>& disk() const { return disk_; }
  void wait_began(std::shared_ptr<agent::WaitTicket> ticket);

  // --- checks ---
  void at_every_step();
  void after_death();
  void when_healed();
  // Sidecars have been written for longer than anybody is left in the dark.
  void when_sidecars_linger();
  // Renames that the catalog tells of.
  [[nodiscard]] std::size_t renames();
  // Objects that the store has copied.
  [[nodiscard]] std::size_t copies() const;

  static constexpr const char* paths[] = {"f0", "dir/f1", "dir/f2", "dir/sub/f3", "f4"};

 private:
  void check_bucket();
  void check_replacement(const fakes::FakeStore::Object& now, std::size_t index);
  void check_rows();
  void check_waits();
  void check_renames();
  void note_name(const catalog::FileRow& file, const std::optional<catalog::ObjectRow>& object);
  catalog::Reader* reader();
  std::optional<catalog::FileRow> row(const std::string& path);
  std::optional<catalog::ObjectRow> object_of(const catalog::FileRow& row);
  std::set<std::string> ids(const char* sql);
  std::string story_of(const std::string& attempt);
  void check_converged(const std::string& path);
  void check_lost(const catalog::FileRow& file);
  // What is said on disk, as rows have it; nullopt: what lies beside the file cannot be used.
  std::optional<std::string> said_of(const std::string& path);
  void check_sidecar(const std::string& path, const catalog::ObjectRow& object);

  World& world_;
  const Sidecars& sidecars_;
  const std::function<void(const std::string&)> complain_;
  std::unique_ptr<catalog::Reader> reader_;

  std::map<std::string, std::string> disk_;
  // Every name that a file has had, for the files on disk and for those of before.
  std::map<std::string, std::size_t> file_at_;  // path → index of `names_`
  std::vector<std::set<std::string>> names_;
  std::map<std::string, std::uint64_t> touched_;  // path → when, in touches
  std::uint64_t touches_ = 0;
  std::set<Sha256> whole_contents_;

  struct Wait {
    std::shared_ptr<agent::WaitTicket> ticket;
    std::map<std::string, std::string> files;
    std::uint64_t began = 0;
  };
  std::vector<Wait> waits_;
  struct Promise {
    Sha256 sha256{};
    std::uint64_t at = 0;
  };
  std::map<std::string, Promise> promised_;  // path → what `wait` said was stored

  std::size_t seen_ = 0;                                            // of the bucket's history
  std::map<std::string, std::pair<std::size_t, std::string>> now_;  // key → index, attempt
  std::map<std::string, std::size_t> sole_since_;  // attempt → the bucket's history then
  std::map<std::string, std::string> stored_as_;   // attempt → the path it was last stored under
  std::map<FileId, std::string> key_of_;           // of rows that were seen stored
  std::map<FileId, std::string> name_of_;          // the path that a row was last seen with
  std::optional<std::uint64_t> rows_as_of_;        // the disk's writes when they were last checked
};

}  // namespace waybill::model
