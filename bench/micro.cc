// Where a small file's time goes, piece by piece (DESIGN.md section 8):
// build/release/bench/waybill-micro
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/random.h"
#include "catalog/catalog.h"
#include "tests/fakes/temporary_folder.h"

namespace waybill {
namespace {

constexpr std::size_t small_file = 4096;

void hash_small_file(benchmark::State& state) {
  const Bytes content(small_file, std::byte{7});
  for (auto _ : state) {
    benchmark::DoNotOptimize(sha256(content));
    benchmark::DoNotOptimize(md5(content));
  }
}
BENCHMARK(hash_small_file);

// Both durable commits of a small file (A: row and attempt; B: object and stored), in groups.
void commits_a_and_b(benchmark::State& state) {
  const fakes::TemporaryFolder folder;
  const SystemClock clock{};
  Random random(1);
  auto opened = catalog::Catalog::open(folder.path(), clock);
  if (!opened) return state.SkipWithError(opened.error().describe().c_str());
  catalog::Catalog& catalog = **opened;
  const auto store = catalog.ensure_store("https://s3.lab", "bench", "");
  const auto drop = catalog.ensure_folder("drop", "/drop", store->id);
  const auto group = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t made = 0;
  for (auto _ : state) {
    std::vector<std::string> attempts;
    for (std::uint64_t i = 0; i < group; ++i, ++made) {
      const std::string path =
          "a-directory/with-a-file-of-41-bytes-" + std::to_string(100000 + made);
      Sha256 content{};
      std::memcpy(content.data(), &made, sizeof made);
      const Fingerprint print{.dev = 1, .ino = made, .size = small_file};
      const auto row = catalog.complete(
          {.folder = drop->id, .path = path, .fingerprint = print, .sha256 = content});
      attempts.push_back(random.id128());
      const auto claimed = catalog.claim({.id = attempts.back(),
                                          .file = row->id,
                                          .store = store->id,
                                          .key = path,
                                          .condition = "absent",
                                          .fingerprint = print,
                                          .sha256 = content});
      if (!claimed) return state.SkipWithError(claimed.error().describe().c_str());
    }
    if (!catalog.commit()) return state.SkipWithError("commit A");
    made -= group;
    for (std::uint64_t i = 0; i < group; ++i, ++made) {
      Sha256 content{};
      std::memcpy(content.data(), &made, sizeof made);
      const auto stored = catalog.acknowledge(attempts[i],
                                              {.etag = "\"0123456789abcdef0123456789abcdef\"",
                                               .size = small_file,
                                               .sha256 = content,
                                               .proof = catalog::ProofLevel::EtagRecomputed},
                                              true);
      if (!stored) return state.SkipWithError(stored.error().describe().c_str());
    }
    if (!catalog.commit()) return state.SkipWithError("commit B");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(made));
}
BENCHMARK(commits_a_and_b)->Arg(1)->Arg(50)->Arg(500)->UseRealTime();

}  // namespace
}  // namespace waybill

BENCHMARK_MAIN();
