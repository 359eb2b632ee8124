#include "lm/preference_feed.h"

#include <gtest/gtest.h>
#include <lehr/value.h>

#include <fstream>

#include "lm/byte_model_test.h"
#include "lm/feedback_rows_test.h"

namespace lehr::lm {
namespace {

// Pairs of 25 tokens, as short as those of a quickstart.
SequenceFile short_pairs(int64_t count) {
  Sequence pair;
  pair.trunk.ids.assign(15, 1);
  pair.branches = {{std::vector<int32_t>(4, 2), {}}, {std::vector<int32_t>(6, 3), {}}};
  SequenceFile file(testing::TempDir());
  file.add(pair, count);
  return file;
}

int64_t tokens_of_first_step(int64_t batch_tokens, int64_t micro_batch_tokens) {
  SequenceFeed feed(short_pairs(6000), pair_packing(micro_batch_tokens, batch_tokens, 7));
  int64_t tokens = 0;
  for (const Packed& row : feed.step(0)) tokens += row.batch.size();
  return tokens;
}

TEST(PairPacking, GivesALargeUpdateWhatItAsksForHoweverShortItsPairsAre) {
  for (const int64_t micro : {2048, 16384, 65536})
    EXPECT_GT(tokens_of_first_step(65536, micro), 65536 - 25 * 32) << "rows of " << micro;
}

// Figures in pipelines/README.md were measured with these.
TEST(PairPacking, TakesSixtyFourPairsIntoARowOfASmallUpdate) {
  EXPECT_EQ(tokens_of_first_step(2048, 2048), 64 * 25);
  EXPECT_EQ(tokens_of_first_step(4096, 2048), 2 * 64 * 25);
}

class ReadFeedback : public testing::Test {
 protected:
  const text::Tokenizer tokenizer = byte_tokenizer();
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "feedback.jsonl";
  ~ReadFeedback() override { std::filesystem::remove(file); }

  FeedbackPairs read(const std::vector<Judged>& rows, int64_t max_length = 100,
                     std::optional<int64_t> most_tokens = {}) const {
    std::ofstream out(file);
    out << feedback_rows(rows);
    out.close();
    return read_feedback({file}, tokenizer, max_length, testing::TempDir(), most_tokens);
  }
  // The letters of a branch: of each pair one character, as all texts of these tests.
  std::string letters(const FeedbackPairs& pairs, int32_t branch) const {
    std::string out;
    for (size_t i = 0; i < pairs.sequences.size(); ++i) {
      const Sequence pair = pairs.sequences.read(i);
      out += tokenizer.decode(std::vector<uint32_t>{
          static_cast<uint32_t>(pair.branches[static_cast<size_t>(branch)].ids.front())});
    }
    return out;
  }
};

TEST_F(ReadFeedback, PairsAnAnswerWithTheNextOneAndTheLastWithTheFirst) {
  const FeedbackPairs pairs = read({{"1", "a", true}, {"2", "b", false}, {"3", "c", false}});
  EXPECT_EQ(pairs.good, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(pairs.good_ones(), 1u);
  EXPECT_EQ(pairs.distance, 1u);
  EXPECT_EQ(letters(pairs, kAnswer), "abc");
  EXPECT_EQ(letters(pairs, kMismatched), "bca");
  const Sequence pair = pairs.sequences.read(0);
  EXPECT_EQ(pair.branches[kMismatched].ids, pairs.sequences.read(1).branches[kAnswer].ids);
  EXPECT_EQ(pair.branches[kMismatched].weights, (std::vector<float>{1, 1})) << "with end-of-turn";
}

// As rows made of preferences come: the chosen and the rejected answer, one after the other.
TEST_F(ReadFeedback, PassesOverNeighboursThatAskTheSame) {
  const FeedbackPairs pairs = read(
      {{"1", "a", true}, {"1", "b", false}, {"2", "c", true}, {"2", "d", false}, {"3", "e", true}});
  EXPECT_EQ(pairs.distance, 2u);
  EXPECT_EQ(letters(pairs, kMismatched), "cdeab");
}

TEST_F(ReadFeedback, TakesTheNextAnswerWhereAllAskTheSame) {
  const FeedbackPairs pairs = read({{"1", "a", true}, {"1", "b", false}, {"1", "c", true}});
  EXPECT_EQ(pairs.distance, 0u);
  EXPECT_EQ(letters(pairs, kMismatched), "bca");
}

TEST_F(ReadFeedback, CutsBothAnswersAndDropsWhatHasNoRoomForOne) {
  const std::string word(30, 'x');
  const std::vector<Judged> rows = {{"1", "a" + word, true}, {word, "b", false}, {"2", "c", true}};
  const int64_t prompt = read(rows).sequences.read(2).trunk.ids.size();
  const FeedbackPairs pairs = read(rows, prompt + 1);
  EXPECT_EQ(pairs.read, 3);
  EXPECT_EQ(pairs.dropped, 1);
  EXPECT_EQ(pairs.cut, 2) << "the end-of-turn of the last, too";
  EXPECT_EQ(pairs.good, (std::vector<bool>{true, true}));
  EXPECT_EQ(letters(pairs, kMismatched), "ca") << "of the rows that are left";
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(pairs.sequences.read(i).length(), prompt + 1);
}

TEST_F(ReadFeedback, PairsTheSameAnswersHoweverFewAreAskedFor) {
  const std::vector<Judged> rows = {{"1", "a", true}, {"2", "b", false}, {"3", "c", false}};
  EXPECT_EQ(letters(read(rows, 100, 1), kMismatched), "b");
}

TEST_F(ReadFeedback, NamesTheRowThatHasNoLabel) {
  std::ofstream(file) << R"({"prompt":[{"role":"user","content":"1"}],"completion":)"
                         R"([{"role":"assistant","content":"a"}]})"
                      << "\n";
  try {
    read_feedback({file}, tokenizer, 100, testing::TempDir());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("feedback.jsonl:1: there is no member 'label'"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace lehr::lm
