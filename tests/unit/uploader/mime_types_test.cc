#include "uploader/mime_types.h"

#include <gtest/gtest.h>

#include <string>

#include "uploader/content_type.h"

namespace waybill::uploader {
namespace {

// --- a machine's list ----------------------------------------------------------------------------

TEST(MimeTypes, AreATypeAndItsExtensionsALine) {
  const auto types = MimeTypes::parse(
      "# a comment\n\n"
      "application/activemessage\n"
      "chemical/x-pdb\t\t\tpdb  ent # and why\r\n"
      "\timage/jpeg jpeg jpg jpe\n"
      "text/x-last last");
  EXPECT_EQ(types.of("pdb"), "chemical/x-pdb");
  EXPECT_EQ(types.of("ent"), "chemical/x-pdb");
  EXPECT_EQ(types.of("jpe"), "image/jpeg");
  EXPECT_EQ(types.of("last"), "text/x-last");
  EXPECT_EQ(types.of("#"), "");
  EXPECT_EQ(types.of(""), "");
  EXPECT_EQ(types.size(), 6U);
}

TEST(MimeTypes, ExtensionsHaveNoCase) {
  EXPECT_EQ(MimeTypes::parse("application/x-compress pcf.Z AMR").of("amr"),
            "application/x-compress");
}

TEST(MimeTypes, TheFirstOfTwoTypesCounts) {
  const auto types = MimeTypes::parse("application/vnd.shp shp\napplication/x-qgis qgs shp\n");
  EXPECT_EQ(types.of("shp"), "application/vnd.shp");
  EXPECT_EQ(types.of("qgs"), "application/x-qgis");
}

TEST(MimeTypes, RubbishIsPassedOver) {
  const auto types = MimeTypes::parse(
      "text txt\n/plain txt\ntext/ txt\na/b/c txt\ntext/pl\x01in txt\ntext/\xc3\xa4 txt\n"
      "text/plain; charset=utf-8 txt\n" +
      std::string(200, 'a') + "/b txt\n" + "x/y ../etc d/e \xff ok\n" +
      std::string("x/nul n\0l\n", 10) + "x/long " + std::string(65, 'e') + "\n");
  EXPECT_EQ(types.of("ok"), "x/y");
  EXPECT_EQ(types.size(), 1U);
}

TEST(MimeTypes, IsReadToItsLimitAndNoFurther) {
  std::string list = "a/b c\n";
  list.resize(MimeTypes::most_bytes, '#');
  list += "\nd/e f\n";
  EXPECT_EQ(MimeTypes::parse(list).size(), 1U);
}

// --- what a file is sent as ----------------------------------------------------------------------

TEST(ContentType, FollowsTheExtensionInAnyCase) {
  EXPECT_EQ(content_type_of("a/b.pdf"), "application/pdf");
  EXPECT_EQ(content_type_of("SCAN.TIFF"), "image/tiff");
  EXPECT_EQ(content_type_of("dump.tar.gz"), "application/gzip");
  EXPECT_EQ(content_type_of("x.7z"), "application/x-7z-compressed");
  EXPECT_EQ(content_type_of("x.zip"), "application/zip");
}

TEST(ContentType, UnknownIsJustBytes) {
  for (const char* path : {"", "README", ".pdf", "a.pdf/README", "x.", "x.unheard", "x.zipp"}) {
    EXPECT_EQ(content_type_of(path), "application/octet-stream") << path;
  }
}

TEST(ContentType, IsFirstOfAllWhatTheMachineSays) {
  const auto machine = MimeTypes::parse("chemical/x-pdb pdb\naudio/x-wav wav\n");
  EXPECT_EQ(content_type_of("a/protein.PDB", machine), "chemical/x-pdb");
  EXPECT_EQ(content_type_of("a.wav", machine), "audio/x-wav");
  EXPECT_EQ(content_type_of("a.pdf", machine), "application/pdf") << "which it does not list";
  EXPECT_EQ(content_type_of("pdb", machine), "application/octet-stream");
}

}  // namespace
}  // namespace waybill::uploader
