#include "shingles.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

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
  const bool single_spaced = split(simple);
  if (words_.size() < options_.size) return {};
  if (options_.hash == HashMode::fast) {
    combine_word_hashes();
  } else {
    if (!single_spaced) join();
    hash_joined_words();
  }
  return shingles_;
}

bool Shingler::split(std::string_view simple) {
  words_.clear();
  bool single_spaced = true;
  for (std::size_t begin = 0; begin < simple.size();) {
    const void* found = std::memchr(simple.data() + begin, ' ', simple.size() - begin);
    const std::size_t end =
        found != nullptr ? static_cast<const char*>(found) - simple.data() : simple.size();
    if (end > begin)
      words_.push_back(simple.substr(begin, end - begin));
    else
      single_spaced = false;
    begin = end + 1;
  }
  return single_spaced;
}

void Shingler::join() {
  std::size_t size = 0;
  for (const std::string_view word : words_) size += word.size() + 1;
  joined_.clear();
  joined_.reserve(size);
  for (std::string_view& word : words_) {
    const std::size_t begin = joined_.size();
    joined_ += word;
    joined_ += ' ';
    word = std::string_view(joined_).substr(begin, word.size());
  }
}

void Shingler::hash_joined_words() {
  for (std::size_t i = 0; i + options_.size <= words_.size(); ++i) {
    const std::string_view last = words_[i + options_.size - 1];
    const char* begin = words_[i].data();
    shingles_.push_back(
        XXH64(begin, static_cast<std::size_t>(last.data() + last.size() - begin), 0));
  }
}

void Shingler::combine_word_hashes() {
  hashes_.clear();
  for (const std::string_view word : words_)
    hashes_.push_back(XXH3_64bits(word.data(), word.size()));
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
