#include "text/nfc.h"

#include <random>

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

std::string utf8(unsigned code) {
  std::string out;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
  return out;
}

TEST(Nfc, ComposesAndOrdersMarks) {
  EXPECT_EQ(to_nfc("e\u0301x"), "\u00e9x");
  EXPECT_EQ(to_nfc("a\u0301\u0323"), "\u1ea1\u0301");
  EXPECT_EQ(to_nfc("\u212b"), "\u00c5");
  EXPECT_EQ(to_nfc("a\xff"), "a\xff");
}

TEST(Nfc, IsSureOnlyOfWhatDoesNotChange) {
  std::vector<unsigned> sure;
  for (unsigned code = 1; code < 0x10000; ++code)
    if ((code < 0xD800 || code > 0xDFFF) && is_surely_nfc(utf8(code))) sure.push_back(code);
  EXPECT_GT(sure.size(), 30000u);
  for (const unsigned code : sure) EXPECT_EQ(to_nfc(utf8(code)), utf8(code)) << code;
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += utf8(sure[random() % sure.size()]);
    ASSERT_TRUE(is_surely_nfc(text));
    EXPECT_EQ(to_nfc(text), text);
  }
}

TEST(Nfc, IsNotSureOfMarksAndOfBytesThatAreNoText) {
  for (const char* text : {"long enough: e\u0301", "a\u0323", "\u212b", "\u1100\u1161", "\xff",
                           "\xe3\x81", "12345678\u0344", "\U0001d15e"})
    EXPECT_FALSE(is_surely_nfc(text)) << text;
}

}  // namespace
}  // namespace lehr::text
