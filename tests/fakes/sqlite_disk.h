#pragma once

#include <sqlite3.h>

#include <cstdint>

namespace waybill::fakes {

// A disk of a test's own beneath SQLite, in front of the real one: while one of these lives,
// databases opened in this process are on it. Everything passes through but what a test overrides;
// each verb answers with SQLite's result codes. Verbs: the thread of the connection.
class SqliteDisk {
 public:
  SqliteDisk();
  virtual ~SqliteDisk();
  SqliteDisk(const SqliteDisk&) = delete;
  SqliteDisk& operator=(const SqliteDisk&) = delete;

  // An open file. SQLite allocates it, ours in front and the real one right behind, and frees it
  // without a word: nothing in here may need a destructor.
  struct File {
    sqlite3_file base;
    SqliteDisk* disk;
    const char* name;    // SQLite's, until it is closed; null: a temporary file
    int flags;           // SQLITE_OPEN_…
    std::uint64_t life;  // for the disk of a test: of whatever was alive when it was opened
  };
  static sqlite3_file* real(File& file) { return reinterpret_cast<sqlite3_file*>(&file + 1); }

  virtual void opened(File& file);
  virtual int write(File& file, const void* from, int n, sqlite3_int64 at);
  virtual int truncate(File& file, sqlite3_int64 size);
  virtual int sync(File& file, int flags);
  virtual int sector_size(File& file);
  virtual int characteristics(File& file);

 private:
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out);

  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
};

}  // namespace waybill::fakes
