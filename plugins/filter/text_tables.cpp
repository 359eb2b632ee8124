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

inline std::uint64_t load_eight(const char* from, std::size_t readable) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, from, readable < 8 ? readable : 8);
  return bytes;
}

inline std::uint64_t mix(std::uint64_t h) {
  h *= 0x9e3779b97f4a7c15;
  return h ^ h >> 29;
}

// readable: bytes from the beginning of `bytes` on that may be looked at. Different words of at
// most eight bytes have different hashes, as long as they differ in more than zeros at their end.
inline std::uint64_t hash_word(std::string_view bytes, std::size_t readable) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = left;
  for (; left > 8; left -= 8, at += 8, readable -= 8)
    hash = mix(hash ^ load_eight(at, 8)) + 0xc2b2ae3d27d4eb4f;
  std::uint64_t last = 0;
  if (readable >= 8)
    last = load_eight(at, 8) << (64 - 8 * left);
  else
    last = load_eight(at, left) << (64 - 8 * left);
  return mix(hash ^ last);
}

bool is_ascii_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  return bytes.empty() ? 0 : hash_word(bytes, bytes.size());
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
inline void TextTables::describe(text::Span span, Word& w) const {
  std::string_view word(text_.data() + span.begin, span.end - span.begin);
  w.begin = span.begin;
  w.size = static_cast<std::uint32_t>(word.size());
  w.characters = count_characters(word);
  w.hash = hash_word(word, text_.size() - span.begin);
  bool letter = is_ascii_letter(word[0]), plain = letter;
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
  for (std::size_t i = 0; i < spans_.size(); ++i) describe(spans_[i], words[i]);
  if (text_.size() > kHugeText) spans_ = {};
}

const std::vector<Word>& TextTables::words(text::WordSplitter splitter) {
  const auto which = static_cast<std::size_t>(splitter);
  std::vector<Word>& words = words_[which];
  if (have_words_[which]) return words;
  have_words_[which] = true;
  text::find_words(text_, splitter, spans_);
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
