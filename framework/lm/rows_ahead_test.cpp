#include "lm/rows_ahead.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lm/random.h"

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
      const auto length = random.below(static_cast<uint64_t>(i), i < rows / 2 ? 100 : 1000);
      row.chosen = row.rejected = {{"assistant", std::string(length + 1, 'a')}};
      file << text::to_json(row) << '\n';
    }
    return in;
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

TEST_F(RowsAheadOf, NothingIsKnownOfManyThatAreCompressedOrNotMade) {
  Input in = artifact("packed", 100);
  fs::rename(in.path / "train-00000.jsonl", in.path / "train-00000.jsonl.zst");
  EXPECT_FALSE(RowsAhead::find({in}, "preferences", 1000));
  EXPECT_TRUE(RowsAhead::find({in}, "preferences"));
  EXPECT_FALSE(RowsAhead::find({in}, "conversations"));
  in.path.clear();
  EXPECT_FALSE(RowsAhead::find({in}, "preferences"));
}

}  // namespace
}  // namespace lehr::lm
