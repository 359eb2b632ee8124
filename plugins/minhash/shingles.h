// The shingles of a text, each as a 64-bit hash: every run of `size` words or characters of its
// simplified form. A text that is shorter than one shingle has none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/simplifier.h"
#include "text/words.h"

namespace lehr::plugins::minhash {

enum class ShingleUnit { words, characters };
// datatrove: XXH64 of the words with one space between them. fast: a polynomial of the words'
// hashes, so that each word is hashed once; of characters, XXH3.
enum class HashMode { fast, datatrove };

struct ShingleOptions {
  ShingleUnit unit = ShingleUnit::words;
  std::size_t size = 5;
  text::WordSplitter splitter = text::WordSplitter::uax29;
  HashMode hash = HashMode::fast;
};

// One object per thread.
class Shingler {
 public:
  explicit Shingler(ShingleOptions options);
  // Valid until the next call.
  std::span<const std::uint64_t> shingles(std::string_view text);

 private:
  void hash_joined_words(std::string_view joined, const std::vector<text::Span>& words);
  void combine_word_hashes(const char* simple, const std::vector<text::Span>& words);
  // Copies the words to where they stand one space apart.
  std::string_view join(std::string_view simple, const std::vector<text::Span>& words);
  void hash_characters(std::string_view simple);

  const ShingleOptions options_;
  std::uint64_t last_power_ = 1;  // of the polynomial
  text::Simplifier simplifier_;
  std::vector<text::Span> words_;  // where they are not the simplifier's
  std::string joined_;
  std::vector<std::size_t> starts_;  // of characters
  std::vector<std::uint64_t> hashes_, shingles_;
};

}  // namespace lehr::plugins::minhash
