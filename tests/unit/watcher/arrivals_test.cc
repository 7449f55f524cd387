#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/unit/watcher/scanner_world.h"

// How what lies in a folder came there, as far as it was seen (WATCHING.md 2.4).
namespace waybill::watcher {

void PrintTo(Arrival how, std::ostream* out) {
  constexpr const char* words[] = {"unseen", "by rename", "with its directory", "in place"};
  *out << words[static_cast<std::size_t>(how)];
}

namespace {

class Arrivals : public ScannerWorld {
 protected:
  Arrivals() {
    spec.arrivals = true;
    disk.make_directory("/elsewhere");
  }
  // What was said of the path last; "nothing": it was not told of.
  Arrival told(const std::string& path) {
    std::optional<Arrival> last;
    for (const Observation& what : heard) {
      const auto* const seen = std::get_if<Seen>(&what);
      if (seen == nullptr) continue;
      for (const FileObservation& file : seen->files) {
        const auto* const present = std::get_if<Present>(&file.what);
        if (present != nullptr && file.path == path) last = present->arrival;
      }
    }
    EXPECT_TRUE(last.has_value()) << path << " was never seen";
    return last.value_or(Arrival::Unseen);
  }
};

TEST_F(Arrivals, ARenameOfAFileIsOne) {
  start();
  settle();
  disk.write("/elsewhere/a", "whole");
  disk.move("/elsewhere/a", "/root/a");
  settle();
  EXPECT_EQ(told("a"), Arrival::ByRename);
}

TEST_F(Arrivals, ARenameWithinTheFolderIsOneToo) {
  start();
  disk.write("/root/a.new", "made in place");
  settle();
  disk.move("/root/a.new", "/root/a");
  settle();
  EXPECT_EQ(told("a"), Arrival::ByRename);
}

TEST_F(Arrivals, WhatIsMadeOrLinkedIsInPlace) {
  start();
  settle();
  disk.write("/root/made", "1");
  disk.write("/elsewhere/whole", "2");
  disk.link("/elsewhere/whole", "/root/linked");
  settle();
  EXPECT_EQ(told("made"), Arrival::InPlace);
  EXPECT_EQ(told("linked"), Arrival::InPlace);
}

TEST_F(Arrivals, TheLastThatAppearedUnderANameCounts) {
  start();
  settle();
  disk.write("/elsewhere/a", "whole");
  disk.move("/elsewhere/a", "/root/a");
  disk.remove("/root/a");
  disk.write("/root/a", "half");
  disk.write("/root/b", "half");
  disk.write("/elsewhere/b", "whole");
  disk.move("/elsewhere/b", "/root/b");
  settle();
  EXPECT_EQ(told("a"), Arrival::InPlace);
  EXPECT_EQ(told("b"), Arrival::ByRename);
}

TEST_F(Arrivals, WhatOvertakesTheLookIsNoArrival) {
  bool drains = true;
  Scanner draining{disk,
                   events,
                   dirt,
                   clock,
                   [this](const Observation& what) { heard.push_back(what); },
                   [&] {
                     if (drains) drain_events();
                     return drains;
                   }};
  draining.set_folders({spec});
  const auto rest = [&] {
    for (int steps = 0; steps < 100; ++steps) static_cast<void>(draining.step());
  };
  rest();
  disk.write("/elsewhere/a", "whole");
  disk.move("/elsewhere/a", "/root/a");
  drain_events();
  // Behind the event that is taken, and before the look: what lies there is not what was renamed.
  disk.remove("/root/a");
  disk.write("/root/a", "half");
  static_cast<void>(draining.step());
  EXPECT_EQ(told("a"), Arrival::Unseen);
  rest();
  EXPECT_EQ(told("a"), Arrival::InPlace);

  // Where nobody can say what has come since, nothing is claimed.
  drains = false;
  disk.write("/elsewhere/b", "whole");
  disk.move("/elsewhere/b", "/root/b");
  drain_events();
  rest();
  EXPECT_EQ(told("b"), Arrival::Unseen);
}

TEST_F(Arrivals, WhatALookFindsByItselfIsUnseen) {
  disk.write("/root/before", "1");
  start();
  settle();
  EXPECT_EQ(told("before"), Arrival::Unseen);
}

TEST_F(Arrivals, ADirectoryThatIsMovedInBringsAllThatIsBelowIt) {
  start();
  settle();
  disk.make_directory("/elsewhere/d");
  disk.make_directory("/elsewhere/d/deep");
  disk.write("/elsewhere/d/a", "1");
  disk.write("/elsewhere/d/deep/b", "2");
  disk.move("/elsewhere/d", "/root/d");
  settle();
  EXPECT_EQ(told("d/a"), Arrival::WithDirectory);
  EXPECT_EQ(told("d/deep/b"), Arrival::WithDirectory);
  disk.write("/root/d/later", "3");
  settle();
  EXPECT_EQ(told("d/later"), Arrival::InPlace);
}

TEST_F(Arrivals, ADirectoryThatIsRenamedBringsWhatWasMadeInIt) {
  start();
  disk.make_directory("/root/new");
  settle();
  disk.write("/root/new/a", "1");
  settle();
  ASSERT_EQ(told("new/a"), Arrival::InPlace);
  disk.move("/root/new", "/root/done");
  settle();
  EXPECT_EQ(told("done/a"), Arrival::WithDirectory);
}

TEST_F(Arrivals, AFileThatIsOlderThanItsFreshDirectoryCameByRename) {
  start();
  settle();
  disk.write("/elsewhere/a", "whole");
  disk.make_directory("/root/d");
  disk.make_directory("/root/d/e");
  disk.move("/elsewhere/a", "/root/d/e/a");
  disk.write("/root/d/e/b", "made before there was a watch");
  settle();
  EXPECT_EQ(told("d/e/a"), Arrival::WithDirectory);
  EXPECT_EQ(told("d/e/b"), Arrival::Unseen);
}

TEST_F(Arrivals, WhatTheKernelLostIsUnseenAndWhatComesLaterIsNot) {
  start();
  settle();
  disk.write("/elsewhere/a", "1");
  disk.move("/elsewhere/a", "/root/a");
  drain_events();
  dirt.add(Overflowed{});
  disk.write("/elsewhere/b", "2");
  disk.move("/elsewhere/b", "/root/b");
  settle();
  EXPECT_EQ(told("a"), Arrival::Unseen);
  EXPECT_EQ(told("b"), Arrival::ByRename);
}

TEST_F(Arrivals, ManyAtATimeAreSeenOneByOne) {
  start();
  settle();
  constexpr int many = 3 * static_cast<int>(Coalescer::names_per_directory);
  for (int i = 0; i < many; ++i) {
    const std::string name = std::to_string(i);
    disk.write("/elsewhere/" + name, "1");
    disk.move("/elsewhere/" + name, "/root/" + name);
  }
  settle();
  std::map<std::string, Arrival> last;
  for (const Observation& what : heard) {
    const auto* const seen = std::get_if<Seen>(&what);
    if (seen == nullptr) continue;
    for (const FileObservation& file : seen->files) {
      const auto* const present = std::get_if<Present>(&file.what);
      if (present != nullptr && present->arrival != Arrival::Unseen) {
        last[file.path] = present->arrival;
      }
    }
  }
  EXPECT_EQ(last.size(), static_cast<std::size_t>(many));
  for (const auto& [path, how] : last) EXPECT_EQ(how, Arrival::ByRename) << path;
}

TEST_F(Arrivals, WhatIsPolledIsUnseen) {
  spec.poll = PollPolicy::Always;
  start();
  settle();
  disk.write("/elsewhere/a", "1");
  disk.move("/elsewhere/a", "/root/a");
  settle();
  EXPECT_EQ(told("a"), Arrival::Unseen);
}

TEST_F(Arrivals, AreNotToldWhereNobodyAsks) {
  spec.arrivals = false;
  start();
  settle();
  disk.write("/elsewhere/a", "1");
  disk.move("/elsewhere/a", "/root/a");
  settle();
  EXPECT_EQ(told("a"), Arrival::Unseen);
}

}  // namespace
}  // namespace waybill::watcher
