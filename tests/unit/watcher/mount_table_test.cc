#include "watcher/mount_table.h"

#include <gtest/gtest.h>

namespace waybill::watcher {
namespace {

constexpr std::string_view table =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "30 22 0:25 / /srv rw - tmpfs tmpfs rw\n"
    "31 30 0:26 / /srv/drop/in\\040box/sub rw - tmpfs tmpfs rw\n"
    "32 30 0:27 / /srv/dropped rw - tmpfs tmpfs rw\n";

TEST(MountTable, WhatIsAtAboveAndBelowAFolderConcernsIt) {
  EXPECT_EQ(mounts_concerning(table, "/srv/drop"),
            "22 1 254:0 / / \n30 22 0:25 / /srv \n31 30 0:26 / /srv/drop/in\\040box/sub \n");
  EXPECT_EQ(mounts_concerning(table, "/srv/drop/in box"), mounts_concerning(table, "/srv/drop"));
  EXPECT_EQ(mounts_concerning(table, "/home"), "22 1 254:0 / / \n");
}

TEST(MountTable, OptionsThatChangeConcernNobody) {
  EXPECT_EQ(mounts_concerning("22 1 254:0 / / rw - ext4 /dev/vda rw\n", "/srv"),
            mounts_concerning("22 1 254:0 / / ro,noatime - ext4 /dev/vda ro\n", "/srv"));
}

TEST(MountTable, TextThatIsNoTableConcernsNobody) {
  EXPECT_EQ(mounts_concerning("", "/srv"), "");
  EXPECT_EQ(mounts_concerning("\n \nnonsense\n", "/srv"), "");
}

TEST(MountTable, TheKernelHasOne) {
  EXPECT_TRUE(open_mount_table().valid());
  EXPECT_NE(mounts_concerning(read_mount_table(), "/"), "");
}

}  // namespace
}  // namespace waybill::watcher
