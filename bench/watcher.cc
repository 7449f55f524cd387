// The watcher by itself (WATCHING.md 3): build/release/bench/waybill-watcher-bench [FILES] [PARENT]
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/unique_fd.h"
#include "tests/fakes/temporary_folder.h"
#include "watcher/scanner.h"
#include "watcher/watch_loop.h"

namespace waybill::watcher {
namespace {

using std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
  const auto begun = steady_clock::now();
  work();
  return std::chrono::duration<double>(steady_clock::now() - begun).count();
}

void row(const char* budget, const std::string& figure, const char* target,
         const std::string& beside = "") {
  std::printf("%-46s %26s   %-26s %s\n", budget, figure.c_str(), target, beside.c_str());
  std::fflush(stdout);
}

std::string number(double value, int decimals = 0) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

double heap() {
  return static_cast<double>(::mallinfo2().uordblks);
}

void make_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) throw std::runtime_error("cannot make " + path);
}

// Makes it.
std::string directory_in(const fakes::TemporaryFolder& place, const std::string& name) {
  std::filesystem::create_directories(place.file(name));
  return place.file(name);
}

// Both threads' work on one, so that what is measured is the work.
class Watcher {
 public:
  explicit Watcher(const std::string& root) {
    scanner_.set_folders({{.id = FolderId{1}, .path = root}});
  }
  void scan() {
    const int before = scans_;
    while (scans_ == before) scanner_.step();
  }
  void rescan() {
    scanner_.rescan(FolderId{1});
    scan();
  }
  // Until so many more files were reported.
  void observe(std::size_t files) {
    const std::size_t enough = seen_ + files;
    while (seen_ < enough) {
      loop_.interrupt();
      if (!loop_.step()) throw std::runtime_error("the event source broke");
      scanner_.step();
    }
  }
  [[nodiscard]] double nodes() const { return static_cast<double>(scanner_.nodes()); }

 private:
  static std::unique_ptr<EventSource> inotify() {
    auto made = make_inotify_source();
    if (!made) throw std::runtime_error(made.error().describe());
    return std::move(*made);
  }
  void take(const Observation& observation) {
    if (const auto* files = std::get_if<Seen>(&observation)) seen_ += files->files.size();
    if (std::holds_alternative<ScanComplete>(observation)) ++scans_;
  }

  const SystemClock clock_{};
  const std::unique_ptr<FileSystem> files_ = make_linux_file_system();
  const std::unique_ptr<EventSource> events_ = inotify();
  Coalescer dirt_;
  WatchLoop loop_{*events_, dirt_};
  Scanner scanner_{*files_, *events_, dirt_, clock_,
                   [this](const Observation& observation) { take(observation); }};
  std::size_t seen_ = 0;
  int scans_ = 0;
};

void bench_scans(const fakes::TemporaryFolder& place, int files) {
  const std::string root = directory_in(place, "scans");
  for (int directory = 0; directory < 100; ++directory) {
    const std::string made = directory_in(place, "scans/directory-" + std::to_string(directory));
    for (int i = 0; i < files / 100; ++i) make_file(made + "/file-" + std::to_string(i));
  }
  const std::string find = "find " + root + " -printf '%i %s %T@ %C@\\n' >/dev/null";
  const auto run_find = [&find] {
    if (std::system(find.c_str()) != 0) throw std::runtime_error("find failed");
  };
  run_find();  // warm
  const double found = seconds_of(run_find);
  const double before = heap();
  Watcher watcher(root);
  const double first = seconds_of([&] { watcher.scan(); });
  const double per_file = (heap() - before) / files;
  const double again = seconds_of([&] { watcher.rescan(); });
  const auto beside =
      "find " + number(found, 2) + " s; " + number(files / first / 1000) + " k files/s";
  row(("first scan of " + std::to_string(files) + " files").c_str(),
      number(first, 2) + " s = " + number(first / found, 2) + " x find", "", beside);
  row("warm rescan of the same", number(again, 2) + " s = " + number(again / found, 2) + " x find",
      "", number(files / again / 1000) + " k files/s; reference 603 k");
  row("memory a file", number(per_file, 1) + " bytes", "", "none is kept but its directory's");
}

void bench_directories(const fakes::TemporaryFolder& place, int directories) {
  const std::string root = directory_in(place, "directories");
  for (int i = 0; i < directories; ++i) directory_in(place, "directories/" + std::to_string(i));
  const double before = heap();
  Watcher watcher(root);
  const double took = seconds_of([&] { watcher.scan(); });
  row("memory a watched directory", number((heap() - before) / watcher.nodes()) + " bytes", "",
      "and 1.3 KB of the kernel's; " + number(took / watcher.nodes() * 1e6, 1) + " us each");
}

// Bursts that the kernel's queue just holds: created, closed.
void bench_events(const fakes::TemporaryFolder& place) {
  constexpr int bursts = 20;
  constexpr int files = 8000;
  constexpr int events_a_file = 2;
  const std::string root = directory_in(place, "events");
  for (int i = 0; i < 100; ++i) directory_in(place, "events/" + std::to_string(i));
  Watcher watcher(root);
  watcher.scan();
  double took = 0;
  for (int burst = 0; burst < bursts; ++burst) {
    for (int i = 0; i < files; ++i) {
      make_file(root + "/" + std::to_string(i % 100) + "/" + std::to_string(burst) + "-" +
                std::to_string(i));
    }
    took += seconds_of([&] { watcher.observe(files); });
  }
  const double rate = bursts * files * events_a_file / took;
  row("events drained and turned into observations", number(rate / 1000) + " k events/s", "",
      "a statx for each file; reference 3,500 k bare");
}

}  // namespace
}  // namespace waybill::watcher

int main(int argc, char** argv) {
  try {
    const int files = argc > 1 ? std::atoi(argv[1]) : 100'000;
    const waybill::fakes::TemporaryFolder place(argc > 2 ? argv[2]
                                                         : std::filesystem::temp_directory_path());
    waybill::watcher::bench_events(place);
    waybill::watcher::bench_directories(place, 10'000);
    waybill::watcher::bench_scans(place, files);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waybill-watcher-bench: %s\n", error.what());
    return 1;
  }
}
