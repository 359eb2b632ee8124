#include "shingles.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lehr::plugins::minhash {
namespace {

constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15;  // odd, so that no word's share is lost

// Spreads a sum of products over all bits (the finalizer of MurmurHash3, halved).
std::uint64_t mix(std::uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  return h ^ (h >> 29);
}

}  // namespace

Shingler::Shingler(ShingleOptions options) : options_(options) {
  for (std::size_t i = 1; i < options_.size; ++i) last_power_ *= kBase;
}

std::span<const std::uint64_t> Shingler::shingles(std::string_view text) {
  shingles_.clear();
  const std::string_view simple = simplifier_.simplify(text);
  if (options_.unit == ShingleUnit::characters) {
    hash_characters(simple);
    return shingles_;
  }
  const bool one_apart = split(simple);
  if (words_.size() < options_.size) return {};
  if (options_.hash == HashMode::fast)
    combine_word_hashes(simple);
  else
    hash_joined_words(one_apart ? simple : join(simple));
  return shingles_;
}

bool Shingler::split(std::string_view simple) {
  text::find_words(
      simple, simplifier_.is_ascii() ? text::WordSplitter::whitespace : options_.splitter, words_);
  if (simplifier_.is_ascii()) return true;
  for (std::size_t i = 1; i < words_.size(); ++i)
    if (words_[i].begin != words_[i - 1].end + 1) return false;
  return true;
}

std::string_view Shingler::join(std::string_view simple) {
  joined_.clear();
  for (text::Span& word : words_) {
    const auto begin = static_cast<std::uint32_t>(joined_.size());
    joined_ += simple.substr(word.begin, word.end - word.begin);
    word = {begin, static_cast<std::uint32_t>(joined_.size())};
    joined_ += ' ';
  }
  return joined_;
}

void Shingler::hash_joined_words(std::string_view joined) {
  for (std::size_t i = 0; i + options_.size <= words_.size(); ++i) {
    const std::size_t begin = words_[i].begin, end = words_[i + options_.size - 1].end;
    shingles_.push_back(XXH64(joined.data() + begin, end - begin, 0));
  }
}

void Shingler::combine_word_hashes(std::string_view simple) {
  hashes_.clear();
  for (const text::Span word : words_)
    hashes_.push_back(XXH3_64bits(simple.data() + word.begin, word.end - word.begin));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    if (i >= options_.size) sum -= hashes_[i - options_.size] * last_power_;
    sum = sum * kBase + hashes_[i];
    if (i + 1 >= options_.size) shingles_.push_back(mix(sum));
  }
}

void Shingler::hash_characters(std::string_view simple) {
  starts_.clear();
  for (std::size_t i = 0; i < simple.size(); ++i)
    if ((static_cast<unsigned char>(simple[i]) & 0xc0) != 0x80) starts_.push_back(i);
  starts_.push_back(simple.size());
  for (std::size_t i = 0; i + options_.size < starts_.size(); ++i) {
    const char* begin = simple.data() + starts_[i];
    const std::size_t size = starts_[i + options_.size] - starts_[i];
    shingles_.push_back(options_.hash == HashMode::fast ? XXH3_64bits(begin, size)
                                                        : XXH64(begin, size, 0));
  }
}

}  // namespace lehr::plugins::minhash
