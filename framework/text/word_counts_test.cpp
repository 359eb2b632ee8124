#include "text/word_counts.h"

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "text/bpe_trainer.h"

namespace lehr::text {
namespace {

TEST(WordCounts, AddUpWhateverThreadCounted) {
  WordCounts counts(Pattern::gpt2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) counts.add("one two two");
    });
  for (auto& thread : threads) thread.join();
  const auto words = counts.sorted();
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].word, " two");
  EXPECT_EQ(words[0].count, 800);
  EXPECT_EQ(words[1].word, "one");
  EXPECT_EQ(words[1].count, 400);
}

// Documents whose words mostly come once, some of them long.
std::vector<std::string> documents() {
  std::mt19937 random(1);
  std::vector<std::string> out;
  for (int i = 0; i < 600; ++i) {
    std::string text;
    for (int w = 0; w < 200; ++w) {
      const unsigned letters = 1 + random() % (w % 50 == 0 ? 60u : 12u);
      for (unsigned c = 0; c < letters; ++c) text += static_cast<char>('a' + random() % 26);
      text += w % 3 == 0 ? " the " : " ";
    }
    out.push_back(text);
  }
  return out;
}

void add(WordCounts& counts, const std::vector<std::string>& texts, std::size_t threads) {
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      for (std::size_t i = t; i < texts.size(); i += threads) counts.add(texts[i]);
    });
  for (auto& thread : running) thread.join();
}

std::map<std::string, std::int64_t> as_map(const WordList& words) {
  std::map<std::string, std::int64_t> out;
  std::string_view before;
  for (const auto& [word, count] : words) {
    EXPECT_LT(before, word);
    out[std::string(before = word)] = count;
  }
  return out;
}

TEST(WordCounts, AreTheSameInABudgetThatHoldsFewOfThem) {
  const auto texts = documents();
  WordCounts plenty(Pattern::gpt2);
  add(plenty, texts, 1);
  const auto expected = as_map(plenty.sorted());
  EXPECT_GT(expected.size(), 50000u);
  EXPECT_FALSE(plenty.spilled());
  for (const std::size_t threads : {1u, 3u}) {
    WordCounts few(Pattern::gpt2, 1 << 20, testing::TempDir());
    add(few, texts, threads);
    EXPECT_TRUE(few.spilled());
    EXPECT_LE(few.bytes(), 1u << 20);
    EXPECT_EQ(as_map(few.sorted()), expected);
    few.add(" the");  // and once more
    EXPECT_EQ(as_map(few.sorted()).at(" the"), expected.at(" the") + 1);
  }
}

TEST(WordCounts, AreTheSameMovedToFilesAndAddedUp) {
  const auto texts = documents();
  WordCounts plenty(Pattern::gpt2);
  add(plenty, texts, 1);
  const auto expected = as_map(plenty.sorted());
  const std::filesystem::path folder = testing::TempDir();
  for (const std::uint64_t memory : {1 << 20, 1 << 30}) {
    WordCounts parts(Pattern::gpt2, memory, folder);
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 0; i < texts.size(); i += 150) {
      add(parts,
          {texts.begin() + static_cast<std::ptrdiff_t>(i),
           texts.begin() + static_cast<std::ptrdiff_t>(i + 150)},
          2);
      files.push_back(folder / ("words-" + std::to_string(i)));
      parts.move_to(files.back());
      EXPECT_TRUE(parts.sorted().empty());
    }
    parts.move_to(files.emplace_back(folder / "words-none"));
    for (const auto& file : files) parts.add_file(file);
    EXPECT_EQ(as_map(parts.sorted()), expected);
    EXPECT_EQ(parts.spilled(), memory == 1 << 20);
    EXPECT_EQ(parts.memory() == std::pmr::get_default_resource(), memory != 1 << 20);
    parts.add(" the");  // and once more
    EXPECT_EQ(as_map(parts.sorted()).at(" the"), expected.at(" the") + 1);
    for (const auto& file : files) std::filesystem::remove(file);
  }
}

TEST(WordCounts, ThatWentToDiskGiveTheSameMerges) {
  const auto texts = documents();
  WordCounts plenty(Pattern::gpt2), few(Pattern::gpt2, 1 << 20, testing::TempDir());
  add(plenty, texts, 1);
  add(few, texts, 2);
  BpeOptions options;
  options.vocab_size = 1000;
  const BpeModel expected = train_bpe(plenty.sorted(), Pattern::gpt2, options);
  EXPECT_EQ(expected.merges.size(), 744u);
  options.memory = few.memory();
  const WordList words = few.sorted();
  EXPECT_EQ(few.memory(), options.memory);
  EXPECT_NE(few.memory(), std::pmr::get_default_resource());
  const BpeModel spilled = train_bpe(words, Pattern::gpt2, options);
  EXPECT_EQ(spilled.merges, expected.merges);
  EXPECT_EQ(spilled.tokens, expected.tokens);
}

}  // namespace
}  // namespace lehr::text
