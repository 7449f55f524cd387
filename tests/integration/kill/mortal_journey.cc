#include "tests/integration/kill/mortal_journey.h"

#include <cstdlib>
#include <set>
#include <string>

namespace waybill::test {

void MortalJourney::with_test_points() {
  daemon_program = WAYBILLD_WITH_TEST_POINTS;
  daemon_environment = {"WAYBILL_TEST_PART=" + std::to_string(part_size)};
  server_options.behaviour.smallest_part = 1;
}

int MortalJourney::wished_kills(int by_default) {
  const char* const wished = std::getenv("WAYBILL_KILLS");
  return wished == nullptr ? by_default : std::stoi(wished);
}

LeftCatalog MortalJourney::left_catalog() {
  return LeftCatalog::read(state_directory(), aside("left"));
}

void MortalJourney::no_row_lies() {
  for (const LeftCatalog::Stored& row : left_catalog().stored) {
    const auto history = server().history(bucket, row.key);
    ASSERT_FALSE(history.empty()) << row.path << " is called stored, and nothing is at " << row.key;
    EXPECT_EQ(history.back().sha256, row.sha256) << row.path << " is called stored at " << row.key;
  }
}

void MortalJourney::files_and_objects_agree() {
  std::set<std::string> referred;
  for (const std::string& path : files()) {
    EXPECT_TRUE(agrees(path));
    referred.insert(show(path).key);
  }
  // What else lies in the bucket was the content of a file that has gone since, or has another
  // name; and each content of a file lies there once.
  for (const std::string& key : server().keys(bucket)) {
    if (key.starts_with(std::string(prefix) + "_waybill/")) continue;
    const auto object = server().object(bucket, key);
    const std::string path = object->metadata.at("waybill-path");
    EXPECT_TRUE(book.had(path, sha256_hex(object->body))) << key;
    const Shown shown = show(path);
    EXPECT_TRUE(referred.contains(key) || shown.state == "gone" || shown.renamed)
        << key << " belongs to nothing";
  }
}

void MortalJourney::everything_agrees() {
  files_and_objects_agree();
  EXPECT_TRUE(eventually([&] { return server().uploads(bucket).empty(); }))
      << server().uploads(bucket).size() << " uploads were left open";
}

void MortalJourney::everything_agrees_but_for_quarantine() {
  files_and_objects_agree();
  EXPECT_TRUE(eventually([&] {
    const std::set<std::string> known = left_catalog().keys_of_attempts;
    for (const s3server::UploadView& upload : server().uploads(bucket)) {
      if (!known.contains(upload.key)) return false;
    }
    return true;
  })) << "an upload is open that no attempt knows";
}

}  // namespace waybill::test
