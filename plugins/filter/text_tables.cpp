#include "text_tables.h"

#include <lehr/value.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "punctuation.h"
#include "text/words_and_lines.h"

namespace lehr::plugins::filter {
namespace {

// The first sixteen bytes of a word, zeros behind those that it has.
struct Sixteen {
  std::uint64_t low, high;
};

// By size: which bytes of the first and of the second eight belong to the word.
struct Masks {
  std::uint64_t low[17], high[17];
  constexpr Masks() : low{}, high{} {
    for (std::size_t n = 0; n <= 16; ++n) {
      low[n] = n >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * n) - 1;
      high[n] = n == 16 ? ~std::uint64_t{0} : n > 8 ? (std::uint64_t{1} << 8 * (n - 8)) - 1 : 0;
    }
  }
};
constexpr Masks kMasks;

// size: at most 16. readable: bytes that may be looked at.
inline Sixteen load(const char* from, std::size_t size, std::size_t readable) {
  Sixteen bytes{};
  if (readable >= 16) [[likely]] {  // each for itself, else both go by way of the stack
    std::memcpy(&bytes.low, from, 8);
    std::memcpy(&bytes.high, from + 8, 8);
  } else {
    std::memcpy(&bytes.low, from, std::min<std::size_t>(size, 8));
    if (size > 8) std::memcpy(&bytes.high, from + 8, size - 8);
  }
  return {bytes.low & kMasks.low[size], bytes.high & kMasks.high[size]};
}

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

constexpr std::uint64_t kLow = 0x9e3779b97f4a7c15, kHigh = 0xd6e8feb86659fd93,
                        kSize = 0xc2b2ae3d27d4eb4f;

inline std::uint64_t hash_short(const Sixteen& word, std::size_t size) {
  return fold(word.low ^ kLow ^ size * kSize, word.high ^ kHigh);
}

std::uint64_t hash_long(std::string_view word, std::size_t readable) {
  std::uint64_t hash = word.size() * kSize;
  const char* at = word.data();
  std::size_t left = word.size();
  for (; left > 16; left -= 16, at += 16, readable -= 16) {
    const Sixteen some = load(at, 16, 16);
    hash = fold(some.low ^ kLow ^ hash, some.high ^ kHigh) + kSize;
  }
  const Sixteen rest = load(at, left, readable);
  return fold(rest.low ^ kLow ^ hash, rest.high ^ kHigh);
}

std::size_t continuations(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  return (bytes >> 7 & ~(bytes >> 6) & kOnes) * kOnes >> 56;
}

// What the first byte of a word is. Of ASCII, words have nothing but punctuation, letters and
// digits.
enum FirstByte : std::uint8_t { kIsLetter = 1, kIsPlain = 2, kIsAscii = 4 };
constexpr auto kFirstBytes = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z', digit = c >= '0' && c <= '9';
    table[c] = letter ? kIsAscii | kIsPlain | kIsLetter : digit ? kIsAscii | kIsPlain : kIsAscii;
  }
  return table;
}();

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  if (bytes.size() > 16) return hash_long(bytes, bytes.size());
  return hash_short(load(bytes.data(), bytes.size(), bytes.size()), bytes.size());
}

struct TextTables::Recent {
  std::array<TextTables, kShort> of_short;
  TextTables of_long;
  std::size_t last = 0;
};

TextTables::Recent& TextTables::recent() {
  thread_local Recent recent;
  return recent;
}

void TextTables::let_go() { recent().of_long = TextTables(); }

TextTables& TextTables::of(std::string_view text) {
  Recent& recent = TextTables::recent();
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  // The same place may hold another text by now.
  const auto is_of_this = [&](const TextTables& tables) {
    return text.data() == tables.text_.data() && text.size() == tables.text_.size() &&
           hash.low64 == tables.hash_[0] && hash.high64 == tables.hash_[1];
  };
  TextTables* tables = &recent.of_long;
  if (text.size() <= kShortText) {
    const auto at = [&](std::size_t number) { return &recent.of_short[number % kShort]; };
    tables = at(recent.last);
    for (std::size_t i = 1; i < kShort && !is_of_this(*tables); ++i) tables = at(recent.last + i);
    if (!is_of_this(*tables)) tables = at(++recent.last);
  }
  if (!is_of_this(*tables)) {
    tables->start(text);
    tables->hash_ = {hash.low64, hash.high64};
  }
  return *tables;
}

