#include "uploader/s3_documents.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc.h"

namespace waybill::uploader {
namespace {

TEST(S3Documents, ErrorIsReadWithItsParts) {
  const auto error = parse_error(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AuthorizationHeaderMalformed</Code>"
      "<Message>expecting &apos;eu-west-1&apos;</Message><Region>eu-west-1</Region>"
      "<RequestId>42</RequestId></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(error->message, "expecting 'eu-west-1'");
  EXPECT_EQ(error->region, "eu-west-1");
  EXPECT_EQ(error->request_id, "42");
}

TEST(S3Documents, ErrorThatBreaksOffAfterItsCodeStillCounts) {
  const auto error = parse_error("<Error><Code>AccessDenied</Code><Mess");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "AccessDenied");
}

TEST(S3Documents, OtherRepliesAreNoErrors) {
  for (const char* body : {"", "<html><body>502</body></html>", "<Error><Co", "<Result/>",
                           "<Result><Error><Code>X</Code></Error></Result>"}) {
    EXPECT_FALSE(parse_error(body)) << body;
  }
}

TEST(S3Documents, CompletedObjectHasItsEtagWithQuotes) {
  const auto completed = parse_completed(
      "  \n  <CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Location>x</Location><ETag>&quot;3858f62230ac3c915f300c664312c11f-9&quot;</ETag>"
      "</CompleteMultipartUploadResult>");
  ASSERT_TRUE(completed);
  EXPECT_EQ(completed->etag, "\"3858f62230ac3c915f300c664312c11f-9\"");
  EXPECT_FALSE(completed->crc);
}

TEST(S3Documents, CompletedObjectHasTheCrcOfTheWholeAlone) {
  const std::string before = "<CompleteMultipartUploadResult><ETag>e</ETag>";
  const std::string crc = "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>";
  const std::string end = "</CompleteMultipartUploadResult>";
  const std::string whole = "<ChecksumType>FULL_OBJECT</ChecksumType>";
  const std::string of_parts = "<ChecksumType>COMPOSITE</ChecksumType>";
  const Crc expected = crc_of(CrcKind::Crc64Nvme, as_bytes("123456789"));
  for (const std::string& body : {crc, crc + whole, whole + crc}) {
    const auto completed = parse_completed(before + body + end);
    ASSERT_TRUE(completed);
    EXPECT_EQ(completed->crc, expected);
  }
  const std::string with_count = "<ChecksumCRC64NVME>rosUhgp5mIg=-2</ChecksumCRC64NVME>";
  for (const std::string& body : {crc + of_parts, of_parts + crc, with_count,
                                  std::string("<ChecksumCRC64NVME>4waSgw==</ChecksumCRC64NVME>")}) {
    const auto completed = parse_completed(before + body + end);
    ASSERT_TRUE(completed);
    EXPECT_FALSE(completed->crc) << body;
  }
}

TEST(S3Documents, CompletedWithoutItsEndIsNoSuccess) {
  EXPECT_FALSE(parse_completed("<CompleteMultipartUploadResult><ETag>\"x\"</ETag>"));
  EXPECT_FALSE(parse_completed("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"));
  EXPECT_FALSE(parse_completed("   "));
}

TEST(S3Documents, CopiedObjectHasItsEtag) {
  const auto etag = parse_copied(
      "<CopyObjectResult><LastModified>2026-07-01T09:14:03.000Z</LastModified>"
      "<ETag>&quot;3858f62230ac3c915f300c664312c11f&quot;</ETag></CopyObjectResult>");
  ASSERT_TRUE(etag);
  EXPECT_EQ(*etag, "\"3858f62230ac3c915f300c664312c11f\"");
  EXPECT_FALSE(parse_copied("<CopyObjectResult><ETag>\"x\"</ETag>"));
  EXPECT_FALSE(parse_copied("<CopyObjectResult></CopyObjectResult>"));
  EXPECT_FALSE(parse_copied(""));
}

TEST(S3Documents, PartsAreReadWithTheNextMarker) {
  const auto page = parse_list_parts(
      "<ListPartsResult><PartNumberMarker>0</PartNumberMarker>"
      "<NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>"
      "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag><Size>5242880</Size></Part>"
      "<Part><ETag>\"b\"</ETag><Size>7</Size><PartNumber>2</PartNumber></Part></ListPartsResult>");
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_TRUE(page->truncated);
  EXPECT_EQ(page->next_marker, "2");
  ASSERT_EQ(page->parts.size(), 2U);
  EXPECT_EQ(page->parts[0].number, 1);
  EXPECT_EQ(page->parts[0].size, 5242880U);
  EXPECT_EQ(page->parts[1].etag, "\"b\"");
}

TEST(S3Documents, ListingOfNoPartsIsAListing) {
  const auto page =
      parse_list_parts("<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->parts.empty());
  EXPECT_FALSE(page->truncated);
}

TEST(S3Documents, PartsThatMakeNoSenseAreRefused) {
  const auto with_part = [](const std::string& part) {
    return "<ListPartsResult><Part>" + part + "</Part></ListPartsResult>";
  };
  EXPECT_FALSE(parse_list_parts(with_part("<PartNumber>0</PartNumber><ETag>a</ETag>")));
  EXPECT_FALSE(parse_list_parts(with_part("<PartNumber>x</PartNumber><ETag>a</ETag>")));
  EXPECT_FALSE(parse_list_parts(with_part("<PartNumber>1</PartNumber>")));
  EXPECT_FALSE(
      parse_list_parts(with_part("<PartNumber>1</PartNumber><ETag>a</ETag><Size>-1</Size>")));
  EXPECT_FALSE(parse_list_parts("<ListBucketResult></ListBucketResult>"));
}

TEST(S3Documents, KeysOfUploadsAreDecodedOnlyWhereTheReplySaysThatTheyAreEncoded) {
  const std::string said = "<EncodingType>url</EncodingType>";
  const std::string upload =
      "<NextKeyMarker>a%2Fb+c</NextKeyMarker><Upload><Key>100%25+1</Key><UploadId>id1</UploadId>"
      "<Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>";
  const auto read = [](const std::string& content) {
    return parse_list_uploads("<ListMultipartUploadsResult>" + content +
                              "</ListMultipartUploadsResult>")
        .value();
  };
  for (const auto& page : {read(said + upload), read(upload + said)}) {
    EXPECT_EQ(page.uploads.at(0).key, "100% 1");
    EXPECT_EQ(page.next_key_marker, "a/b c");
  }
  const auto plain = read(upload);
  EXPECT_EQ(plain.uploads.at(0).key, "100%25+1");
  EXPECT_EQ(plain.next_key_marker, "a%2Fb+c");
}

TEST(S3Documents, UploadsAreReadWithTheirKeysDecoded) {
  const auto page = parse_list_uploads(
      "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"
      "<NextKeyMarker>a%2Fb+c</NextKeyMarker>"
      "<NextUploadIdMarker>id2</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
      "<Upload><Key>a%2Fb+c%2B%FF</Key><UploadId>id1</UploadId>"
      "<Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload></ListMultipartUploadsResult>");
  ASSERT_TRUE(page) << page.error().describe();
  ASSERT_EQ(page->uploads.size(), 1U);
  EXPECT_EQ(page->uploads[0].key, "a/b c+\xFF");
  EXPECT_EQ(page->uploads[0].upload_id, "id1");
  EXPECT_EQ(page->uploads[0].initiated, WallTime(std::chrono::seconds(1289422113)));
  EXPECT_EQ(page->next_key_marker, "a/b c");
  EXPECT_EQ(page->next_upload_id_marker, "id2");
}

TEST(S3Documents, TimesThatAreNoneAreRefused) {
  for (const char* text :
       {"", "2010-11-10", "2010-11-10T20:48:33", "2010-13-10T20:48:33Z", "2010-11-31T20:48:33Z",
        "2010-11-10T25:48:33Z", "9999-11-10T20:48:33Z", "2010-11-10 20:48:33Z"}) {
    EXPECT_FALSE(parse_iso_time(text)) << text;
  }
}

TEST(S3Documents, CompleteListsThePartsInOrder) {
  EXPECT_EQ(complete_document({{.number = 1, .etag = "\"a\""}, {.number = 2, .etag = "b<"}},
                              std::nullopt),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b&lt;</ETag></Part></CompleteMultipartUpload>");
}

// MinIO completes nothing whose parts are not told with the checksum they were sent with.
TEST(S3Documents, CompleteTellsThePartsChecksumsWhereTheUploadHasThem) {
  const Crc crc = crc_of(CrcKind::Crc64Nvme, as_bytes("123456789"));
  const std::vector<Part> parts{{.number = 1, .etag = "a", .crc = crc}, {.number = 2, .etag = "b"}};
  EXPECT_EQ(complete_document(parts, CrcKind::Crc64Nvme),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>a</ETag>"
            "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>");
  EXPECT_EQ(complete_document(parts, CrcKind::Crc32c), complete_document(parts, std::nullopt));
}

TEST(S3Documents, ListedPartsHaveTheirChecksums) {
  const auto page = parse_list_parts(
      "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>9</Size>"
      "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></Part>"
      "<Part><PartNumber>2</PartNumber><ETag>b</ETag><Size>9</Size></Part></ListPartsResult>");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->parts[0].crc, crc_of(CrcKind::Crc64Nvme, as_bytes("123456789")));
  EXPECT_FALSE(page->parts[1].crc);
}

}  // namespace
}  // namespace waybill::uploader
