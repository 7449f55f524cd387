#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/config.h"
#include "tests/fakes/temporary_folder.h"

namespace waybill::agent {
namespace {

class LoadConfig : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = std::filesystem::path(directory_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  [[nodiscard]] std::string main_file() const { return directory_ + "/waybill.toml"; }
  [[nodiscard]] std::string refusal() const {
    const auto config = load_config(main_file(), false);
    EXPECT_FALSE(config);
    if (config) return "";
    EXPECT_EQ(config.error().code, ErrorCode::BadConfig);
    return config.error().describe();
  }

  const fakes::TemporaryFolder place_;
  const std::string directory_ = place_.path();
};

TEST_F(LoadConfig, AMissingFileIsAnEmptyOneForTheDefaultPathAlone) {
  const auto config = load_config(main_file(), true);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->folders.empty());
  EXPECT_TRUE(config->files.empty());
  EXPECT_EQ(refusal(), "cannot read " + main_file() + " (No such file or directory)");
}

TEST_F(LoadConfig, ADirectoryIsNoFile) {
  std::filesystem::create_directory(main_file());
  EXPECT_EQ(refusal(), "cannot read " + main_file() + " (Is a directory)");
}

TEST_F(LoadConfig, DropInsAddFoldersInTheOrderOfTheirNames) {
  write("waybill.toml", "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/a'\n");
  write("conf.d/20-c.toml", "[[folder]]\nname='c'\npath='/c'\n");
  write("conf.d/10-b.toml", "[[folder]]\nname='b'\npath='/b'\n[agent]\nname='me'\n");
  write("conf.d/.hidden.toml", "nonsense");
  write("conf.d/README", "nonsense");
  const auto config = load_config(main_file(), false);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->folders.size(), 3U);
  EXPECT_EQ(config->folders[0].name, "a");
  EXPECT_EQ(config->folders[1].name, "b");
  EXPECT_EQ(config->folders[2].name, "c");
  EXPECT_EQ(config->folders[2].s3.bucket, "abc");
  EXPECT_EQ(config->agent_name, "me");
  EXPECT_EQ(config->files, (std::vector<std::string>{main_file(), directory_ + "/conf.d/10-b.toml",
                                                     directory_ + "/conf.d/20-c.toml"}));
}

TEST_F(LoadConfig, DropInsWorkWithoutTheMainFile) {
  write("conf.d/a.toml", "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/a'\n");
  const auto config = load_config(main_file(), true);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->folders.size(), 1U);
}

TEST_F(LoadConfig, AKeyInTwoFilesNamesBothPlaces) {
  write("waybill.toml", "[s3]\nbucket='abc'\n");
  write("conf.d/a.toml", "\n[s3]\nbucket='def'\n");
  EXPECT_EQ(refusal(), directory_ + "/conf.d/a.toml:3: [s3] bucket is already set at " +
                           main_file() + ":2: keep one of the two");
}

TEST_F(LoadConfig, FoldersOfTwoFilesAreComparedToo) {
  write("waybill.toml", "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/a'\n");
  write("conf.d/a.toml", "[[folder]]\nname='a'\npath='/b'\n");
  EXPECT_EQ(refusal(), directory_ + "/conf.d/a.toml:2: [[folder]] name = \"a\" is taken at " +
                           main_file() +
                           ":4; history follows the name, so each folder needs its own");
}

TEST_F(LoadConfig, TheCommandLineIsStrongerThanTheFile) {
  write("waybill.toml", "[agent]\nstate_dir='/x'\nsocket='/y'\n");
  const auto config = load_config(main_file(), false, {.state_dir = "/s/", .socket = "/t"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->state_dir, "/s");
  EXPECT_EQ(config->socket, "/t");
}

TEST_F(LoadConfig, AFolderAroundTheStateDirectoryOfTheCommandLineIsRefused) {
  write("waybill.toml", "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='/data'\n");
  EXPECT_TRUE(load_config(main_file(), false));
  EXPECT_FALSE(load_config(main_file(), false, {.state_dir = "/data/state", .socket = ""}));
}

TEST_F(LoadConfig, ASecretThatEverybodyCanReadIsRefusedWithTheRemedy) {
  const std::string file =
      write("waybill.toml", "[s3]\nbucket='abc'\naccess_key_id='A'\nsecret_access_key='S'\n");
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_EQ(refusal(),
            file +
                ":4: [s3] secret_access_key stands in a file that everybody on this machine "
                "can read; run: chmod o= " +
                file);
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  EXPECT_TRUE(load_config(file, false)) << "the group is the daemon's own";
}

TEST_F(LoadConfig, ASecretOfAFolderIsWatchedOverToo) {
  const std::string file = write(
      "waybill.toml",
      "[[folder]]\nname='a'\npath='/a'\nbucket='abc'\naccess_key_id='A'\nsecret_access_key='S'\n");
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_TRUE(refusal().starts_with(file + ":6: [[folder]] secret_access_key stands in a file"));
}

TEST_F(LoadConfig, AFileWithoutSecretsMayBePublic) {
  const std::string file = write("waybill.toml", "[s3]\nbucket='abc'\n");
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_TRUE(load_config(file, false));
}

TEST_F(LoadConfig, AnOwnCaMustBeThere) {
  write("waybill.toml", "[s3]\nca_file='" + directory_ + "/ca.pem'\n");
  EXPECT_EQ(refusal(),
            main_file() + ":2: [s3] ca_file = \"" + directory_ +
                "/ca.pem\": there is no such file; it must hold the CA's certificates in PEM form");
  write("ca.pem", "");
  EXPECT_TRUE(load_config(main_file(), false));
}

TEST_F(LoadConfig, AListOfContentTypesIsReadWithIt) {
  write("waybill.toml", "[agent]\nmime_types='" + directory_ + "/mime.types'\n");
  write("mime.types", "chemical/x-pdb pdb\n");
  const auto config = load_config(main_file(), false);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_NE(config->mime_types, nullptr);
  EXPECT_EQ(config->mime_types->of("pdb"), "chemical/x-pdb");
}

TEST_F(LoadConfig, AListOfContentTypesThatIsNamedMustBeThere) {
  write("waybill.toml", "[agent]\nmime_types='" + directory_ + "/mime.types'\n");
  const std::string sentence =
      main_file() + ":2: [agent] mime_types = \"" + directory_ + "/mime.types\": ";
  EXPECT_EQ(refusal(), sentence + "cannot open it (No such file or directory)");
  ASSERT_EQ(::mkfifo((directory_ + "/mime.types").c_str(), 0644), 0);
  EXPECT_EQ(refusal(), sentence + "it is no file");
}

TEST_F(LoadConfig, FoldersAreComparedAsTheKernelSeesThem) {
  std::filesystem::create_directories(directory_ + "/real/inner");
  std::filesystem::create_directory_symlink(directory_ + "/real", directory_ + "/link");
  write("waybill.toml", "[s3]\nbucket='abc'\n[[folder]]\nname='a'\npath='" + directory_ +
                            "/real/inner'\n[[folder]]\nname='b'\npath='" + directory_ + "/link'\n");
  EXPECT_TRUE(refusal().starts_with(main_file() + ":8: [[folder]] path = \"" + directory_ +
                                    "/real\" contains"));
}

}  // namespace
}  // namespace waybill::agent
