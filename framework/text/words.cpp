#include "text/words.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "text/word_bytes.h"
#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

// Words as they are found. Where several at once are, as the bits of 64 bytes, all begin before any
// ends, and one may end later.
class Words {
 public:
  explicit Words(std::vector<Span>& words) : words_(words) {}
  // Bits of `first` and following bytes: where words begin, and where they have ended.
  void add(std::uint64_t begins, std::uint64_t ends, std::uint32_t first) {
    make_room();
    for (; begins != 0; begins &= begins - 1)
      words_[begun_++].begin = first + static_cast<std::uint32_t>(std::countr_zero(begins));
    for (; ends != 0; ends &= ends - 1)
      words_[ended_++].end = first + static_cast<std::uint32_t>(std::countr_zero(ends));
  }
  void add(Span word) {
    make_room();
    words_[begun_++] = word;
    ended_ = begun_;
  }
  // Where the word begins that has not ended, which is forgotten; `none` if all have.
  std::uint32_t take_back(std::uint32_t none) {
    return begun_ > ended_ ? words_[--begun_].begin : none;
  }
  void finish() { words_.resize(ended_); }

 private:
  void make_room() {
    if (words_.size() < begun_ + 64) words_.resize(2 * (begun_ + 64));
  }
  std::vector<Span>& words_;
  std::size_t begun_ = 0, ended_ = 0;
};

// ---- whitespace ----

void find_whitespace_words(std::string_view text, std::vector<Span>& found) {
  Words words(found);
  std::uint64_t after_space = 1, begun = 0;  // of the block before; begun: a space's bytes
  for (std::size_t begin = 0; begin <= text.size(); begin += 64) {
    const SpaceBytes bytes = classes_at(text, begin, word_bytes::only_spaces);
    std::uint64_t space = bytes.space | std::exchange(begun, 0);
    for (std::uint64_t left = bytes.beyond; left != 0; left &= left - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(left));
      std::string_view rest = text.substr(begin + i);
      const std::size_t before = rest.size();
      if (!is_space(take_code_point(rest))) continue;
      const std::uint64_t its = (std::uint64_t{1} << (before - rest.size())) - 1;
      space |= its << i;
      if (i > 0) begun |= its >> (64 - i);
    }
    const std::uint64_t after = space << 1 | after_space;
    words.add(~space & after, space & ~after, static_cast<std::uint32_t>(begin));
    after_space = space >> 63;
  }
  words.finish();
}

// ---- UAX #29 ----

bool is_ignored(WordBreak b) {
  return b == WordBreak::extend || b == WordBreak::format || b == WordBreak::zwj;
}
bool is_letter(WordBreak b) { return b == WordBreak::letter || b == WordBreak::hebrew_letter; }
bool joins_letters(WordBreak b) {
  return b == WordBreak::mid_letter || b == WordBreak::mid_num_let || b == WordBreak::single_quote;
}
bool joins_digits(WordBreak b) {
  return b == WordBreak::mid_num || b == WordBreak::mid_num_let || b == WordBreak::single_quote;
}
bool joins_extenders(WordBreak b) {
  return is_letter(b) || b == WordBreak::numeric || b == WordBreak::katakana ||
         b == WordBreak::extend_num_let;
}

// The next character's property that is not ignored (WB4); `other` at the end.
WordBreak peek(std::string_view rest) {
  while (!rest.empty()) {
    const WordBreak b = character(take_code_point(rest)).word_break();
    if (!is_ignored(b)) return b;
  }
  return WordBreak::other;
}

// Rules WB5 to WB16 between `last` and `next`. before: what stands before `last` in the segment.
// rest: the text after `next`.
bool joins(WordBreak before, WordBreak last, WordBreak next, bool second_of_pair,
           std::string_view rest) {
  using enum WordBreak;
  if (is_letter(last)) {
    if (is_letter(next) || next == numeric || next == extend_num_let) return true;
    if (joins_letters(next) && is_letter(peek(rest))) return true;
    return last == hebrew_letter &&
           (next == single_quote || (next == double_quote && peek(rest) == hebrew_letter));
  }
  if (last == numeric) {
    if (next == numeric || is_letter(next) || next == extend_num_let) return true;
    return joins_digits(next) && peek(rest) == numeric;
  }
  if (is_letter(next)) {
    if (joins_letters(last) && is_letter(before)) return true;
    if (last == double_quote && before == hebrew_letter && next == hebrew_letter) return true;
    return last == extend_num_let;
  }
  if (next == numeric) return (joins_digits(last) && before == numeric) || last == extend_num_let;
  if (next == katakana) return last == katakana || last == extend_num_let;
  if (next == extend_num_let) return joins_extenders(last);
  return next == regional_indicator && last == regional_indicator && second_of_pair;
}

