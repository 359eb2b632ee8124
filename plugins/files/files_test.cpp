#include <gtest/gtest.h>
#include <lehr/value.h>

#include <fstream>

#include "piece_reader.h"
#include "rows_stage.h"
#include "sources.h"
#include "text/held_out.h"

namespace lehr::plugins::files {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_files_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Files() override { fs::remove_all(folder_); }
  fs::path put(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  struct Found {
    std::vector<std::string> documents;  // "id text fields"
    text::CollectionTally tally;
  };
  // The documents of folder_/name, read in blocks of `block_bytes`.
  Found read(const std::string& name, const DocumentRules& rules = {},
             std::size_t block_bytes = 8 << 20, std::size_t max_bytes = 64 << 20) {
    ReadingRules reading;
    reading.encoding = rules.encoding;
    reading.text_records = rules.text_records;
    reading.block_bytes = block_bytes;
    reading.max_record_bytes = max_bytes;
    reading.drop_too_long = rules.options.malformed == text::Malformed::drop;
    SourceBlocks blocks(find_sources({(folder_ / name).string()}, "train"), reading);
    PieceReader reader(rules);
    Found found;
    for (SourceBlock block; blocks.next(block);) {
      for (const auto& place : block.too_long) found.tally.summary.drop("too_long", place, "");
      for (const Piece& piece : block.pieces)
        reader.read(block, piece, blocks.sources()[piece.source], found.tally,
                    [&](const text::Document& d) {
                      found.documents.push_back(std::string(d.id) + " " + std::string(d.text) +
                                                (d.fields.empty() ? "" : " ") +
                                                std::string(d.fields));
                    });
    }
    return found;
  }
  std::vector<std::string> documents(std::string_view bytes, Records unit,
                                     text::InvalidUtf8 policy = text::InvalidUtf8::error) {
    put("a.txt", bytes);
    DocumentRules rules;
    rules.text_records = unit;
    rules.options.invalid_utf8 = policy;
    return read("a.txt", rules).documents;
  }
  std::string reading_failure(const std::string& name, const DocumentRules& rules = {},
                              std::size_t max_bytes = 64 << 20) {
    try {
      read(name, rules, 8 << 20, max_bytes);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  std::string failure(const std::string& pattern) {
    try {
      find_sources({(folder_ / pattern).string()}, "train");
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  fs::path folder_;
};

using Texts = std::vector<std::string>;

TEST_F(Files, TextIsCutAsAsked) {
  const char* text = "\xef\xbb\xbf\r\none\r\n two\n\n \nthree\n\n";
  EXPECT_EQ(documents(text, Records::lines),
            (Texts{"a.txt:2 one", "a.txt:3  two", "a.txt:6 three"}));
  EXPECT_EQ(documents(text, Records::paragraphs), (Texts{"a.txt:2 one\n two", "a.txt:6 three"}));
  EXPECT_EQ(documents(text, Records::whole), (Texts{"a.txt one\n two\n\n \nthree"}));
  EXPECT_TRUE(documents(" \n\n", Records::whole).empty());
}

TEST_F(Files, TextThatIsNotUtf8NamesItsLineOrIsCounted) {
  const char* text = "ok\ncaf\xe9\n";
  try {
    documents(text, Records::lines);
    FAIL() << "was read";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("a.txt:2: "), std::string::npos);
  }
  EXPECT_EQ(documents(text, Records::lines, text::InvalidUtf8::replace),
            (Texts{"a.txt:1 ok", "a.txt:2 caf\uFFFD"}));
  EXPECT_EQ(documents(text, Records::lines, text::InvalidUtf8::drop), (Texts{"a.txt:1 ok"}));
}

TEST_F(Files, CsvFieldsMayHoldDelimitersQuotesAndLineEnds) {
  put("a.csv",
      "id,text,note\r\n1,\"a, \"\"b\"\"\nc\",x\r\n\r\n2,5\" pipe,\n3,,\"\"\n\"4\",last,\"q\"");
  EXPECT_EQ(read("a.csv").documents,
            (Texts{"1 a, \"b\"\nc {\"note\":\"x\"}", "2 5\" pipe {\"note\":\"\"}",
                   "3  {\"note\":\"\"}", "4 last {\"note\":\"q\"}"}));
  put("blank.csv", "\n\r\nid,text\n1,a\n");
  EXPECT_EQ(read("blank.csv", {}, 2).documents, (Texts{"1 a"}));
  put("none.csv", "\n\n");
  EXPECT_TRUE(read("none.csv").documents.empty());
  put("b.tsv", "body\tn\none, two\t1\n");
  DocumentRules rules;
  rules.options.text_field = "body";
  EXPECT_EQ(read("b.tsv", rules).documents, (Texts{"b.tsv:2 one, two {\"n\":\"1\"}"}));
}

TEST_F(Files, CsvThatBreaksTheRulesNamesItsLineOrIsCounted) {
  put("short.csv", "id,text\n1,a\n2\n3,c\n");
  EXPECT_NE(reading_failure("short.csv").find("short.csv:3: the row has 1 fields, not 2"),
            std::string::npos);
  put("behind.csv", "id,text\n1,\"a\nb\"c\n");
  EXPECT_NE(reading_failure("behind.csv").find("behind.csv:2: there is text behind"),
            std::string::npos);
  put("open.csv", "id,text\n1,a\n2,\"b\n3,c\n");
  EXPECT_NE(reading_failure("open.csv").find("open.csv:3: a quoted field is never closed"),
            std::string::npos);
  put("other.csv", "id,body\n1,a\n");
  EXPECT_NE(reading_failure("other.csv").find("the columns are 'id', 'body'. Set text_field"),
            std::string::npos);
  DocumentRules rules;
  rules.options.malformed = text::Malformed::drop;
  const Found found = read("short.csv", rules);
  EXPECT_EQ(found.documents, (Texts{"1 a", "3 c"}));
  EXPECT_EQ(found.tally.summary.drops().at("malformed").examples.at(0).id, "short.csv:3");
}

TEST_F(Files, CsvColumnsCalledIdAndTextStayWhereOthersAreMappedOntoThem) {
  put("a.csv", "id,text,body,url\n1,t,b,u\n");
  DocumentRules rules;
  rules.options.text_field = "body";
  rules.options.id_field = "url";
  EXPECT_EQ(read("a.csv", rules).documents,
            (Texts{"u b {\"original_id\":\"1\",\"original_text\":\"t\"}"}));
  put("b.csv", "id,original_id,body\n1,2,b\n");
  EXPECT_NE(
      reading_failure("b.csv", rules).find("b.csv:1: there are columns 'id' and 'original_id'"),
      std::string::npos);
}

TEST_F(Files, OfOtherEncodingsAreDecodedAndTakenForNothingElse) {
  put("w.txt", "\x80 caf\xe9 \x93q\x94");
  DocumentRules rules;
  rules.encoding = text::Encoding::windows1252;
  EXPECT_EQ(read("w.txt", rules).documents, (Texts{"w.txt € café “q”"}));
  rules.encoding = text::Encoding::latin1;
  EXPECT_EQ(read("w.txt", rules).documents, (Texts{"w.txt \u0080 café \u0093q\u0094"}));
  using std::string_literals::operator""s;
  put("le.txt", "\xff\xfe\x41\0\x3d\xd8\0\xde\x42\0"s);  // A😀B
  put("be.txt", "\xfe\xff\0\x41\xd8\x3d\xde\0\0\x42"s);
  put("half.txt", "\xff\xfe\x41\0\x3d\xd8\x42\0"s);
  EXPECT_NE(reading_failure("le.txt").find("le.txt:1: the file is UTF-16"), std::string::npos);
  rules.encoding = text::Encoding::utf16;
  EXPECT_EQ(read("le.txt", rules).documents, (Texts{"le.txt A😀B"}));
  EXPECT_EQ(read("be.txt", rules).documents, (Texts{"be.txt A😀B"}));
  EXPECT_NE(reading_failure("half.txt", rules).find("not valid UTF-8"), std::string::npos);
  put("halves.txt", "\x3d\xd8\x41\0\0\xde\x3d\xd8\x3d\xd8"s);
  rules.options.invalid_utf8 = text::InvalidUtf8::replace;  // one a half, as Python does
  EXPECT_EQ(read("half.txt", rules).documents, (Texts{"half.txt A\ufffdB"}));
  EXPECT_EQ(read("halves.txt", rules).documents, (Texts{"halves.txt \ufffdA\ufffd\ufffd\ufffd"}));
  put("nul.txt", "a\0b"s);
  EXPECT_NE(reading_failure("nul.txt").find("nul.txt:1: a NUL byte"), std::string::npos);
}

TEST_F(Files, AnIdThatIsAskedForAndNotThereIsNoted) {
  put("a.jsonl", R"({"url":"x","text":"a"})"
                 "\n"
                 R"({"link":"y","text":"b"})"
                 "\n");
  DocumentRules rules;
  EXPECT_EQ(read("a.jsonl", rules).tally.without_id, 0u);  // nobody asked
  rules.options.id_field = "url";
  EXPECT_EQ(read("a.jsonl", rules).tally.without_id, 1u);
  put("a.csv", "link,text\nx,a\n");
  EXPECT_NE(reading_failure("a.csv", rules)
                .find("a.csv:1: there is no column 'url', which id_field names; the columns are "
                      "'link', 'text'"),
            std::string::npos);
}

TEST_F(Files, BlocksChangeNoDocumentAndGoOnAnywhere) {
  std::string lines, csv = "id,text\n", paragraphs;
  for (int i = 0; i < 300; ++i) {
    const std::string n = std::to_string(i), body(static_cast<std::size_t>(i * 37 % 191), 'x');
    lines += "{\"id\":\"" + n + "\",\"text\":\"" + body + "\"}\n";
    csv += n + ",\"" + body + (i % 3 ? "" : "\n\"\",") + "\"\n";
    paragraphs += body + n + "\nmore\n\n";
  }
  put("a.jsonl", lines);
  put("b.csv", csv);
  put("c.txt", paragraphs);
  put("d.txt", "");
  put("e.jsonl", lines.substr(0, lines.size() - 1));
  DocumentRules rules;
  rules.text_records = Records::paragraphs;
  const Found whole = read(".", rules);
  ASSERT_EQ(whole.documents.size(), 1200u);
  for (const std::size_t size : {1024u, 1500u, 4096u})
    EXPECT_EQ(read(".", rules, size).documents, whole.documents) << size;

  ReadingRules reading;
  reading.text_records = Records::paragraphs;
  reading.block_bytes = 256;  // less than the longest record
  const auto sources = find_sources({folder_.string()}, "train");
  SourceBlocks blocks(sources, reading);
  std::vector<std::string> seen;
  std::vector<text::CollectionPosition> ends;
  for (SourceBlock block; blocks.next(block);) {
    std::string joined;
    for (const Piece& piece : block.pieces) joined += block.bytes(piece);
    seen.push_back(joined);
    ends.push_back(block.end);
  }
  ASSERT_GT(seen.size(), 100u);
  for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
    SourceBlocks again(sources, reading);
    again.resume(ends[i]);
    SourceBlock block;
    ASSERT_TRUE(again.next(block)) << i;
    std::string joined;
    for (const Piece& piece : block.pieces) joined += block.bytes(piece);
    EXPECT_EQ(joined, seen[i + 1]) << i;
  }
}

TEST_F(Files, RecordsThatAreTooLongAreAnErrorOrDroppedAndNeverHeld) {
  const std::string ok = "{\"id\":\"1\",\"text\":\"a\"}\n";
  const std::string longer = "{\"id\":\"2\",\"text\":\"" + std::string(100000, 'x') + "\"}\n";
  put("long.jsonl", ok + longer + ok + longer);
  EXPECT_NE(reading_failure("long.jsonl", {}, 4096).find("long.jsonl:2: the document that begins"),
            std::string::npos);
  DocumentRules rules;
  rules.options.malformed = text::Malformed::drop;
  const Found found = read("long.jsonl", rules, 8 << 20, 4096);
  EXPECT_EQ(found.documents, (Texts{"1 a", "1 a"}));
  EXPECT_EQ(found.tally.summary.drops().at("too_long").documents, 2u);
  EXPECT_EQ(found.tally.summary.drops().at("too_long").examples.at(1).id, "long.jsonl:4");
  put("limit.txt", std::string(4096, 'x'));
  EXPECT_EQ(read("limit.txt", {}, 8 << 20, 4096).documents.size(), 1u);
  put("limit.txt", std::string(4097, 'x'));
  EXPECT_NE(reading_failure("limit.txt", {}, 4096).find("limit.txt:1: the document"),
            std::string::npos);
  put("open.csv", "id,text\n1,\"" + std::string(100000, 'x'));
  EXPECT_NE(reading_failure("open.csv", {}, 4096)
                .find("open.csv:2: the document that begins here "
                      "has more than 4096 bytes (is a quote"),
            std::string::npos);
}

TEST_F(Files, EndABlockOfRecordsThatAreAllTooLong) {
  std::string lines;
  for (int i = 0; i < 10000; ++i) lines += std::string(40, 'x') + "\n";
  put("long.jsonl", lines + "{\"text\":\"a\"}\n");
  ReadingRules reading;
  reading.max_record_bytes = 30;
  reading.drop_too_long = true;
  const auto sources = find_sources({(folder_ / "long.jsonl").string()}, "train");
  SourceBlocks blocks(sources, reading);
  std::size_t dropped = 0, blocks_read = 0;
  std::vector<text::CollectionPosition> ends;
  for (SourceBlock block; blocks.next(block); ++blocks_read) {
    EXPECT_LE(block.too_long.size(), 5000u);
    dropped += block.too_long.size();
    ends.push_back(block.end);
  }
  EXPECT_EQ(dropped, 10000u);
  ASSERT_GE(blocks_read, 2u);
  SourceBlocks again(sources, reading);
  again.resume(ends[0]);
  SourceBlock block;
  ASSERT_TRUE(again.next(block));
  EXPECT_EQ(block.end.offset, ends[1].offset);
}

TEST_F(Files, AreWhatTheirNamesSay) {
  for (const char* name : {"a.jsonl", "b.txt.gz", "c.ndjson.zst", "d.pdf"}) put(name, "");
  const auto sources = find_sources({folder_.string(), (folder_ / "a*").string()}, "train");
  ASSERT_EQ(sources.size(), 3u);  // the folder's .pdf is passed over, a.jsonl is there once
  EXPECT_EQ(sources[0].name, "a.jsonl");
  EXPECT_EQ(sources[1].format, Format::text);
  EXPECT_EQ(sources[2].format, Format::json_lines);
  EXPECT_NE(failure("*.pdf").find("d.pdf'; its form is not known"), std::string::npos);
  EXPECT_EQ(failure("d.pdf").find("train: the form of '" + (folder_ / "d.pdf").string() + "' is"),
            0u);
  EXPECT_NE(failure("*.parquet").find("matches no file"), std::string::npos);
  for (const char* name : {"E.TXT", "F.JsonL.GZ"}) put(name, "");
  EXPECT_EQ(find_sources({(folder_ / "E*").string()}, "train").at(0).format, Format::text);
  EXPECT_EQ(find_sources({(folder_ / "F*").string()}, "train").at(0).format, Format::json_lines);
}

TEST_F(Files, OfAFolderThatAreNotReadAreTold) {
  for (const char* name : {"a.jsonl", "b.md", "c.jsonl.xz", "d.parquet", "LICENSE"}) put(name, "");
  std::string said;
  const auto warn = [&](const std::string& text) { said += text + "\n"; };
  EXPECT_EQ(find_sources({folder_.string()}, "train", warn).size(), 1u);
  EXPECT_EQ(said, "train: 4 files of '" + folder_.string() +
                      "' are passed over: LICENSE, b.md, c.jsonl.xz, ...; known are .jsonl, "
                      ".ndjson, .txt, .csv and .tsv, each also with .gz or .zst; .parquet is read "
                      "by parquet.documents\n");
  said.clear();
  EXPECT_EQ(find_sources({(folder_ / "a.jsonl").string()}, "train", warn).size(), 1u);
  EXPECT_EQ(said, "");
  fs::remove(folder_ / "a.jsonl");
  EXPECT_NE(failure(".").find("matches no file that could be read; 4 files of"), std::string::npos);
  EXPECT_NE(failure("*.parquet").find(".parquet is read by parquet.documents"), std::string::npos);
  EXPECT_EQ(failure("*.md").find("parquet"), std::string::npos);
}

TEST_F(Files, AreHeldOutByContentInTheAskedShare) {
  int tenth = 0, fifth = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::string text = "document " + std::to_string(i);
    tenth += text::is_held_out(text, 0.1);
    fifth += text::is_held_out(text, 0.2);
    EXPECT_LE(text::is_held_out(text, 0.1), text::is_held_out(text, 0.2));
    EXPECT_FALSE(text::is_held_out(text, 0));
    EXPECT_TRUE(text::is_held_out(text, 1));
  }
  EXPECT_NEAR(tenth, 1000, 120);  // four standard deviations
  EXPECT_NEAR(fifth, 2000, 160);
}

}  // namespace
}  // namespace lehr::plugins::files
