#include "uploader/credentials.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fakes/temporary_folder.h"
#include "uploader/credentials_file.h"

namespace waybill::uploader {
namespace {

using fakes::TemporaryFolder;

// Each test is a process of its own under ctest, so the environment is its own too.
class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HOME"}) {
      ::unsetenv(name);
    }
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  static std::string key_of(CredentialsSource& source) {
    const auto found = source.get();
    return found ? found->access_key_id : "(" + found.error().message + ")";
  }

  TemporaryFolder folder;
};

constexpr const char* two_profiles =
    "# comment\n[default]\naws_access_key_id = FILE\naws_secret_access_key=file/secret+=\n\n"
    "[profile other]\r\naws_access_key_id=OTHER\r\naws_secret_access_key = s\r\n"
    "aws_session_token = t\r\n[process]\ncredential_process = /bin/x\n";

TEST_F(CredentialsTest, ConfigurationWinsOverAllElse) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  const auto source = make_credentials({.access_key_id = "CONF",
                                        .secret_access_key = Secret("conf secret"),
                                        .credentials_file = write("file", two_profiles)});
  const auto found = source->get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "CONF");
  EXPECT_EQ(found->secret_access_key.reveal(), "conf secret");
  EXPECT_TRUE(found->session_token.empty());
}

TEST_F(CredentialsTest, SystemdCredentialWinsOverTheEnvironment) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  write("aws-access-key-id", "SYSTEMD\n");
  write("aws-secret-access-key", "secret of systemd\n");
  const auto source = make_credentials({.systemd_directory = folder.path()});
  const auto found = source->get();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "SYSTEMD");
  EXPECT_EQ(found->secret_access_key.reveal(), "secret of systemd");
}

TEST_F(CredentialsTest, SystemdDirectoryWithoutOursIsPassedOver) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  ::setenv("AWS_SESSION_TOKEN", "token", 1);
  const auto source = make_credentials({.systemd_directory = folder.path()});
  const auto found = source->get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "ENV");
  EXPECT_EQ(found->session_token.reveal(), "token");
}

TEST_F(CredentialsTest, HalfASystemdCredentialIsAFaultNotAnAbsence) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  write("aws-access-key-id", "SYSTEMD");
  const auto found = make_credentials({.systemd_directory = folder.path()})->get();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::NeedsPerson);
  EXPECT_NE(found.error().message.find("aws-secret-access-key"), std::string::npos);
}

TEST_F(CredentialsTest, EnvironmentWinsOverTheFile) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  const auto source = make_credentials({.credentials_file = write("file", two_profiles)});
  EXPECT_EQ(key_of(*source), "ENV");
}

TEST_F(CredentialsTest, FileIsReadByProfile) {
  const std::string path = write("file", two_profiles);
  EXPECT_EQ(key_of(*make_credentials({.credentials_file = path})), "FILE");
  const auto other = make_credentials({.credentials_file = path, .profile = "other"})->get();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->access_key_id, "OTHER");
  EXPECT_EQ(other->secret_access_key.reveal(), "s");
  EXPECT_EQ(other->session_token.reveal(), "t");
}

TEST_F(CredentialsTest, FileThatChangesIsReadAgain) {
  const std::string path = write("file", two_profiles);
  const auto source = make_credentials({.credentials_file = path});
  EXPECT_EQ(key_of(*source), "FILE");
  write("file", "[default]\naws_access_key_id=CHANGED\naws_secret_access_key=s\n");
  EXPECT_EQ(key_of(*source), "CHANGED");
  write("next", "[default]\naws_access_key_id=REPLACED\naws_secret_access_key=s\n");
  ASSERT_EQ(::rename((folder.path() + "/next").c_str(), path.c_str()), 0);
  EXPECT_EQ(key_of(*source), "REPLACED");
}

TEST_F(CredentialsTest, FileThatComesBackIsFoundWithoutARestart) {
  const std::string path = folder.path() + "/file";
  const auto source = make_credentials({.credentials_file = path});
  EXPECT_FALSE(source->get());
  write("file", two_profiles);
  EXPECT_EQ(key_of(*source), "FILE");
}

TEST_F(CredentialsTest, HomeHasTheFileOfTheAwsTools) {
  ::setenv("HOME", folder.path().c_str(), 1);
  const auto source = make_credentials({});
  EXPECT_FALSE(source->get());
  ASSERT_TRUE(std::filesystem::create_directory(folder.file(".aws")));
  write(".aws/credentials", two_profiles);
  EXPECT_EQ(key_of(*source), "FILE");
}

TEST_F(CredentialsTest, NothingAnywhereSaysWhereItLooked) {
  const auto found = make_credentials({.systemd_directory = folder.path()})->get();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::NeedsPerson);
  for (const std::string& place : {folder.path(), std::string("AWS_ACCESS_KEY_ID")}) {
    EXPECT_NE(found.error().message.find(place), std::string::npos) << found.error().message;
  }
}

TEST_F(CredentialsTest, UnsupportedProfileSaysWhatItLacks) {
  const auto found =
      make_credentials({.credentials_file = write("file", two_profiles), .profile = "process"})
          ->get();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("credential_process"), std::string::npos);
}

TEST_F(CredentialsTest, NoErrorHoldsASecret) {
  const char* text = "[default]\naws_secret_access_key = HUSH\naws_session_token=HUSH\nHUSH\n";
  for (const char* profile : {"default", "missing"}) {
    const auto found = parse_credentials_file(text, profile);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message.find("HUSH"), std::string::npos);
  }
}

}  // namespace
}  // namespace waybill::uploader
