#include "text/tiktoken_file.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "text/tokenizer.h"

namespace lehr::text {
namespace {

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : kAlphabet[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

// The 256 bytes, then `more`.
std::vector<std::string> tokens_with(const std::vector<std::string>& more) {
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(b));
  tokens.insert(tokens.end(), more.begin(), more.end());
  return tokens;
}

std::string file_of(const std::vector<std::string>& tokens) {
  std::string file;
  for (std::size_t rank = 0; rank < tokens.size(); ++rank)
    file += base64(tokens[rank]) + " " + std::to_string(rank) + "\n";
  return file;
}

// tiktoken's rule as it is written: the whole piece, else the neighbours of smallest rank,
// leftmost.
std::vector<TokenId> slow_encode(const std::vector<std::string>& tokens, std::string_view word) {
  const auto rank_of = [&](const std::string& bytes) {
    return static_cast<std::size_t>(std::find(tokens.begin(), tokens.end(), bytes) -
                                    tokens.begin());
  };
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  if (rank_of(std::string(word)) < tokens.size()) parts = {std::string(word)};
  while (parts.size() > 1) {
    std::size_t best = 0, best_rank = tokens.size();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i)
      if (const std::size_t rank = rank_of(parts[i] + parts[i + 1]); rank < best_rank) {
        best = i;
        best_rank = rank;
      }
    if (best_rank == tokens.size()) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  std::vector<TokenId> ids;
  for (const std::string& part : parts) ids.push_back(static_cast<TokenId>(rank_of(part)));
  return ids;
}

TEST(TiktokenFile, MergesByRankAsTheSlowRuleAlsoWhereWaysOverlap) {
  // "aaa" can be made of "aa" and "a" in both orders, which overlap in a run.
  const auto tokens = tokens_with({"aa", "aaa", "ab", "ba", "aba", "aaaaa", "bab", "abab"});
  TokenizerSpec spec = parse_tiktoken_file(file_of(tokens), Pattern::gpt2);
  add_chat_tokens(spec);
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.end_of_text(), tokens.size());
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string word(1 + random() % 60, 'a');
    for (char& c : word) c = random() % 4 == 0 ? 'b' : 'a';
    EXPECT_EQ(tokenizer.encode(word), slow_encode(tokens, word)) << word;
  }
}

TEST(TiktokenFile, SaysWhichLineIsWrong) {
  const auto message = [](const std::string& file) {
    try {
      parse_tiktoken_file(file, Pattern::gpt2);
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(message("IQ== 0\nIg== x\n"), "line 2: not a token in base64 and its rank");
  EXPECT_EQ(message("IQ== 0\nIg=== 1\n"), "line 2: not a token in base64 and its rank");
  EXPECT_EQ(message("IQ== 0\nIg== 0\n"), "line 2: rank 0 is given twice");
  EXPECT_EQ(message("IQ== 4000000000\n"),
            "line 1: rank 4000000000 is too large for a file of this size");
  EXPECT_EQ(message(""), "there are no tokens");
  EXPECT_TRUE(is_tiktoken_file("IQ== 0\n"));
  EXPECT_FALSE(is_tiktoken_file("{\"version\": \"1.0\"}"));
}

}  // namespace
}  // namespace lehr::text
