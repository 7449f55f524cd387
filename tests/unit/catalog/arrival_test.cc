#include "tests/unit/catalog/catalog_fixture.h"

// Names that a rename was seen to give, until a row tells of them (WATCHING.md 2.4).
namespace waybill::catalog {
namespace {

using ArrivalTest = CatalogTest;

constexpr std::string_view odd_name("d/\xff\n'a", 6);

TEST_F(ArrivalTest, IsKnownAgainAfterACrash) {
  in_a_crash([&] {
    must(catalog_->note_arrival(
        folder_, {.path = std::string(odd_name), .dev = 1, .ino = ~0ULL, .btime = 3}));
    must(catalog_->commit());
  });
  reopen();
  const auto known = must(catalog_->arrival(folder_, odd_name));
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->path, odd_name);
  EXPECT_EQ(known->dev, 1U);
  EXPECT_EQ(known->ino, ~0ULL);
  EXPECT_EQ(known->btime, 3);
  EXPECT_FALSE(must(catalog_->arrival(folder_, "d/other")).has_value());
}

TEST_F(ArrivalTest, TheLastOneUnderANameCounts) {
  must(catalog_->note_arrival(folder_, {.path = "a", .dev = 1, .ino = 2, .btime = 3}));
  must(catalog_->note_arrival(folder_, {.path = "a", .dev = 1, .ino = 4, .btime = 5}));
  EXPECT_EQ(must(catalog_->arrival(folder_, "a"))->ino, 4U);
}

TEST_F(ArrivalTest, IsGoneOnceForgottenAndForgettingNothingBeginsNothing) {
  must(catalog_->forget_arrival(folder_, "a"));
  EXPECT_FALSE(catalog_->dirty());
  must(catalog_->note_arrival(folder_, {.path = "a", .dev = 1, .ino = 2, .btime = 3}));
  must(catalog_->commit());
  must(catalog_->forget_arrival(folder_, "a"));
  must(catalog_->commit());
  reopen();
  EXPECT_FALSE(must(catalog_->arrival(folder_, "a")).has_value());
}

TEST_F(ArrivalTest, WhatIsNotCommittedIsNotKnown) {
  must(catalog_->note_arrival(folder_, {.path = "a", .dev = 1, .ino = 2, .btime = 3}));
  catalog_->rollback();
  EXPECT_FALSE(must(catalog_->arrival(folder_, "a")).has_value());
}

TEST_F(ArrivalTest, AreReadInPagesAndByFolder) {
  const FolderId other = must(catalog_->ensure_folder("other", "/srv/other", store_)).id;
  for (const char* path : {"b", "a", "c"}) {
    must(catalog_->note_arrival(folder_, {.path = path, .dev = 1, .ino = 2, .btime = 3}));
  }
  must(catalog_->note_arrival(other, {.path = "elsewhere", .dev = 1, .ino = 2, .btime = 3}));
  const auto page = must(catalog_->arrivals(folder_, "", 2));
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].path, "a");
  EXPECT_EQ(page[1].path, "b");
  const auto rest = must(catalog_->arrivals(folder_, "b", 2));
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].path, "c");
}

}  // namespace
}  // namespace waybill::catalog
