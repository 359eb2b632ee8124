#include "lm/chat_feed.h"

#include <gtest/gtest.h>

#include <lehr/value.h>

#include <cmath>

#include <fstream>

#include "lm/fake_host.h"

namespace lehr::lm {
namespace {

// Bytes as tokens, so that positions can be read off the text.
text::Tokenizer byte_tokenizer() {
  text::BpeOptions options;
  options.vocab_size = 256 + text::chat_special_tokens().size();
  options.special_tokens = text::chat_special_tokens();
  return text::Tokenizer(text::train_bpe({}, text::Pattern::gpt2, options));
}

class ChatFeed : public testing::Test {
 protected:
  void write(const std::string& lines) { std::ofstream(host_.root / "train-00000.jsonl") << lines; }
  std::vector<Sequence> read(int64_t max_length = 1000, double weight = 1) {
    SequenceFile file(host_.root);
    read_conversations({host_.root / "train-00000.jsonl"}, tokenizer_, max_length, {weight, 7, 0},
                       report_, file);
    std::vector<Sequence> sequences;
    for (size_t i = 0; i < file.size(); ++i) sequences.push_back(file.read(i));
    return sequences;
  }
  // What the loss counts, as text.
  std::string trained(const Sequence& sequence) {
    std::vector<text::TokenId> ids;
    for (size_t i = 0; i < sequence.trunk.ids.size(); ++i)
      if (sequence.trunk.weights[i] != 0)
        ids.push_back(static_cast<text::TokenId>(sequence.trunk.ids[i]));
    return tokenizer_.decode(ids);
  }

  lehr_context host_;
  text::Tokenizer tokenizer_ = byte_tokenizer();
  ChatReport report_;
};

TEST_F(ChatFeed, TrainsOnWhatTheAssistantSaysAndItsEndOfTurn) {
  write(R"({"messages":[{"role":"system","content":"Be short."},{"role":"user","content":"Hi?"},)"
        R"({"role":"assistant","content":"Hello."},{"role":"user","content":"Bye"},)"
        R"({"role":"assistant","content":"See you."}]})"
        "\n");
  const auto sequences = read();
  ASSERT_EQ(sequences.size(), 1u);
  EXPECT_EQ(trained(sequences[0]), "Hello.<|im_end|>See you.<|im_end|>");
  const auto& ids = sequences[0].trunk.ids;
  EXPECT_EQ(ids.back(), static_cast<int32_t>(*tokenizer_.im_end()))
      << "nothing after the last answer";
}

TEST_F(ChatFeed, LeavesOutMessagesOfWeightZero) {
  write(R"({"messages":[{"role":"user","content":"Hi?"},)"
        R"({"role":"assistant","content":"Hello.","weight":0},{"role":"user","content":"Bye"},)"
        R"({"role":"assistant","content":"See you.","weight":1}]})"
        "\n"
        R"({"messages":[{"role":"user","content":"Hi?"},{"role":"assistant","content":"Hello."},)"
        R"({"role":"user","content":"Bye"},{"role":"assistant","content":"x","weight":0}]})"
        "\n");
  const auto sequences = read();
  ASSERT_EQ(sequences.size(), 2u);
  EXPECT_EQ(trained(sequences[0]), "See you.<|im_end|>");
  EXPECT_EQ(trained(sequences[1]), "Hello.<|im_end|>");
}

TEST_F(ChatFeed, SpecialTokensInContentStayText) {
  write(
      R"({"messages":[{"role":"user","content":"<|im_end|>"},{"role":"assistant","content":"x<|im_end|>y"}]})"
      "\n");
  const auto sequences = read();
  int ends = 0;
  for (const int32_t id : sequences.at(0).trunk.ids)
    ends += id == static_cast<int32_t>(*tokenizer_.im_end());
  EXPECT_EQ(ends, 2) << "one for each message";
}

TEST_F(ChatFeed, CutsAtTheEndCountsAndDropsWhatKeepsNoAnswer) {
  const std::string row =
      R"({"messages":[{"role":"user","content":"ab"},{"role":"assistant","content":"0123456789"}]})"
      "\n";
  const std::string late =
      R"({"messages":[{"role":"user","content":"0123456789 0123456789 0123456789"},{"role":"assistant","content":"x"}]})"
      "\n";
  write(row + late);
  const auto sequences = read(25);
  ASSERT_EQ(sequences.size(), 1u);
  EXPECT_EQ(sequences[0].length(), 25);
  EXPECT_EQ(report_.conversations, 2);
  EXPECT_EQ(report_.cut, 2);
  EXPECT_EQ(report_.dropped, 1);
  EXPECT_EQ(trained(sequences[0]).substr(0, 3), "012");
}

TEST_F(ChatFeed, NamesFileAndLineOfAConversationWithoutAnswer) {
  write(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"
        "\n"
        R"({"messages":[{"role":"user","content":"a"}]})"
        "\n");
  try {
    read();
    FAIL() << "a conversation without an answer was taken";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("train-00000.jsonl:2"), std::string::npos) << e.what();
  }
}

TEST_F(ChatFeed, CountsAnswersThatSayNothing) {
  write(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"
        "\n"
        R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" "},)"
        R"({"role":"user","content":" "},{"role":"assistant","content":"","weight":0},)"
        R"({"role":"user","content":""},{"role":"assistant","content":"b"},)"
        R"({"role":"user","content":"c"},{"role":"assistant","content":""}]})"
        "\n");
  EXPECT_EQ(read().size(), 2u);
  EXPECT_EQ(report_.blank_answers, 2);
  EXPECT_TRUE(report_.first_blank.ends_with("train-00000.jsonl:2")) << report_.first_blank;
}

TEST_F(ChatFeed, RepeatsConversationsAsOftenAsTheWeightOfTheirSourceSays) {
  std::string rows;
  for (int i = 0; i < 200; ++i)
    rows += R"({"messages":[{"role":"assistant","content":")" + std::to_string(i) + "\"}]}\n";
  write(rows);
  EXPECT_EQ(read().size(), 200u);
  const auto often = read(1000, 3);
  ASSERT_EQ(often.size(), 600u);
  EXPECT_EQ(trained(often[1]), "0<|im_end|>");
  EXPECT_EQ(trained(often[3]), "1<|im_end|>");
  EXPECT_TRUE(read(1000, 0).empty());
  const size_t drawn = read(1000, 1.25).size();
  EXPECT_GT(drawn, 225u);
  EXPECT_LT(drawn, 275u);
  EXPECT_EQ(read(1000, 1.25).size(), drawn);
  for (const double wrong : {-1.0, 1e12, std::nan("")})
    EXPECT_THROW(SourceWeight(wrong, 7, 0), std::invalid_argument) << wrong;
}

}  // namespace
}  // namespace lehr::lm
