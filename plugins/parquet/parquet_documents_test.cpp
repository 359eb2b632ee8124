#include "parquet_documents.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <gtest/gtest.h>
#include <lehr/value.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

namespace lehr::plugins::parquet {
namespace {

namespace fs = std::filesystem;

class ParquetDocumentsTest : public testing::Test {
 protected:
  ParquetDocumentsTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = fs::path(testing::TempDir()) / (std::string("lehr_") + test->name() + ".parquet");
    rules_.options.malformed = text::Malformed::drop;
  }
  ~ParquetDocumentsTest() override { fs::remove(path_); }

  // A column of texts, of which those that are nothing are null.
  void write(const std::vector<std::optional<std::string>>& texts,
             const ::parquet::WriterProperties& properties) {
    arrow::StringBuilder builder;
    for (const auto& text : texts)
      ASSERT_TRUE((text ? builder.Append(*text) : builder.AppendNull()).ok());
    const auto table = arrow::Table::Make(arrow::schema({arrow::field("text", arrow::utf8())}),
                                          arrow::ArrayVector{builder.Finish().ValueOrDie()});
    const auto out = arrow::io::FileOutputStream::Open(path_.string()).ValueOrDie();
    const auto status =
        ::parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 1 << 20,
                                     std::make_shared<::parquet::WriterProperties>(properties));
    ASSERT_TRUE(status.ok()) << status;
  }
  ParquetDocuments documents() const { return ParquetDocuments({{path_, "input"}}, rules_); }
  // The ids and texts of a block, a row each.
  static std::string rows_of(const ParquetDocuments& documents,
                             const ParquetDocuments::Block& block,
                             std::uint64_t* dropped = nullptr) {
    std::string rows;
    text::CollectionTally tally;
    auto worker = documents.worker();
    documents.read(worker, block, tally, [&](const text::Document& document, bool) {
      rows.append(document.id).append(" ").append(document.text).append("\n");
    });
    if (dropped != nullptr)
      for (const auto& drops : tally.summary.drops()) *dropped += drops.second.documents;
    return rows;
  }

  fs::path path_;
  Rules rules_;
};

TEST_F(ParquetDocumentsTest, EndABlockOfRowsThatHaveNoText) {
  const std::size_t rows = 600'000;
  write(std::vector<std::optional<std::string>>(rows), *::parquet::default_writer_properties());
  auto from = documents();
  std::uint64_t dropped = 0;
  int blocks = 0;
  for (ParquetDocuments::Block block; from.next(block); ++blocks) {
    std::uint64_t here = 0;
    EXPECT_EQ(rows_of(from, block, &here), "");
    EXPECT_LE(here, 1u << 18);
    dropped += here;
  }
  EXPECT_EQ(dropped, rows);
  EXPECT_EQ(blocks, 3);
}

TEST_F(ParquetDocumentsTest, HaveNoFieldOrIdThatIsNoColumn) {
  write({"a"}, *::parquet::default_writer_properties());
  rules_.all_fields = false;
  rules_.fields = {"text"};
  ParquetDocuments::Block block;
  EXPECT_TRUE(documents().next(block));
  const auto refused = [&] {
    try {
      documents().next(block);
      FAIL() << "'url' would be missing, and nobody told";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("no column 'url'"), std::string::npos) << e.what();
    }
  };
  rules_.fields = {"text", "url"};
  refused();
  rules_.fields = {"text"};
  rules_.options.id_field = "url";
  refused();
}

// A file of less than 30 KB, which stands for 48 MiB.
TEST_F(ParquetDocumentsTest, AreAsManyAsFillABlockHoweverOftenATextIsRepeated) {
  const std::string text(16 << 10, 'x');
  write(std::vector<std::optional<std::string>>(3 << 10, text),
        *::parquet::default_writer_properties());
  ASSERT_LT(fs::file_size(path_), 30'000u);
  const std::int64_t before = arrow::system_memory_pool()->bytes_allocated();
  auto from = documents();
  ParquetDocuments::Block block;
  for (std::uint64_t first = 1; first < 3 << 10; first += 512) {
    ASSERT_TRUE(from.next(block));
    EXPECT_EQ(block.bytes, 8u << 20);
    ASSERT_EQ(block.batches.size(), 1u);
    EXPECT_EQ(block.batches[0].first_row, first);
    const std::string rows = rows_of(from, block);
    EXPECT_TRUE(rows.ends_with(text + "\n"));
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 512);
    EXPECT_LT(arrow::system_memory_pool()->bytes_allocated() - before, 4 << 20);
  }
  EXPECT_FALSE(from.next(block));
}

