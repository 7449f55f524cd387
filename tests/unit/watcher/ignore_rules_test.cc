#include "watcher/ignore_rules.h"

#include <gtest/gtest.h>

namespace waybill::watcher {
namespace {

TEST(IgnoreRules, DefaultsKnowTheTemporaryNamesOfOtherPrograms) {
  const IgnoreRules rules = IgnoreRules::defaults();
  for (const char* path :
       {".report.pdf.Xa3b9Z", "in/.~tmp~/report", ".rsync-partial/report", ".in.report.", "a.part",
        "deep/er/a.filepart", "a.partial", "video.crdownload", ".nfs000000012", ".fuse_hidden0003",
        ".syncthing.a.tmp", "notes.txt~", ".notes.swp", "#notes#", ".#notes", "~$table.xlsx",
        ".waybill/1.2", ".goutputstream-ABC"}) {
    EXPECT_TRUE(rules.match(path)) << path;
  }
}

TEST(IgnoreRules, DefaultsLeaveOrdinaryNamesAlone) {
  const IgnoreRules rules = IgnoreRules::defaults();
  for (const char* path : {"report.pdf", ".hidden", "a.party", "part", "in/report", "x/.waybill/y",
                           "-rf", "100%", "a b", ".report.pdf.Xa3b9Z0"}) {
    EXPECT_FALSE(rules.match(path)) << path << " matches " << rules.match(path).value_or("");
  }
}

TEST(IgnoreRules, AnIgnoredDirectoryTakesAllBelowItWithIt) {
  IgnoreRules rules;
  rules.add("cache");
  EXPECT_EQ(rules.match("a/cache/b/c"), "cache");
  EXPECT_FALSE(rules.match("a/cached/b"));
}

TEST(IgnoreRules, ASlashAtTheEndMeansDirectoriesOnly) {
  IgnoreRules rules;
  rules.add("tmp/");
  EXPECT_TRUE(rules.match("tmp/a"));
  EXPECT_TRUE(rules.match("tmp/"));
  EXPECT_FALSE(rules.match("tmp"));
}

TEST(IgnoreRules, APatternWithASlashIsForTheWholePath) {
  IgnoreRules rules;
  rules.add("in/*.txt");
  EXPECT_TRUE(rules.match("in/a.txt"));
  EXPECT_TRUE(rules.match("in/sub/a.txt"));
  EXPECT_FALSE(rules.match("out/in/a.txt"));
  EXPECT_FALSE(rules.match("a.txt"));
}

TEST(IgnoreRules, BytesThatAreNoTextAreMatchedAsBytes) {
  IgnoreRules rules;
  rules.add("*.part");
  EXPECT_TRUE(rules.match("\xff\xfe\n.part"));
  EXPECT_FALSE(rules.match("\xff\xfe\n.par"));
}

TEST(IgnoreRules, EscapedAndBracketedPatternsAreNotCutShort) {
  IgnoreRules rules;
  rules.add("[ab]*[0-9]");
  rules.add("\\*star\\?");
  EXPECT_TRUE(rules.match("a7"));
  EXPECT_TRUE(rules.match("*star?"));
  EXPECT_FALSE(rules.match("c7"));
  EXPECT_FALSE(rules.match("xstar?"));
}

TEST(IgnoreRules, OneNameInADirectoryIsJudgedAsTheWholePathIs) {
  IgnoreRules rules = IgnoreRules::defaults();
  rules.add("in/*.txt");
  rules.add("tmp/");
  for (const char* directory : {"", "in", "out/deep"}) {
    for (const char* name : {"a.txt", "a.part", "plain", ".waybill/", "tmp", "tmp/", "#x#"}) {
      const std::string path = (*directory == '\0' ? "" : std::string(directory) + "/") + name;
      EXPECT_EQ(rules.match_in(directory, name), rules.match(path)) << path;
    }
  }
}

}  // namespace
}  // namespace waybill::watcher
