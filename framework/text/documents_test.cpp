#include "text/documents.h"

#include <gtest/gtest.h>
#include <lehr/value.h>
#include <zlib.h>

#include <fstream>
#include <iterator>
#include <random>

#include "text/utf8_repair.h"

namespace lehr::text {
namespace {

class Documents : public testing::Test {
 protected:
  Documents() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ =
        std::filesystem::path(testing::TempDir()) / (std::string("lehr_documents_") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~Documents() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path put(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::vector<std::string> texts(DocumentReader& reader) {
    std::vector<std::string> out;
    for (Document document; reader.next(document);) out.emplace_back(document.text);
    return out;
  }
  static std::string failure(DocumentReader& reader) {
    try {
      texts(reader);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  std::filesystem::path folder_;
};

std::string gzip_member(std::string_view text) {
  std::string out(text.size() + 1000, '\0');
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST_F(Documents, ReadsPlainGzipMembersAndZstdFramesAlike) {
  const std::string a = "{\"id\":\"1\",\"text\":\"one\"}\n{\"id\":\"2\",\"te";
  const std::string b = "xt\":\"two\"}\n\n{\"id\":3,\"text\":\"thr\\u00e9e\"}";
  FrameCompressor frames;
  const std::string first(frames.compress(a));
  const std::string second(frames.compress(b));
  const std::vector<std::string> expected = {"one", "two", "thrée"};
  for (const auto& file : {put("p.jsonl", a + b), put("g.gz", gzip_member(a) + gzip_member(b)),
                           put("padded.gz", gzip_member(a + b) + std::string(1000, '\0')),
                           put("z.zst", first + second)}) {
    DocumentReader reader({file});
    EXPECT_EQ(texts(reader), expected) << file;
    EXPECT_EQ(reader.position(), reader.total_bytes()) << file;
  }
}

TEST_F(Documents, RefusesTruncatedCompressedFiles) {
  FrameCompressor frames;
  const std::string text = "{\"text\":\"a longer text than nothing at all\"}\n";
  const std::string zstd(frames.compress(text)), gzip = gzip_member(text);
  for (std::size_t cut = 5; cut < zstd.size(); ++cut) {
    DocumentReader reader({put("cut.zst", zstd.substr(0, cut))});
    EXPECT_NE(failure(reader).find("truncated"), std::string::npos) << cut;
  }
  for (std::size_t cut = 3; cut < gzip.size(); ++cut) {
    DocumentReader reader({put("cut.gz", gzip.substr(0, cut))});
    EXPECT_NE(failure(reader).find("truncated"), std::string::npos) << cut;
  }
  std::string flipped = zstd;
  flipped.back() ^= 1;
  DocumentReader reader({put("flip.zst", flipped)});
  EXPECT_NE(failure(reader).find("damaged zstd data"), std::string::npos);
}

TEST_F(Documents, NamesFileAndLineOfMalformedRows) {
  const auto file = put("bad.jsonl", "{\"text\":\"a\"}\n\r\n{\"text\":\"b\"]\n{\"text\":\"c\"}\n");
  DocumentReader strict({file});
  EXPECT_NE(failure(strict).find(file.string() + ":3: malformed JSON"), std::string::npos);
  DocumentOptions options;
  options.malformed = Malformed::drop;
  DocumentReader lenient({file}, options);
  EXPECT_EQ(texts(lenient), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(lenient.counts().malformed_dropped, 1u);
}

TEST_F(Documents, RejectsRowsWhoseTextIsMissingOrNoString) {
  for (const char* row : {"[1]", "{\"id\":\"1\"}", "{\"text\":7}", "{\"text\":null}"}) {
    DocumentReader reader({put("row.jsonl", row)});
    EXPECT_NE(failure(reader).find("row.jsonl:1: "), std::string::npos) << row;
  }
}

TEST_F(Documents, NamesTheMembersOfARowWithoutText) {
  const auto file = put("row.jsonl", "{\"id\":1,\"content\":\"a\",\"url\":\"b\"}\n{}\n");
  DocumentReader natural({file});
  EXPECT_NE(failure(natural).find("row.jsonl:1: there is no member 'text'; the row has 'id', "
                                  "'content', 'url'. A document is {\"id\": TEXT, "),
            std::string::npos);
  DocumentOptions options;
  options.text_field = "content";
  options.text_missing = "Set text_field";
  DocumentReader mapped({file}, options);
  EXPECT_NE(failure(mapped).find("row.jsonl:2: there is no member 'content'; the row is empty. "
                                 "Set text_field"),
            std::string::npos);
}

TEST_F(Documents, SaysHowAFileOfAnotherFormIsMadeIntoRows) {
  DocumentOptions options;
  options.malformed_advice = "; set malformed to 'drop'";
  for (const auto& [bytes, said] :
       {std::pair{
            "[{\"text\":\"a\"}]\n",
            "the line is not a JSON object; rows are objects, one a line: `jq -c '.[]'` makes "
            "them of a list; set malformed to 'drop'"},
        {"{\r\n \"text\":\"a\"}\n",
         "; rows are objects, one a line: `jq -c .` makes them of objects over several lines; set "
         "malformed to 'drop'"},
        {"{\"text\": \"NaN\", \"score\": [1, -NaN ]}\n",
         "; NaN and Infinity are no JSON: write null; set malformed to 'drop'"},
        {"{\"text\": \"of NaN, or\", \"score\": x}\n",
         "braces, missing keys, etc.; set malformed to 'drop'"},
        {"{\"text\":\"a\"\n", "braces, missing keys, etc.; set malformed to 'drop'"}}) {
    DocumentReader reader({put("form.jsonl", bytes)}, options);
    const std::string told = failure(reader);
    EXPECT_TRUE(told.ends_with(said)) << told;
  }
}

// As Python writes them.
TEST_F(Documents, KeepsNumbersThat64BitsDoNotHold) {
  const std::string many(400, '7');
  const auto file = put("big.jsonl",
                        "{\"id\":123456789012345678901234,\"text\":\"a 1e999 \\ud83d\\ude00\","
                        "\"n\":[-9223372036854775809,1e400,-18446744073709551616, 1e-400],\"m\":" +
                            many + ",\"k\":-" + many + ".5E0}\n");
  DocumentReader reader({file});
  Document document;
  ASSERT_TRUE(reader.next(document));
  EXPECT_EQ(document.id, "123456789012345678901234");
  EXPECT_EQ(document.text, "a 1e999 😀");
  EXPECT_EQ(document.fields,
            "{\"n\":[-9223372036854775809,1e400,-18446744073709551616, 1e-400],\"m\":" + many +
                ",\"k\":-" + many + ".5E0}");
  for (const char* row : {"{\"text\":123456789012345678901234}", "{\"text\":\"a\",\"n\":1e400x}",
                          "{\"text\":\"a\",\"n\":-}", "{\"text\":\"a\",\"n\":01e400}",
                          "{\"text\":\"a\",\"n\":123456789012345678901234.}"}) {
    DocumentReader malformed({put("bad.jsonl", row)});
    EXPECT_NE(failure(malformed), "") << row;
  }
}

TEST_F(Documents, HasNoIdWhereItIsNull) {
  DocumentReader reader({put("ids.jsonl",
                             "{\"id\":null,\"text\":\"a\"}\n{\"id\":7,\"text\":\"b\"}\n"
                             "{\"text\":\"c\"}\n{\"id\":[1, 2],\"text\":\"d\"}\n")});
  std::string ids;
  for (Document document; reader.next(document);) ids += std::string(document.id) + ";";
  EXPECT_EQ(ids, ";7;;[1,2];");
}

TEST_F(Documents, TreatsInvalidUtf8AsTheOptionsSay) {
  const auto file = put("latin.jsonl",
                        "{\"text\":\"caf\xe9\"}\n{\"text\":\"ok\"}\n{\"text\":\"\\ud83d x\"}\n"
                        "{\"text\":\"\\ud83d\\ude00\"}\n");
  DocumentReader strict({file});
  EXPECT_NE(failure(strict).find(":1: the line is not valid UTF-8"), std::string::npos);
  DocumentOptions options;
  options.invalid_utf8 = InvalidUtf8::replace;
  DocumentReader replacing({file}, options);
  EXPECT_EQ(texts(replacing), (std::vector<std::string>{"caf\uFFFD", "ok", "\uFFFD x", "😀"}));
  EXPECT_EQ(replacing.counts().invalid_utf8_replaced, 2u);
  options.invalid_utf8 = InvalidUtf8::drop;
  DocumentReader dropping({file}, options);
  EXPECT_EQ(texts(dropping), (std::vector<std::string>{"ok", "😀"}));
  EXPECT_EQ(dropping.counts().invalid_utf8_dropped, 2u);
}

TEST_F(Documents, KeepsOtherMembersAsTheyWereWritten) {
  const auto file = put("fields.jsonl",
                        "{ \"n\" : 1.50e3 ,\"text\":\"t\",\"m\":{\"a\":[1, \"}\\\"\"]} , \"id\":7,"
                        "\"z\":null, \"s\":\"x\"}\n");
  DocumentReader reader({file});
  Document document;
  ASSERT_TRUE(reader.next(document));
  EXPECT_EQ(document.id, "7");
  EXPECT_EQ(document.fields,
            "{\"n\" : 1.50e3,\"m\":{\"a\":[1, \"}\\\"\"]},\"z\":null,\"s\":\"x\"}");
  std::string out;
  append_document(out, document);
  EXPECT_EQ(out,
            "{\"id\":\"7\",\"text\":\"t\",\"n\" : 1.50e3,\"m\":{\"a\":[1, \"}\\\"\"]},"
            "\"z\":null,\"s\":\"x\"}\n");
}

TEST_F(Documents, KeepsIdAndTextOfTheRowWhereOtherMembersAreMappedOntoThem) {
  DocumentOptions options;
  options.text_field = "body";
  options.id_field = "url";
  DocumentReader reader(
      {put("fields.jsonl",
           "{\"id\": 7,\"te\\u0078t\" :\"t\",\"n\":1,\"body\":\"b\",\"url\":\"u\"}\n"
           "{\"id\":\"8\",\"body\":\"c\"}\n")},
      options);
  Document document;
  ASSERT_TRUE(reader.next(document));
  EXPECT_EQ(document.id, "u");
  EXPECT_EQ(document.text, "b");
  EXPECT_EQ(document.fields, "{\"original_id\":7,\"original_text\":\"t\",\"n\":1}");
  ASSERT_TRUE(reader.next(document));
  EXPECT_EQ(document.id, "");
  EXPECT_EQ(document.fields, "{\"original_id\":\"8\"}");
}

TEST_F(Documents, RejectsRowsInWhichTwoMembersWouldBeOfOneName) {
  DocumentOptions options;
  options.id_field = "url";
  const auto file = put("two.jsonl", "{\"text\":\"t\",\"original_id\":1,\"id\":2}\n");
  DocumentReader strict({file}, options);
  EXPECT_NE(failure(strict).find("two.jsonl:1: there are members 'id' and 'original_id'"),
            std::string::npos);
  options.malformed = Malformed::drop;
  DocumentReader lenient({file}, options);
  EXPECT_TRUE(texts(lenient).empty());
  EXPECT_EQ(lenient.counts().malformed_dropped, 1u);
  DocumentReader natural({file});
  EXPECT_EQ(texts(natural), (std::vector<std::string>{"t"}));
}

TEST_F(Documents, FindsWhereStringsEndAmongQuotesAndBackslashes) {
  std::mt19937 random(1);
  std::string rows;
  std::vector<std::string> fields;
  for (int i = 0; i < 300; ++i) {
    std::string text, other;
    for (std::string* s : {&text, &other})
      for (auto left = random() % 12; left > 0; --left) *s += "\\\"\\\"x,}"[random() % 7];
    std::string written;
    append_json_string(written, other);
    fields.push_back("{" + written + ":" + written + ",\"z\":[\"]\\\\\"]}");
    rows += "{\"text\":";
    append_json_string(rows, text);
    rows += "," + fields.back().substr(1) + "\n";
  }
  DocumentReader reader({put("a.jsonl", rows)});
  std::size_t i = 0;
  for (Document document; reader.next(document); ++i) EXPECT_EQ(document.fields, fields[i]);
  EXPECT_EQ(i, fields.size());
}

TEST_F(Documents, ComeBackAsTheyWereWrittenWithTheSameBytesEveryTime) {
  std::mt19937 random(1);
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    std::string text = "\"\\\n\t\x01é😀";
    text.append(random() % 9000, static_cast<char>('a' + i % 26));
    expected.push_back(text);
  }
  std::string bytes[2];
  for (auto& written : bytes) {
    DocumentWriter writer(folder_);
    for (const auto& text : expected) writer.write({"id", text, "{\"k\":1}"});
    writer.close();
    written = bytes_of(folder_ / "train-00000.jsonl.zst");
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  const auto files = data_files(folder_, "train");
  ASSERT_EQ(files.size(), 1u);
  EXPECT_TRUE(data_files(folder_, "eval").empty());
  DocumentReader reader(files);
  EXPECT_EQ(texts(reader), expected);
}

// Six bytes for each, where every one is escaped: what a stage may let a document have is read.
TEST_F(Documents, FitALineWhateverTheirBytesAre) {
  const std::string text(1 << 20, '\x01'), id(4096, '"');
  std::string line;
  append_document(line, {id, text, {}});
  const std::size_t around = line.size() - 6 * text.size();
  EXPECT_EQ(line.size(),
            6 * text.size() + 2 * id.size() + std::string_view("{'id':'','text':''}\n").size());
  EXPECT_LE(6 * kMaxDocumentBytes + around, kMaxLineBytes);
  EXPECT_EQ(LineBlocks::Options().max_line_bytes, kMaxLineBytes);
}

TEST_F(Documents, AFileWithoutDocumentsIsStillZstd) {
  DocumentWriter writer(folder_, "eval");
  writer.close();
  const auto files = data_files(folder_, "eval");
  ASSERT_EQ(files.size(), 1u);
  EXPECT_GT(std::filesystem::file_size(files[0]), 0u);
  DocumentReader reader(files);
  EXPECT_TRUE(texts(reader).empty());
}

TEST_F(Documents, BlocksHoldWholeLinesAndCanBeResumedAnywhere) {
  std::string all;
  for (int i = 0; i < 200; ++i) all += std::string(i * 37 % 91, 'x') + std::to_string(i) + "\n";
  all.pop_back();
  const std::vector<std::filesystem::path> files = {put("a", all), put("b", ""), put("c", all)};
  LineBlocks::Options options;
  options.block_bytes = 64;  // shorter than the longest line
  LineBlocks blocks(files, options);
  std::vector<LineBlock> seen;
  std::string joined[3];
  for (LineBlock block; blocks.next(block);) {
    EXPECT_TRUE(block.bytes().ends_with('\n') || block.end_offset == all.size());
    joined[block.file] += block.bytes();
    EXPECT_EQ(block.end_offset, joined[block.file].size());
    seen.push_back(block);
  }
  EXPECT_EQ(joined[0], all);
  EXPECT_EQ(joined[1], "");
  EXPECT_EQ(joined[2], all);
  EXPECT_EQ(seen.back().end_line, 201u);
  for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
    LineBlocks again(files, options);
    again.resume(seen[i].file, seen[i].end_offset, seen[i].end_line);
    LineBlock block;
    ASSERT_TRUE(again.next(block));
    EXPECT_EQ(block.bytes().substr(0, 20), seen[i + 1].bytes().substr(0, 20));
    EXPECT_EQ(block.first_line, seen[i + 1].first_line);
  }
}

TEST(JsonString, EscapesEveryByteThatJsonWantsEscapedWhereverItStands) {
  const auto slowly = [](std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const std::size_t known = std::string_view("\"\\\n\r\t\b\f").find(c);
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      if (known != std::string_view::npos)
        (out += '\\') += "\"\\nrtbf"[known];
      else
        out += byte < 0x20 ? std::string(escape) : std::string(1, c);
    }
    return out + '"';
  };
  for (int byte = 0; byte < 256; ++byte)
    for (std::size_t at = 0; at < 20; ++at)
      for (const char around : {'a', '\x7f', '\xc3', '!', '#', '\\'}) {
        std::string text(20, around);
        text[at] = static_cast<char>(byte);
        std::string out;
        append_json_string(out, text);
        ASSERT_EQ(out, slowly(text)) << byte << " at " << at;
      }
}

TEST(Utf8Repair, ReplacesTheLongestBeginningOfACharacterOnce) {
  EXPECT_EQ(replace_invalid_utf8("a\xf0\x9f\x98 b"), "a\uFFFD b");
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xc0\xaf\xff"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("é😀"), "é😀");
  EXPECT_EQ(replace_lone_surrogates("\\\\ud800 \\udc00 \\ud83d\\ude00"),
            "\\\\ud800 \\ufffd \\ud83d\\ude00");
}

}  // namespace
}  // namespace lehr::text