// Of 192 MiB in less than 300 KB: each text says only how much it shares with the one before.
TEST_F(ParquetDocumentsTest, AreReadInLittleMemoryWhereTheyAreEncodedAsDifferences) {
  const std::string text(32 << 10, 'x');
  ::parquet::WriterProperties::Builder properties;
  properties.disable_dictionary()->encoding(::parquet::Encoding::DELTA_BYTE_ARRAY);
  write(std::vector<std::optional<std::string>>(6 << 10, text), *properties.build());
  ASSERT_LT(fs::file_size(path_), 300'000u);
  const std::int64_t before = arrow::system_memory_pool()->bytes_allocated();
  auto from = documents();
  std::size_t rows = 0;
  for (ParquetDocuments::Block block; from.next(block);) {
    const std::string here = rows_of(from, block);
    rows += static_cast<std::size_t>(std::count(here.begin(), here.end(), '\n'));
    EXPECT_TRUE(here.ends_with(text + "\n"));
    EXPECT_LT(arrow::system_memory_pool()->bytes_allocated() - before, 8 << 20);
  }
  EXPECT_EQ(rows, 6u << 10);
}

TEST_F(ParquetDocumentsTest, EndABlockByTheirTextWhereverTheLongOnesAre) {
  std::vector<std::optional<std::string>> texts;
  for (int i = 0; i < 40; ++i) texts.emplace_back(std::to_string(i) + std::string(1 << 20, 'x'));
  for (int i = 0; i < 100'000; ++i) texts.emplace_back(std::to_string(i));
  ::parquet::WriterProperties::Builder properties;
  properties.disable_dictionary()->write_batch_size(1)->compression(arrow::Compression::ZSTD);
  write(texts, *properties.build());
  const std::int64_t before = arrow::system_memory_pool()->bytes_allocated();
  auto from = documents();
  for (ParquetDocuments::Block block; from.next(block);) {
    EXPECT_LE(block.bytes, (9u << 20) + 10);
    EXPECT_LT(arrow::system_memory_pool()->bytes_allocated() - before, 8 << 20);
  }
}

TEST_F(ParquetDocumentsTest, AreTheSameFromTheEndOfAnyBlock) {
  std::vector<std::optional<std::string>> texts;
  for (int i = 0; i < 1200; ++i)
    texts.emplace_back(std::to_string(i % 700) +
                       std::string(20'000, static_cast<char>('a' + i % 7)));
  ::parquet::WriterProperties::Builder properties;
  properties.max_row_group_length(500)->compression(arrow::Compression::ZSTD);
  write(texts, *properties.build());
  std::vector<std::string> rows;
  std::vector<text::CollectionPosition> ends;
  auto whole = documents();
  for (ParquetDocuments::Block block; whole.next(block);) {
    rows.push_back(rows_of(whole, block));
    ends.push_back(block.end);
  }
  ASSERT_GT(rows.size(), 2u);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    auto again = documents();
    again.resume(ends[i]);
    ParquetDocuments::Block block;
    for (std::size_t k = i + 1; k < rows.size(); ++k) {
      ASSERT_TRUE(again.next(block)) << i;
      EXPECT_EQ(rows_of(again, block), rows[k]) << i;
      EXPECT_EQ(block.end.offset, ends[k].offset);
    }
    EXPECT_FALSE(again.next(block));
  }
}

TEST_F(ParquetDocumentsTest, AreNotReadFromAPageThatSaysItIsLongerThanItsFileCouldHold) {
  ::parquet::WriterProperties::Builder properties;
  properties.disable_dictionary();
  write({"one", "two"}, *properties.build());
  std::ifstream in(path_, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  // Behind "PAR1" the page's header: its kind, its length, and its length when compressed, each
  // after a byte that says that it is a number, low bits first, seven a byte.
  std::size_t at = 7;
  while (bytes[at] < 0) ++at;
  ASSERT_EQ(bytes.substr(4, 3), std::string("\x15\0\x15", 3));
  ASSERT_EQ(bytes[at + 1], '\x15');
  std::size_t end = at + 2;
  while (bytes[end] < 0) ++end;
  bytes.replace(at + 2, end + 1 - (at + 2), "\xfe\xff\xff\xff\x0f");  // 2^31 - 1
  std::ofstream(path_, std::ios::binary) << bytes;
  auto from = documents();
  ParquetDocuments::Block block;
  try {
    from.next(block);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(path_.filename().string() +
                                         ": a part of it is said to take 21474836"),
              std::string::npos)
        << e.what();
  }
}

TEST_F(ParquetDocumentsTest, AreNotReadFromAPageThatIsLongerThanAllowed) {
  ::parquet::WriterProperties::Builder properties;
  properties.disable_dictionary()->compression(arrow::Compression::ZSTD);
  write({std::string(3 << 20, 'x')}, *properties.build());
  rules_.max_page_bytes = 2 << 20;
  auto from = documents();
  ParquetDocuments::Block block;
  try {
    from.next(block);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("more than max_page_bytes (2097152). Raise it"),
              std::string::npos)
        << e.what();
  }
  rules_.max_page_bytes = 4 << 20;
  auto again = documents();
  EXPECT_TRUE(again.next(block));
}

}  // namespace
}  // namespace lehr::plugins::parquet
