#include "lm/rows_ahead.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lm/random.h"
#include "text/compressed_file.h"

namespace lehr::lm {
namespace {

namespace fs = std::filesystem;

// An artifact of pairs that are told by its number: short ones, then long ones.
class RowsAheadOf : public testing::Test {
 protected:
  ~RowsAheadOf() override { fs::remove_all(folder_); }
  Input artifact(const std::string& name, int rows) {
    Input in;
    in.port = "preferences";
    in.path = folder_ / name;
    fs::create_directories(in.path);
    std::ofstream file(in.path / "train-00000.jsonl");
    const Random random(1, Purpose::kUser);
    for (int i = 0; i < rows; ++i) {
      text::Preference row;
      row.prompt = {{"user", std::to_string(i)}};
      const auto number = static_cast<uint64_t>(i);
      std::string answer(1 + random.below(number, i < rows / 2 ? 100 : 1000), ' ');
      for (std::size_t at = 0; at < answer.size(); ++at)
        answer[at] = static_cast<char>('a' + random.below(number << 10 | at, 26));
      row.chosen = row.rejected = {{"assistant", answer}};
      file << text::to_json(row) << '\n';
    }
    return in;
  }
  // The same rows in any order, compressed.
  static void pack(const Input& artifact) {
    const fs::path file = artifact.path / "train-00000.jsonl";
    std::vector<std::string> rows;
    std::ifstream in(file);
    for (std::string row; std::getline(in, row);) rows.push_back(row);
    Random(2, Purpose::kUser).shuffle(rows);
    std::string lines;
    for (const std::string& row : rows) lines += row + '\n';
    std::ofstream(file.string() + ".zst") << text::FrameCompressor().compress(lines);
    fs::remove(file);
  }
  static text::RowCounts counts(const std::vector<fs::path>& files) {
    text::RowCounts counts;
    text::RowReader<text::Preference> reader(files);
    for (text::Preference row; reader.next(row);) counts.add(row);
    return counts;
  }
  const fs::path folder_ = fs::path(testing::TempDir()) / "lehr_rows_ahead";
};

TEST_F(RowsAheadOf, FewAreReadWhole) {
  const Input in = artifact("few", 100);
  const auto ahead = RowsAhead::find({in}, "preferences");
  ASSERT_TRUE(ahead);
  EXPECT_EQ(ahead->share(), 1);
  EXPECT_EQ(counts(ahead->files().front()).rows, 100);
}

TEST_F(RowsAheadOf, ManyAreToldByAnEvenShareOfThem) {
  const Input small = artifact("small", 500), large = artifact("large", 20000);  // 13.6 MB
  const auto ahead = RowsAhead::find({small, large}, "preferences", 6 << 20);
  ASSERT_TRUE(ahead);
  ASSERT_EQ(ahead->files().size(), 2u);
  EXPECT_NEAR(ahead->share(), 0.11, 0.01);
  for (const auto& [in, files] :
       {std::pair{small, ahead->files()[0]}, {large, ahead->files()[1]}}) {
    const text::RowCounts all = counts({in.path / "train-00000.jsonl"});
    text::RowCounts told = counts(files);
    EXPECT_LT(told.rows, 0.2 * all.rows);
    told.scale(1 / ahead->share());
    EXPECT_NEAR(told.bytes, all.bytes, 0.15 * all.bytes);
    EXPECT_NEAR(told.rows, all.rows, 0.15 * all.rows);
  }
}

TEST_F(RowsAheadOf, ManyThatAreCompressedAreToldByTheirFirst) {
  const Input plain = artifact("plain", 500), packed = artifact("packed", 20000);
  const text::RowCounts all = counts({packed.path / "train-00000.jsonl"});
  pack(packed);
  const auto ahead = RowsAhead::find({plain, packed}, "preferences", 2 << 20);
  ASSERT_TRUE(ahead);
  text::RowCounts told = counts(ahead->files()[1]);
  EXPECT_LT(told.rows, 0.2 * all.rows);
  told.scale(1 / ahead->share());
  EXPECT_NEAR(told.bytes, all.bytes, 0.15 * all.bytes);
  EXPECT_NEAR(told.rows, all.rows, 0.15 * all.rows);
}

TEST_F(RowsAheadOf, NothingIsKnownOfThoseThatAreFarMoreThanTheyTakeOrNotMade) {
  Input in = artifact("packed", 100);
  std::ofstream(in.path / "train-00000.jsonl") << std::string(1 << 20, '\n');
  pack(in);
  EXPECT_FALSE(RowsAhead::find({in}, "preferences", 100));
  EXPECT_TRUE(RowsAhead::find({in}, "preferences"));
  EXPECT_FALSE(RowsAhead::find({in}, "conversations"));
  in.path.clear();
  EXPECT_FALSE(RowsAhead::find({in}, "preferences"));
}

}  // namespace
}  // namespace lehr::lm
