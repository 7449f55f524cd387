// What the catalog costs at a million files (DESIGN.md section 8):
// build/release/bench/waybill-catalog [files]
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "catalog/catalog.h"
#include "catalog/reader.h"
#include "tests/fakes/temporary_folder.h"

namespace waybill {
namespace {

using catalog::Catalog;

void tell(const char* what, const std::function<std::int64_t()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  const std::int64_t count = work();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  std::printf("%-52s %10.2f ms  (%lld)\n", what, took.count(), static_cast<long long>(count));
  std::fflush(stdout);
}

template <typename T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().describe().c_str());
  std::_Exit(1);
}
void must(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().describe().c_str());
  std::_Exit(1);
}

// Three of four files are stored, in groups of 500; the rest is a backlog.
void fill(Catalog& catalog, FolderId folder, StoreId store, std::int64_t files) {
  constexpr std::int64_t group = 500;
  Random random(1);
  for (std::int64_t made = 0; made < files; made += group) {
    std::vector<std::pair<std::string, Sha256>> attempts;
    for (std::int64_t i = made; i < made + group; ++i) {
      const std::string path = "directory-" + std::to_string(1000 + i % 997) +
                               "/a-file-of-41-bytes-" + std::to_string(1000000 + i);
      const std::int64_t born = 1'790'000'000'000'000'000 + i * 50'000;
      const Fingerprint print{.dev = 1,
                              .ino = static_cast<std::uint64_t>(1'000'000 + i),
                              .btime = born,
                              .size = 4096,
                              .mtime = born,
                              .ctime = born};
      if (i % 4 == 0) {
        must(catalog.complete({.folder = folder, .path = path, .fingerprint = print}));
        continue;
      }
      Sha256 content{};
      std::memcpy(content.data(), &i, sizeof i);
      const auto row = must(catalog.complete(
          {.folder = folder, .path = path, .fingerprint = print, .sha256 = content}));
      attempts.emplace_back(random.id128(), content);
      must(catalog.claim({.id = attempts.back().first,
                          .file = row.id,
                          .store = store,
                          .key = path,
                          .condition = "absent",
                          .fingerprint = print,
                          .sha256 = content}));
    }
    must(catalog.commit());
    for (const auto& [attempt, content] : attempts) {
      must(catalog.acknowledge(attempt,
                               {.etag = "\"0123456789abcdef0123456789abcdef\"",
                                .size = 4096,
                                .sha256 = content,
                                .proof = catalog::ProofLevel::EtagRecomputed},
                               true));
    }
    must(catalog.commit());
  }
}

std::int64_t rows_of(const std::string& database, const char* sql) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  sqlite3_open_v2(database.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr);
  sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr);
  std::int64_t rows = 0;
  while (sqlite3_step(statement) == SQLITE_ROW) ++rows;
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return rows;
}

void measure(std::int64_t files) {
  const fakes::TemporaryFolder place;
  const SystemClock clock{};
  auto catalog = must(Catalog::open(place.path(), clock));
  const auto store = must(catalog->ensure_store("https://s3.lab", "bench", "")).id;
  const auto folder = must(catalog->ensure_folder("drop", "/drop", store)).id;
  tell("to queue all and store three of four", [&] {
    fill(*catalog, folder, store, files);
    return files;
  });
  auto reader = must(catalog::Reader::open(place.path()));
  tell("bytes on disk", [&] { return must(reader->size_bytes()); });
  tell("status: counts and the oldest pending, by the writer", [&] {
    return catalog->counts(folder).by_state[0] +
           static_cast<std::int64_t>(must(catalog->oldest_pending()).size());
  });
  tell("the same by a reader", [&] {
    return static_cast<std::int64_t>(must(reader->state_counts()).size() +
                                     must(reader->oldest_pending()).size());
  });
  for (const bool newest : {false, true}) {
    tell(newest ? "256 of the queue, newest first" : "256 of the queue, oldest first", [&] {
      const catalog::Queue queue{.folder = folder, .newest_first = newest};
      return static_cast<std::int64_t>(must(catalog->queued(queue, std::nullopt, 256)).size());
    });
  }
  tell("each row of a folder", [&] {
    std::int64_t seen = 0;
    must(catalog->for_each_live(folder, "", true, [&](const catalog::FileRow&) { ++seen; }));
    return seen;
  });
  tell("each name of a folder", [&] {
    std::int64_t seen = 0;
    Catalog::NamesFrom beginning;
    must(catalog->for_each_name(folder, "", true, beginning,
                                [&](const Catalog::Name&) { return ++seen > 0; }));
    return seen;
  });
  tell("whether 10,000 new files had another name before", [&] {
    constexpr std::int64_t asked = 10'000;
    for (std::int64_t i = 0; i < asked; ++i) {
      const Fingerprint reused{.dev = 1, .ino = static_cast<std::uint64_t>(i * 31), .btime = 7};
      must(catalog->same_inode_elsewhere(folder, "new", reused));
    }
    return asked;
  });
  const std::string database = place.path() + "/catalog.db";
  tell("history from the middle on, 1000 rows", [&] {
    const std::string sql =
        "SELECT * FROM history WHERE seq > " + std::to_string(files) +
        " AND event IN ('acknowledged', 'equal-foreign') ORDER BY seq LIMIT 1000";
    return rows_of(database, sql.c_str());
  });
  tell("history of one file, by the view",
       [&] { return rows_of(database, "SELECT * FROM history WHERE file_id = 4711"); });
  tell("one step of pruning, with its commit", [&] {
    const auto pruned = must(catalog->prune_events(clock.wall().time_since_epoch().count()));
    must(catalog->commit());
    return pruned.events;
  });
}

}  // namespace
}  // namespace waybill

int main(int argc, char** argv) {
  waybill::measure(argc > 1 ? std::atoll(argv[1]) : 1'000'000);
}
