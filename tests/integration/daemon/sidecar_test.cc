#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tests/integration/daemon/journey.h"

// Sidecars as people meet them: a small file beside another one, and what becomes of it.
namespace waybill::test {
namespace {

class Sidecars : public Journey {
 protected:
  Sidecars() { folder["sidecar"] = toml_string("{name}.meta.json"); }

  // Appears whole, as files do that somebody moves in.
  void say(const std::string& path, const std::string& json) {
    const std::string half = aside("half");
    std::ofstream(half) << json;
    std::filesystem::rename(half, local(path + ".meta.json"));
  }
  std::string on_object(const std::string& path, const std::string& name) {
    const auto object = server().object(bucket, prefix + path);
    if (!object) return "(no object)";
    const auto found = object->metadata.find(name);
    return found == object->metadata.end() ? "(nothing)" : found->second;
  }
  void expect_waited() {
    const Answer wait = waybill({"wait"});
    EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  }
};

TEST_F(Sidecars, ComeChangeAndGo) {
  start();
  say("scan.tif", R"({"sample": "HeLa 12", "run": 7})");
  drop("scan.tif", "pixels");
  expect_waited();
  EXPECT_TRUE(agrees("scan.tif"));
  EXPECT_EQ(on_object("scan.tif", "sample"), "HeLa 12");
  EXPECT_EQ(on_object("scan.tif", "run"), "7");
  EXPECT_TRUE(waybill({"show", local("scan.tif")}).says("sample: HeLa 12"));
  EXPECT_TRUE(waybill({"ls", "--ignored"}).says("tells of scan.tif, as its sidecar"));
  EXPECT_EQ(body_at("in/scan.tif.meta.json"), "(no object)");

  say("scan.tif", R"({"sample": "HeLa 13"})");
  expect_waited();
  EXPECT_EQ(on_object("scan.tif", "sample"), "HeLa 13");
  EXPECT_EQ(on_object("scan.tif", "run"), "(nothing)");

  stop();
  std::filesystem::remove(local("scan.tif.meta.json"));
  start();
  expect_waited();
  EXPECT_EQ(on_object("scan.tif", "sample"), "(nothing)");
  EXPECT_TRUE(agrees("scan.tif"));
}

TEST_F(Sidecars, WhoseWordsCannotBeSentBlockTheirFile) {
  start();
  drop("scan.tif", "pixels");
  say("scan.tif", R"({"samples": ["HeLa 12", "HeLa 13"]})");
  EXPECT_TRUE(told("its sidecar scan.tif.meta.json cannot be used", "scan.tif"));
  say("scan.tif", R"({"samples": "HeLa 12, HeLa 13"})");
  EXPECT_TRUE(becomes("scan.tif", "stored"));
  EXPECT_EQ(on_object("scan.tif", "samples"), "HeLa 12, HeLa 13");
}

TEST_F(Sidecars, AreAskedForByAReload) {
  folder.erase("sidecar");
  start();
  drop("scan.tif", "pixels");
  drop("scan.tif.meta.json", R"({"sample": "HeLa 12"})");
  wait_until_all_stored();
  folder["sidecar"] = toml_string("{name}.meta.json");
  reload();
  EXPECT_TRUE(eventually([&] { return on_object("scan.tif", "sample") == "HeLa 12"; }));
}

}  // namespace
}  // namespace waybill::test
