#include "text/bpe_trainer.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <lehr/value.h>

namespace lehr::text {
namespace {

using Merges = std::vector<std::pair<TokenId, TokenId>>;

// The rule as it is written: count everything anew before each merge.
Merges slow_merges(const WordList& words, std::size_t vocab_size, TieBreak tie) {
  std::vector<std::string> tokens;
  for (const auto byte : byte_order(tie)) tokens.emplace_back(1, static_cast<char>(byte));
  const auto id_of = [&](const std::string& bytes) {
    return static_cast<TokenId>(std::find(tokens.begin(), tokens.end(), bytes) - tokens.begin());
  };
  std::vector<std::pair<std::vector<TokenId>, std::int64_t>> split;
  for (const auto& w : words) {
    split.emplace_back(std::vector<TokenId>{}, w.count);
    for (const char c : w.word) split.back().first.push_back(id_of(std::string(1, c)));
  }
  Merges merges;
  while (tokens.size() < vocab_size) {
    std::map<std::pair<TokenId, TokenId>, std::int64_t> counts;  // ascending: ties go to the first
    for (const auto& [ids, count] : split)
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) counts[{ids[i], ids[i + 1]}] += count;
    if (counts.empty()) break;
    const auto best = std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) {
                        return a.second < b.second;
                      })->first;
    merges.push_back(best);
    const std::string joined = tokens[best.first] + tokens[best.second];
    TokenId merged = id_of(joined);
    if (merged == tokens.size()) tokens.push_back(joined);
    for (auto& [ids, count] : split) {
      std::vector<TokenId> out;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const bool here = i + 1 < ids.size() && ids[i] == best.first && ids[i + 1] == best.second;
        out.push_back(here ? merged : ids[i]);
        i += here;
      }
      ids = std::move(out);
    }
  }
  return merges;
}

WordList random_words(unsigned seed, int letters) {
  std::mt19937 random(seed);
  std::map<std::string, std::int64_t> words;
  for (int i = 0; i < 60; ++i) {
    std::string word(1 + random() % 9, '\0');
    for (char& c : word) c = static_cast<char>('a' + random() % static_cast<unsigned>(letters));
    words[word] += 1 + random() % 5;
  }
  WordList out;
  static std::set<std::string> kept;  // what the counts view
  for (const auto& [word, count] : words) out.push_back({*kept.insert(word).first, count});
  return out;
}

TEST(BpeTrainer, MergesAsTheSlowRule) {
  for (unsigned seed = 0; seed < 40; ++seed)
    for (const int letters : {2, 5, 20})
      for (const TieBreak tie : {TieBreak::huggingface, TieBreak::rustbpe}) {
        const auto words = random_words(seed, letters);
        BpeOptions options;
        options.vocab_size = 256 + 30;
        options.tie_break = tie;
        EXPECT_EQ(train_bpe(words, Pattern::gpt2, options).merges,
                  slow_merges(words, options.vocab_size, tie))
            << "seed " << seed << ", letters " << letters;
      }
}

TEST(BpeTrainer, MergesRunsOfOneLetterLeftToRight) {
  BpeOptions options;
  options.vocab_size = 259;
  options.tie_break = TieBreak::rustbpe;
  const auto model = train_bpe({{"aaaaaaa", 1}}, Pattern::gpt2, options);
  // aa|aa|aa|a, then aaaa|aa|a, then the smaller left id of (256, 97) and (257, 256).
  EXPECT_EQ(model.merges, (Merges{{97, 97}, {256, 256}, {256, 97}}));
}

TEST(BpeTrainer, StopsWhenNothingIsLeftToMerge) {
  BpeOptions options;
  options.vocab_size = 1000;
  options.special_tokens = {"<|endoftext|>"};
  const auto model = train_bpe({{"abc", 1}}, Pattern::gpt2, options);
  EXPECT_EQ(model.tokens.size(), 258u);
  EXPECT_EQ(model.merges.size(), 2u);
}

TEST(BpeTrainer, CountsSpecialTokensInTheVocabulary) {
  BpeOptions options;
  options.vocab_size = 256 + 3;
  options.special_tokens = {"<|a|>", "<|b|>"};
  EXPECT_EQ(train_bpe({{"abcdef", 5}}, Pattern::gpt2, options).merges.size(), 1u);
  options.vocab_size = 257;
  EXPECT_THROW(train_bpe({}, Pattern::gpt2, options), std::runtime_error);
}

TEST(BpeTrainer, RefusesMoreWordsThanItCanNumber) {
  BpeOptions options;
  EXPECT_EQ(options.most_words, 0xffffffff);
  options.most_words = 2;
  EXPECT_EQ(train_bpe({{"ab", 1}, {"bc", 1}}, Pattern::gpt2, options).merges.size(), 2u);
  try {
    train_bpe({{"ab", 1}, {"bc", 1}, {"cd", 1}}, Pattern::gpt2, options);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("3 different words"), std::string::npos) << e.what();
  }
}

TEST(BpeTrainer, OrdersBytesAsTheirCharactersForHuggingFace) {
  const auto order = byte_order(TieBreak::huggingface);
  EXPECT_EQ(order[0], '!');
  EXPECT_EQ(order[187], 255);
  EXPECT_EQ(order[188], 0);
  EXPECT_EQ(order[255], 173);
}

}  // namespace
}  // namespace lehr::text
