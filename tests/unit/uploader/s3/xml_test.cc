#include "uploader/xml.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace waybill::uploader {
namespace {

using Elements = std::vector<std::pair<std::string, std::string>>;

Elements elements(std::string_view document) {
  Elements found;
  const bool whole = read_xml(document, [&](std::string_view path, std::string_view text) {
    found.emplace_back(path, text);
  });
  EXPECT_TRUE(whole) << document;
  return found;
}

bool is_whole(std::string_view document) {
  return read_xml(document, [](std::string_view, std::string_view) {});
}

TEST(Xml, ElementsAreToldWithTheirPathInnerOnesFirst) {
  EXPECT_EQ(elements("<a><b>1</b><c><d>2</d></c></a>"),
            (Elements{{"a/b", "1"}, {"a/c/d", "2"}, {"a/c", ""}, {"a", ""}}));
}

TEST(Xml, DeclarationCommentsAttributesAndNameSpacesAreNoContent) {
  EXPECT_EQ(elements("\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- <x> -->\n"
                     "<s3:a xmlns:s3='u' k = \"v>\" ><b/><b  a='1' /></s3:a>\n"),
            (Elements{{"a/b", ""}, {"a/b", ""}, {"a", ""}}));
}

TEST(Xml, EntitiesAndCdataAreDecoded) {
  EXPECT_EQ(elements("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x20AC;<![CDATA[<&amp;>]]></a>"),
            (Elements{{"a", "<&>\"'A€<&amp;>"}}));
}

TEST(Xml, WhiteSpaceBeforeTheDocumentIsNoFault) {
  EXPECT_EQ(elements("\n  \n <a>x</a>  "), (Elements{{"a", "x"}}));
}

TEST(Xml, EveryCutOffDocumentIsBroken) {
  const std::string document = "<?xml version=\"1.0\"?><a k=\"v\"><b>&amp;1</b><!-- c --><c/></a>";
  for (std::size_t length = 0; length < document.size(); ++length) {
    EXPECT_FALSE(is_whole(document.substr(0, length))) << document.substr(0, length);
  }
  EXPECT_TRUE(is_whole(document));
}

TEST(Xml, MalformedDocumentsAreBroken) {
  for (const char* document :
       {"", "text", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a>&unknown;</a>", "<a>&#0;</a>",
        "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&#;</a>", "<a>&amp</a>", "<a b></a>",
        "<a b=c></a>", "<a>]]></a><", "</a>", "<>", "<a/>x", "<![CDATA[x]]>", "<a:/>"}) {
    EXPECT_FALSE(is_whole(document)) << document;
  }
}

TEST(Xml, DocumentTypesAreRefusedSoThatNothingExpands) {
  EXPECT_FALSE(is_whole("<!DOCTYPE a [<!ENTITY x \"xxxx\">]><a>&x;</a>"));
}

TEST(Xml, DepthIsBounded) {
  const auto nested = [](int depth) {
    std::string open;
    std::string close;
    for (int i = 0; i < depth; ++i) {
      open += "<a>";
      close += "</a>";
    }
    return open + close;
  };
  EXPECT_TRUE(is_whole(nested(16)));
  EXPECT_FALSE(is_whole(nested(17)));
}

TEST(Xml, EscapedTextComesBack) {
  const std::string text = "a<b>&\"c'";
  EXPECT_EQ(elements("<a>" + xml_escape(text) + "</a>"), (Elements{{"a", text}}));
}

}  // namespace
}  // namespace waybill::uploader
