#include "shingles.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <utility>

#include "short_xxh64.h"

namespace lehr::plugins::minhash {
namespace {

constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15;  // odd, so that no word's share is lost

// Spreads a sum of products over all bits (the finalizer of MurmurHash3, halved).
std::uint64_t mix(std::uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  return h ^ (h >> 29);
}

// Eight bytes at a time, each step a bijection of what it takes in; reads up to eight bytes behind
// the word.
std::uint64_t hash_word(const char* word, std::size_t size) {
  std::uint64_t h = size * 0xc2b2ae3d27d4eb4f;
  for (; size > 8; size -= 8, word += 8) {
    std::uint64_t part;
    std::memcpy(&part, word, sizeof part);
    h = (h ^ part) * 0x9fb21c651e98df25;
    h ^= h >> 32;
  }
  std::uint64_t part;
  std::memcpy(&part, word, sizeof part);
  h = (h ^ (part & ~std::uint64_t{0} >> (8 * (8 - size)))) * 0x9fb21c651e98df25;
  return h ^ (h >> 32);
}

bool stand_one_apart(const std::vector<text::Span>& words) {
  for (std::size_t i = 1; i < words.size(); ++i)
    if (words[i].begin != words[i - 1].end + 1) return false;
  return true;
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
  const std::vector<text::Span>* words = &simplifier_.words();
  if (options_.splitter != text::WordSplitter::whitespace && !simplifier_.is_ascii()) {
    text::find_words(simple, options_.splitter, words_);
    words = &words_;
  }
  if (words->size() < options_.size) return {};
  if (options_.hash == HashMode::fast)
    combine_word_hashes(simple.data(), *words);
  else if (stand_one_apart(*words))
    hash_joined_words(simple, *words);
  else
    hash_joined_words(join(simple, *words), words_);
  return shingles_;
}

std::string_view Shingler::join(std::string_view simple, const std::vector<text::Span>& words) {
  joined_.clear();
  std::vector<text::Span> moved;
  for (const text::Span word : words) {
    const auto begin = static_cast<std::uint32_t>(joined_.size());
    joined_ += simple.substr(word.begin, word.end - word.begin);
    moved.push_back({begin, static_cast<std::uint32_t>(joined_.size())});
    joined_ += ' ';
  }
  words_ = std::move(moved);
  const std::size_t size = joined_.size();
  joined_.append(8, '\0');  // may be read
  return std::string_view(joined_).substr(0, size);
}

void Shingler::hash_joined_words(std::string_view joined, const std::vector<text::Span>& words) {
  shingles_.resize(words.size() - options_.size + 1);
  for (std::size_t i = 0; i < shingles_.size(); ++i) {
    const std::size_t begin = words[i].begin, end = words[i + options_.size - 1].end;
    shingles_[i] = ShortXxh64::hash(joined.data() + begin, end - begin);
  }
}

void Shingler::combine_word_hashes(const char* simple, const std::vector<text::Span>& words) {
  const std::size_t size = options_.size;
  hashes_.resize(words.size());
  shingles_.resize(words.size() - size + 1);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    hashes_[i] = hash_word(simple + words[i].begin, words[i].end - words[i].begin);
    sum = sum * kBase + hashes_[i];
  }
  shingles_[0] = mix(sum);
  for (std::size_t i = size; i < words.size(); ++i) {
    hashes_[i] = hash_word(simple + words[i].begin, words[i].end - words[i].begin);
    sum = (sum - hashes_[i - size] * last_power_) * kBase + hashes_[i];
    shingles_[i - size + 1] = mix(sum);
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
                                                        : ShortXxh64::hash(begin, size));
  }
}

}  // namespace lehr::plugins::minhash
