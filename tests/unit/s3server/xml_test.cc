#include "tests/s3server/xml.h"

#include <gtest/gtest.h>

namespace waybill::s3server {
namespace {

TEST(Xml, WhatIsWrittenIsReadBack) {
  XmlWriter writer("Root");
  writer.element("Key", "a<b>&\"c'\xc3\xa9");
  writer.open("Part");
  writer.element("Number", std::uint64_t{7});
  const auto root = parse_xml(writer.finish());
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "Root");
  EXPECT_EQ(root->text_of("Key"), "a<b>&\"c'\xc3\xa9");
  ASSERT_NE(root->child("Part"), nullptr);
  EXPECT_EQ(root->child("Part")->text_of("Number"), "7");
}

TEST(Xml, EntitiesCommentsAttributesAndPrefixesAreUnderstood) {
  const auto root = parse_xml(
      "<?xml version='1.0'?>\n<!-- x --><s3:A xmlns:s3=\"u\" b = 'c'>&#65;&#xe9;<B/>&lt;<!-- y "
      "--></s3:A>\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "A");
  EXPECT_EQ(root->text, "A\xc3\xa9<");
  EXPECT_NE(root->child("B"), nullptr);
}

TEST(Xml, WhatIsNotWellFormedIsRefused) {
  for (const char* document :
       {"", "text", "<A>", "<A></B>", "<A><B></A></B>", "<A/><B/>", "<A>&nbsp;</A>", "<A>&</A>",
        "<A b></A>", "<A b=c></A>", "<A", "</A>", "<A>x</A", "<><A/></>"}) {
    EXPECT_FALSE(parse_xml(document)) << document;
  }
}

TEST(Xml, DepthIsLimited) {
  std::string open;
  std::string close;
  for (int i = 0; i < 100'000; ++i) {
    open += "<a>";
    close += "</a>";
  }
  EXPECT_FALSE(parse_xml(open + close));
}

}  // namespace
}  // namespace waybill::s3server