// Where the segment that begins at `at` ends.
std::uint32_t segment_end(std::string_view text, std::uint32_t at) {
  std::string_view rest = text.substr(at);
  const auto position = [&] { return static_cast<std::uint32_t>(text.size() - rest.size()); };
  const char32_t first = take_code_point(rest);
  WordBreak before = WordBreak::other, last = character(first).word_break(), previous = last;
  unsigned regional = last == WordBreak::regional_indicator;
  if (last == WordBreak::newline) {
    if (first == '\r' && !rest.empty() && rest[0] == '\n') rest.remove_prefix(1);
    return position();
  }
  for (;;) {
    const std::uint32_t here = position();
    if (rest.empty()) return here;
    const Character c = character(take_code_point(rest));
    const WordBreak next = c.word_break();
    if (next == WordBreak::newline) return here;
    if (is_ignored(next)) {  // WB4
      previous = next;
      continue;
    }
    const bool joined =
        (previous == WordBreak::zwj && c.is(Character::kPictographic)) ||          // WB3c
        (previous == WordBreak::white_space && next == WordBreak::white_space) ||  // WB3d
        joins(before, last, next, regional == 1, rest);
    if (!joined) return here;
    before = last;
    last = previous = next;
    regional += next == WordBreak::regional_indicator;
  }
}

// ASCII between other characters, where most words end without the rules above.
enum AsciiKind : std::uint8_t { kMark, kBlank, kInWord, kMid, kBeyond };
constexpr auto kAsciiKinds = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0x80; c < 0x100; ++c) table[c] = kBeyond;
  for (unsigned c = 0; c < 0x80; ++c) {
    const bool in_word =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (in_word) table[c] = kInWord;
    if ((c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20)) table[c] = kBlank;
    if (c == '.' || c == '\'' || c == ',' || c == ';' || c == ':') table[c] = kMid;
  }
  return table;
}();

// Where the letters, digits and _ end that go on at `at`.
std::uint32_t in_word_end(std::string_view text, std::uint32_t at) {
  const auto n = static_cast<std::uint32_t>(text.size());
#ifdef __SSE2__
  const auto between = [](__m128i bytes, char first, char last) {
    return _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(first - 1))),
                         _mm_cmplt_epi8(bytes, _mm_set1_epi8(static_cast<char>(last + 1))));
  };
  for (; at + 16 <= n; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i letters = between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i others =
        _mm_or_si128(between(bytes, '0', '9'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
    const auto in_word = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letters, others)));
    if (in_word != 0xffff) return at + static_cast<std::uint32_t>(std::countr_one(in_word));
  }
#endif
  while (at < n && kAsciiKinds[static_cast<unsigned char>(text[at])] == kInWord) ++at;
  return at;
}

void add_stripped(std::string_view text, Span span, Words& words) {
  std::string_view word = text.substr(span.begin, span.end - span.begin);
  word = strip_right(strip_left(word));
  if (word.empty()) return;
  const auto begin = static_cast<std::uint32_t>(word.data() - text.data());
  words.add({begin, static_cast<std::uint32_t>(begin + word.size())});
}

// The words from `at` on up to the first that begins at `limit` or later, where that does.
std::uint32_t find_one_by_one(std::string_view text, std::uint32_t at, std::size_t limit,
                              Words& words) {
  const auto n = static_cast<std::uint32_t>(text.size());
  const auto kind = [&](std::uint32_t at) {
    return kAsciiKinds[static_cast<unsigned char>(text[at])];
  };
  const auto ends_after_mid = [&](std::uint32_t at) {
    return at == n || (kind(at) != kInWord && kind(at) != kBeyond);
  };
  while (at < limit) {
    const std::uint32_t begin = at;
    switch (kind(at)) {
      case kBlank:
        ++at;
        continue;
      case kInWord:
        at = in_word_end(text, at + 1);
        if (at == n || kind(at) < kInWord || (kind(at) == kMid && ends_after_mid(at + 1))) {
          words.add({begin, at});
          continue;
        }
        break;
      case kBeyond:
        break;
      default:
        if (at + 1 == n || kind(at + 1) != kBeyond) {
          words.add({begin, ++at});
          continue;
        }
    }
    at = segment_end(text, begin);
    add_stripped(text, {begin, at}, words);
  }
  return at;
}

