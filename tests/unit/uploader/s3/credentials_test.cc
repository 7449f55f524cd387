#include "uploader/credentials.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fakes/fake_clock.h"
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
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HOME", "AWS_PROFILE",
          "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
          "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS",
          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
          "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}) {
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
  fakes::FakeClock clock;
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
                                        .credentials_file = write("file", two_profiles)},
                                       clock);
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
  const auto source = make_credentials({.systemd_directory = folder.path()}, clock);
  const auto found = source->get();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "SYSTEMD");
  EXPECT_EQ(found->secret_access_key.reveal(), "secret of systemd");
}

TEST_F(CredentialsTest, SystemdDirectoryWithoutOursIsPassedOver) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  ::setenv("AWS_SESSION_TOKEN", "token", 1);
  const auto source = make_credentials({.systemd_directory = folder.path()}, clock);
  const auto found = source->get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "ENV");
  EXPECT_EQ(found->session_token.reveal(), "token");
}

TEST_F(CredentialsTest, HalfASystemdCredentialIsAFaultNotAnAbsence) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  write("aws-access-key-id", "SYSTEMD");
  const auto found = make_credentials({.systemd_directory = folder.path()}, clock)->get();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::NeedsPerson);
  EXPECT_NE(found.error().message.find("aws-secret-access-key"), std::string::npos);
}

TEST_F(CredentialsTest, EnvironmentWinsOverTheFile) {
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  const auto source = make_credentials({.credentials_file = write("file", two_profiles)}, clock);
  EXPECT_EQ(key_of(*source), "ENV");
}

TEST_F(CredentialsTest, FileIsReadByProfile) {
  const std::string path = write("file", two_profiles);
  EXPECT_EQ(key_of(*make_credentials({.credentials_file = path}, clock)), "FILE");
  const auto other = make_credentials({.credentials_file = path, .profile = "other"}, clock)->get();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->access_key_id, "OTHER");
  EXPECT_EQ(other->secret_access_key.reveal(), "s");
  EXPECT_EQ(other->session_token.reveal(), "t");
}

TEST_F(CredentialsTest, FileThatChangesIsReadAgain) {
  const std::string path = write("file", two_profiles);
  const auto source = make_credentials({.credentials_file = path}, clock);
  EXPECT_EQ(key_of(*source), "FILE");
  write("file", "[default]\naws_access_key_id=CHANGED\naws_secret_access_key=s\n");
  EXPECT_EQ(key_of(*source), "CHANGED");
  write("next", "[default]\naws_access_key_id=REPLACED\naws_secret_access_key=s\n");
  ASSERT_EQ(::rename((folder.path() + "/next").c_str(), path.c_str()), 0);
  EXPECT_EQ(key_of(*source), "REPLACED");
}

TEST_F(CredentialsTest, FileThatComesBackIsFoundWithoutARestart) {
  const std::string path = folder.path() + "/file";
  const auto source = make_credentials({.credentials_file = path}, clock);
  EXPECT_FALSE(source->get());
  write("file", two_profiles);
  EXPECT_EQ(key_of(*source), "FILE");
}

TEST_F(CredentialsTest, HomeHasTheFileOfTheAwsTools) {
  ::setenv("HOME", folder.path().c_str(), 1);
  const auto source = make_credentials({}, clock);
  EXPECT_FALSE(source->get());
  ASSERT_TRUE(std::filesystem::create_directory(folder.file(".aws")));
  write(".aws/credentials", two_profiles);
  EXPECT_EQ(key_of(*source), "FILE");
}

TEST_F(CredentialsTest, NothingAnywhereSaysWhereItLooked) {
  const auto found = make_credentials({.systemd_directory = folder.path()}, clock)->get();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::NeedsPerson);
  for (const std::string& place : {folder.path(), std::string("AWS_ACCESS_KEY_ID")}) {
    EXPECT_NE(found.error().message.find(place), std::string::npos) << found.error().message;
  }
}

TEST_F(CredentialsTest, ProfileThatLeadsNowhereSaysWhatItLacks) {
  const std::string path =
      write("file",
            "[login]\nsso_session = x\n[half]\nrole_arn = arn:x\n[circle]\n"
            "role_arn = arn:x\nsource_profile = circle2\n[circle2]\nrole_arn = arn:y\n"
            "source_profile = circle\n");
  const auto sentence = [&](const char* profile) {
    const auto found =
        make_credentials({.credentials_file = path, .profile = profile}, clock)->get();
    return found ? "(found)" : found.error().message;
  };
  EXPECT_NE(sentence("login").find("login by browser"), std::string::npos);
  EXPECT_NE(sentence("half").find("source_profile"), std::string::npos);
  EXPECT_NE(sentence("circle").find("circle"), std::string::npos);
  EXPECT_NE(sentence("absent").find("has no profile"), std::string::npos);
}

TEST_F(CredentialsTest, ProfileOfTheEnvironmentIsTakenFromBothFilesOfTheAwsTools) {
  ::setenv("AWS_PROFILE", "work", 1);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE",
           write("credentials", "[work]\naws_access_key_id=W\naws_secret_access_key=s\n").c_str(),
           1);
  ::setenv("AWS_CONFIG_FILE", write("config", "[profile work]\nregion = x\n").c_str(), 1);
  EXPECT_EQ(key_of(*make_credentials({}, clock)), "W");
}

TEST_F(CredentialsTest, DefaultProfileWithSettingsAloneIsPassedOver) {
  ::setenv("AWS_CONFIG_FILE", write("config", "[default]\nregion = eu-west-1\n").c_str(), 1);
  EXPECT_NE(key_of(*make_credentials({}, clock)).find("no credentials for S3 were found"),
            std::string::npos);
}

TEST_F(CredentialsTest, NoErrorHoldsASecret) {
  const char* text = "[default]\naws_secret_access_key = HUSH\naws_session_token=HUSH\nHUSH\n";
  for (const char* profile : {"default", "missing"}) {
    const auto found = find_profile(text, profile);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message.find("HUSH"), std::string::npos);
  }
}

}  // namespace
}  // namespace waybill::uploader