void TextTables::start(std::string_view text) {
  if (text.size() > text::kLongestText)
    throw Error("a document of " + std::to_string(text.size()) +
                " bytes is too long for the filters, which take at most 4 GiB");
  text_ = text;
  characters_ = text::count_code_points(text);
  ascii_ = characters_ == text.size();
  have_lines_ = have_words_[0] = have_words_[1] = false;
  spacy_table_ = 0;
  spans_of_.reset();
}

std::uint32_t TextTables::count_characters(std::string_view part) const {
  return static_cast<std::uint32_t>(ascii_ ? part.size() : text::count_code_points(part));
}

const std::vector<Line>& TextTables::lines() {
  if (have_lines_) return lines_;
  have_lines_ = true;
  lines_.clear();
  if (text_.size() > kHugeText)  // else growing takes less than counting
    lines_.reserve(static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')) + 1);
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(text_.find('\n', begin), text_.size());
    const std::string_view line = text_.substr(begin, end - begin);
    lines_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(line.size()),
                      count_characters(line), XXH3_64bits(line.data(), line.size())});
    if (end == text_.size()) return lines_;
    begin = end + 1;
  }
}

// Written where it stays: put together on the stack by halves of a register and read back whole, a
// word would wait for its bytes.
template <bool ascii>
inline void TextTables::describe(text::Span span, Word& w) const {
  std::string_view word(text_.data() + span.begin, span.end - span.begin);
  const std::size_t readable = text_.size() - span.begin;
  w.begin = span.begin;
  w.size = static_cast<std::uint32_t>(word.size());
  w.characters = w.size;
  if (word.size() <= 16) [[likely]] {
    const Sixteen bytes = load(word.data(), word.size(), readable);
    w.hash = hash_short(bytes, word.size());
    if (!ascii)
      w.characters -=
          static_cast<std::uint32_t>(continuations(bytes.low) + continuations(bytes.high));
  } else {
    w.hash = hash_long(word, readable);
    if (!ascii) w.characters = count_characters(word);
  }
  const unsigned first = kFirstBytes[static_cast<unsigned char>(word[0])];
  w.letter = (first & kIsLetter) != 0;
  w.plain = (first & kIsPlain) != 0;
  const unsigned enough = word.size() == 1 ? kIsAscii : kIsLetter;
  if ((first & enough) != 0) return;
  bool letter = false, plain = false;
  while (!word.empty() && !(letter && plain)) {
    const char32_t c = text::take_code_point(word);
    letter |= text::is_alphabetic(c);
    plain |= !is_punctuation(c);
  }
  w.letter = letter;
  w.plain = plain;
}

void TextTables::fill(std::vector<Word>& words) {
  words.resize(spans_.size());
  const auto describe_all = [&](auto describe) {
    for (std::size_t i = 0; i < spans_.size(); ++i) describe(spans_[i], words[i]);
  };
  if (ascii_)
    describe_all([this](text::Span span, Word& w) { describe<true>(span, w); });
  else
    describe_all([this](text::Span span, Word& w) { describe<false>(span, w); });
  spans_of_.reset();
  if (text_.size() > kHugeText) spans_ = {};
}

void TextTables::find(text::WordSplitter splitter) {
  if (spans_of_ == splitter) return;
  text::find_words(text_, splitter, spans_);
  spans_of_ = splitter;
}

std::size_t TextTables::count_words(text::WordSplitter splitter) {
  const auto which = static_cast<std::size_t>(splitter);
  if (have_words_[which]) return words_[which].size();
  find(splitter);
  return spans_.size();
}

const std::vector<Word>& TextTables::words(text::WordSplitter splitter) {
  const auto which = static_cast<std::size_t>(splitter);
  std::vector<Word>& words = words_[which];
  if (have_words_[which]) return words;
  have_words_[which] = true;
  find(splitter);
  fill(words);
  return words;
}

const std::vector<Word>& TextTables::words(text::SpacyWords& spacy) {
  if (spacy_table_ == spacy.table().hash()) return spacy_words_;
  spacy_table_ = spacy.table().hash();
  spacy.find(text_, spans_);
  fill(spacy_words_);
  return spacy_words_;
}

}  // namespace lehr::plugins::filter