// The first `count` bytes count as blanks.
void blank_out(WordBytes& bytes, unsigned count) {
  const std::uint64_t gone = (std::uint64_t{1} << count) - 1;
  for (std::uint64_t* mask : {&bytes.letter, &bytes.digit, &bytes.low_line, &bytes.mid_letter,
                              &bytes.mid_number, &bytes.beyond})
    *mask &= ~gone;
  bytes.space |= gone;
}

// Of 64 bytes at a time, where all are ASCII, and so is the byte behind them.
void find_uax29_words(std::string_view text, std::vector<Span>& found) {
  Words words(found);
  const auto bytes_at = [&](std::size_t begin) {
    return classes_at(text, begin, word_bytes::words);
  };
  // Of the byte before: a letter, a digit, within a word, a mark.
  std::uint64_t letter = 0, digit = 0, inside = 0, mark = 0;
  WordBytes here = bytes_at(0);
  for (std::size_t begin = 0, at = 0; begin <= text.size();) {
    const WordBytes next = bytes_at(begin + 64);
    if ((here.beyond | (next.beyond & 1)) != 0) {
      at = find_one_by_one(text, words.take_back(static_cast<std::uint32_t>(std::max(begin, at))),
                           std::min(begin + 64, text.size()), words);
      if (at == text.size()) break;
      here = at / 64 == begin / 64 + 1 ? next : bytes_at(at / 64 * 64);
      begin = at / 64 * 64;
      blank_out(here, at % 64);
      letter = digit = inside = mark = 0;
      continue;
    }
    const auto between = [](std::uint64_t mask, std::uint64_t before, std::uint64_t behind) {
      return (mask << 1 | before) & (mask >> 1 | behind << 63);
    };
    const std::uint64_t joined = (here.mid_letter & between(here.letter, letter, next.letter)) |
                                 (here.mid_number & between(here.digit, digit, next.digit));
    const std::uint64_t in_word = here.letter | here.digit | here.low_line | joined;
    const std::uint64_t marks = ~(in_word | here.space), after_word = in_word << 1 | inside;
    words.add((in_word & ~after_word) | marks, (after_word & ~in_word) | marks << 1 | mark,
              static_cast<std::uint32_t>(begin));
    letter = here.letter >> 63;
    digit = here.digit >> 63;
    inside = in_word >> 63;
    mark = marks >> 63;
    here = next;
    begin += 64;
  }
  words.finish();
}

// ---- sentences ----

// Every character of the word is punctuation.
bool is_punctuation(std::string_view word) {
  while (!word.empty())
    if (!character(take_code_point(word)).is(Character::kPunctuation)) return false;
  return true;
}

// Whether the full stop at `at` can end a sentence.
bool is_final_stop(std::string_view text, std::uint32_t at) {
  const auto is_stop = [&](std::size_t i) { return i < text.size() && text[i] == '.'; };
  const auto is_upper = [&](std::size_t i) {
    return i < text.size() && text[i] >= 'A' && text[i] <= 'Z';
  };
  const std::size_t before = std::size_t{at} - 1;  // wraps to beyond the text at its beginning
  if (is_stop(before) || is_stop(std::size_t{at} + 1)) return false;
  return !is_upper(before) || is_upper(before - 1);
}

}  // namespace

void find_words(std::string_view text, WordSplitter splitter, std::vector<Span>& words) {
  if (splitter == WordSplitter::whitespace)
    find_whitespace_words(text, words);
  else
    find_uax29_words(text, words);
}

void SentenceCounter::add(std::string_view word, bool ends) {
  if (ends) {
    ended_ = true;
  } else if (ended_ && !is_punctuation(word)) {
    ended_ = false;
    ++count_;
  }
}

std::size_t count_sentences(std::string_view text, std::size_t enough, std::vector<Span>& scratch) {
  find_words(text, WordSplitter::uax29, scratch);
  SentenceCounter counter;
  for (const Span span : scratch) {
    const std::string_view word = text.substr(span.begin, span.end - span.begin);
    std::string_view rest = word;
    const Character first = character(take_code_point(rest));
    counter.add(word, rest.empty() && first.is(Character::kSentenceEnd) &&
                          (word != "." || is_final_stop(text, span.begin)));
    if (counter.count() >= enough) break;
  }
  return counter.count();
}

}  // namespace lehr::text
