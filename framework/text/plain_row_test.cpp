#include "text/plain_row.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "text/documents.h"

namespace lehr::text {
namespace {

// What a parser says of lines that kPadding bytes follow: documents and rows, and how many it
// refused.
std::vector<std::string> documents_of(std::string lines) {
  const std::size_t size = lines.size();
  lines.append(LineBlock::kPadding, 'x');  // what is behind the lines is not looked at
  DocumentOptions options;
  options.malformed = Malformed::drop;
  options.invalid_utf8 = InvalidUtf8::drop;
  DocumentParser parser(options);
  parser.start(std::string_view(lines).substr(0, size), 2, "file");
  std::vector<std::string> out;
  Document d;
  for (std::string_view line; parser.next(d, line);)
    out.push_back(std::string(d.id) + "|" + std::string(d.text) + "|" + std::string(d.fields) +
                  "|" + std::string(line));
  out.push_back(std::to_string(parser.counts().malformed_dropped));
  return out;
}

bool reads(std::string lines, PlainRow& row) {
  const std::size_t size = lines.size();
  static std::string held;
  held = lines.append(LineBlock::kPadding, '\0');
  return row.read(std::string_view(held).substr(0, size), "text", "id");
}

TEST(PlainRow, ReadsWhatDocumentsAreWrittenAs) {
  std::string lines;
  append_document(lines, {"7", "a \"text\"\n of\ttwo lines, \x01, é", "{\"n\":1, \"m\":[2]}"});
  PlainRow row;
  ASSERT_TRUE(reads(lines + "{}", row));
  EXPECT_EQ(row.id, "7");
  EXPECT_EQ(row.text, "a \"text\"\n of\ttwo lines, \x01, é");
  EXPECT_EQ(row.others, "\"n\":1, \"m\":[2]}");
  EXPECT_EQ(row.row, std::string_view(lines).substr(0, lines.size() - 1));
  EXPECT_EQ(row.size, lines.size());
}

TEST(PlainRow, ReadsWhatPythonWrites) {
  PlainRow row;
  ASSERT_TRUE(reads("{\"id\": \"0\", \"text\": \"caf\\u00e9 \\u20AC \\/\"}\r\n", row));
  EXPECT_EQ(row.id, "0");
  EXPECT_EQ(row.text, "café € /");
  EXPECT_EQ(row.others, "");
  EXPECT_EQ(row.row.back(), '}');
  ASSERT_TRUE(reads("{\"text\":\"of the last line\"}", row));
  EXPECT_EQ(row.id, "");
  EXPECT_EQ(row.text, "of the last line");
  EXPECT_FALSE(reads("{\"id\": 0, \"text\": \"\"}", row));
}

TEST(PlainRow, CopiesNoTextWithoutEscapes) {
  std::string lines = "{\"id\":\"1\",\"text\":\"" + std::string(100, 'a') + "\"}";
  lines.append(LineBlock::kPadding, '\0');
  PlainRow row;
  ASSERT_TRUE(row.read(std::string_view(lines).substr(0, lines.size() - LineBlock::kPadding),
                       "text", "id"));
  EXPECT_EQ(row.text.data(), lines.data() + 18);
}

// A block with a line that is not UTF-8 is read by simdjson alone.
TEST(PlainRow, TakesEveryRowAsSimdjsonDoes) {
  const std::vector<std::string> pieces = {"{",
                                           "}",
                                           "\"",
                                           "\\",
                                           " ",
                                           "\t",
                                           "\r",
                                           ",",
                                           ":",
                                           "\"id\"",
                                           "\"text\"",
                                           "\"n\"",
                                           "\"te\\u0078t\"",
                                           "\\n",
                                           "\\\"",
                                           "\\u00e9",
                                           "\\u0000",
                                           "\\ud83d\\ude00",
                                           "\\ud83d",
                                           "\\x",
                                           "\\u12",
                                           "é",
                                           "€",
                                           "null",
                                           "7",
                                           "1e999",
                                           "[1, 2]",
                                           std::string(15, 'a'),
                                           std::string(40, 'b'),
                                           "\x01",
                                           std::string(1, '\0'),
                                           "\"original_id\""};
  const std::vector<std::string> rows = {
      R"({"id":"1","text":"one"})",
      R"({"id": "2", "text": "caf\u00e9\n\"two\" and more of it, so that it is long"})",
      R"({"text":"three","id":"3","url":"u","n":{"a":[1,"}"]}})",
      R"( { "text" : "four" , "n" : 1.50e3 , "id" : 4 } )", R"({"text":"five","id":null})"};
  std::mt19937 random(1);
  int read = 0;
  for (int turn = 0; turn < 40000; ++turn) {
    std::string row = rows[random() % rows.size()];
    for (std::size_t n = random() % 4; n > 0; --n) {
      std::size_t at = random() % (row.size() + 1);
      while (at < row.size() && (row[at] & 0xc0) == 0x80) ++at;  // not within a character
      std::size_t taken = random() % 3;
      while (at + taken < row.size() && (row[at + taken] & 0xc0) == 0x80) ++taken;
      row.replace(at, taken, random() % 4 == 0 ? "" : pieces[random() % pieces.size()]);
    }
    const std::string end = random() % 3 == 0 ? "\r\n" : "\n";
    const std::string lines = row + end + R"({"text":"after"})" + (random() % 2 ? end : "");
    const auto plain = documents_of(lines);
    ASSERT_EQ(plain, documents_of("\xff\n" + lines)) << row;
    read += plain.size() == 3;
  }
  EXPECT_GT(read, 10000);
  EXPECT_LT(read, 39000);
}

}  // namespace
}  // namespace lehr::text
