#include <gtest/gtest.h>
#include <lehr/value.h>

#include <fstream>

#include "rows_stage.h"
#include "sources.h"
#include "text_documents.h"

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
  std::vector<std::string> documents(std::string_view bytes, std::string_view unit,
                                     text::InvalidUtf8 policy = text::InvalidUtf8::error) {
    TextDocuments reader(put("a.txt", bytes), unit, policy);
    std::vector<std::string> out;
    for (std::string_view text; reader.next(text);)
      out.push_back(std::to_string(reader.line()) + " " + std::string(text));
    return out;
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
  EXPECT_EQ(documents(text, "line"), (Texts{"2 one", "3  two", "6 three"}));
  EXPECT_EQ(documents(text, "paragraph"), (Texts{"2 one\n two", "6 three"}));
  EXPECT_EQ(documents(text, "file"), (Texts{"2 one\n two\n\n \nthree"}));
  EXPECT_TRUE(documents(" \n\n", "file").empty());
}

TEST_F(Files, TextThatIsNotUtf8NamesItsLineOrIsCounted) {
  const char* text = "ok\ncaf\xe9\n";
  try {
    documents(text, "line");
    FAIL() << "was read";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("a.txt:2: "), std::string::npos);
  }
  EXPECT_EQ(documents(text, "line", text::InvalidUtf8::replace), (Texts{"1 ok", "2 caf\uFFFD"}));
  EXPECT_EQ(documents(text, "line", text::InvalidUtf8::drop), (Texts{"1 ok"}));
}

TEST_F(Files, AreWhatTheirNamesSay) {
  for (const char* name : {"a.jsonl", "b.txt.gz", "c.ndjson.zst", "d.csv"}) put(name, "");
  const auto sources = find_sources({folder_.string(), (folder_ / "a*").string()}, "train");
  ASSERT_EQ(sources.size(), 3u);  // the folder's .csv is passed over, a.jsonl is there once
  EXPECT_EQ(sources[0].name, "a.jsonl");
  EXPECT_EQ(sources[1].format, Format::text);
  EXPECT_EQ(sources[2].format, Format::json_lines);
  EXPECT_NE(failure("*.csv").find("whose form is not known"), std::string::npos);
  EXPECT_NE(failure("*.parquet").find("matches no file"), std::string::npos);
}

TEST_F(Files, AreHeldOutByContentInTheAskedShare) {
  int tenth = 0, fifth = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::string text = "document " + std::to_string(i);
    tenth += is_held_out(text, 0.1);
    fifth += is_held_out(text, 0.2);
    EXPECT_LE(is_held_out(text, 0.1), is_held_out(text, 0.2));
    EXPECT_FALSE(is_held_out(text, 0));
    EXPECT_TRUE(is_held_out(text, 1));
  }
  EXPECT_NEAR(tenth, 1000, 120);  // four standard deviations
  EXPECT_NEAR(fifth, 2000, 160);
}

}  // namespace
}  // namespace lehr::plugins::files
