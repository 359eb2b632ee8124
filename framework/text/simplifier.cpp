#include "text/simplifier.h"

#include <emmintrin.h>
#include <lehr/value.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "text/lower_case.h"
#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

// What becomes of a character: itself or another one (below kSpace), or one of these.
enum Fate : std::uint32_t {
  kSpace = 0x110000,
  kDigit,
  kNothing,     // a nonspacing mark
  kCharacters,  // several, or one that depends on others: add_characters
  kUnknown,     // not looked up yet
};
constexpr std::size_t kPlane = 0x10000;
constexpr char32_t kCapitalSigma = 0x3a3, kFinalSigma = 0x3c2;
constexpr int kMaxDecomposition = 8;

// Beyond ASCII, where all but letters, digits, tab, line feed and space are punctuation.
constexpr char32_t kPunctuation[] = {
    0xab,   0xb4,   0xbb,   0x2013, 0x2014, 0x2019, 0x201c, 0x201d, 0x201e, 0x2026, 0x2236, 0x2501,
    0x25ba, 0x3001, 0x3002, 0x3008, 0x3009, 0x300a, 0x300b, 0x300c, 0x300d, 0x3010, 0x3011, 0xff01,
    0xff05, 0xff08, 0xff09, 0xff0c, 0xff0e, 0xff11, 0xff1a, 0xff1b, 0xff1f, 0xff5e};

// For each ASCII character its lower case, ' ' for what separates words, '0' for digits.
constexpr auto kAscii = [] {
  std::array<char, 128> table{};
  for (int c = 0; c < 128; ++c) {
    const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
    table[c] = static_cast<char>(upper ? c + 32 : lower ? c : c >= '0' && c <= '9' ? '0' : ' ');
  }
  return table;
}();

bool is_digit(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}

bool is_decimal_separator(char32_t c) {
  return c == '.' || c == ',' || c == 0x60c || c == 0x66b || (c >= 0x2396 && c <= 0x2398);
}

// The end of the number that begins at `at`.
std::size_t skip_number(std::string_view text, std::size_t at) {
  const auto skip_digits = [&](std::string_view rest) {
    while (!rest.empty()) {
      std::string_view next = rest;
      if (!is_digit(take_code_point(next))) break;
      rest = next;
    }
    return rest;
  };
  const std::string_view behind = skip_digits(text.substr(at));
  if (behind.empty()) return text.size();
  std::string_view rest = behind;
  if (!is_decimal_separator(take_code_point(rest))) return text.size() - behind.size();
  const std::string_view end = skip_digits(rest);
  return text.size() - (end.size() < rest.size() ? end.size() : behind.size());
}

bool is_nonspacing_mark(utf8proc_int32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_MN; }

// The canonical decomposition of the lower case, without nonspacing marks; how many it has.
int decompose(char32_t c, utf8proc_int32_t* out) {
  int last_class = 0;
  const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(c));
  auto n = utf8proc_decompose_char(
      lower, out, kMaxDecomposition,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &last_class);
  n = std::clamp<utf8proc_ssize_t>(n, 0, kMaxDecomposition);
  return static_cast<int>(std::remove_if(out, out + n, is_nonspacing_mark) - out);
}

bool changes_places(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class != 0; }

std::uint32_t fate_of(char32_t c) {
  if (is_space(c) || (c >= 0x7f && c < 0xa0)) return kSpace;
  if (is_digit(c)) return kDigit;
  if (std::binary_search(std::begin(kPunctuation), std::end(kPunctuation), c)) return kSpace;
  if (c == kCapitalSigma) return kCharacters;
  utf8proc_int32_t parts[kMaxDecomposition];
  const int n = decompose(c, parts);
  if (n == 0) return kNothing;
  if (n == 1 && !changes_places(parts[0])) return static_cast<std::uint32_t>(parts[0]);
  return kCharacters;
}

}  // namespace

Simplifier::Simplifier() : plane_(kPlane, kUnknown) {}

// Room for `bytes` and a few more.
void Simplifier::reserve(std::size_t bytes) {
  if (out_.size() < size_ + bytes + 16) out_.resize((size_ + bytes + 16) * 5 / 4);
}

inline void Simplifier::begin_word() {
  if (in_word_) return;
  if (!words_.empty()) out_[size_++] = ' ';
  const auto begin = static_cast<std::uint32_t>(size_);
  words_.push_back({begin, begin});
  in_word_ = true;
}

inline void Simplifier::end_word() {
  if (in_word_) words_.back().end = static_cast<std::uint32_t>(size_);
  in_word_ = false;
}

std::size_t Simplifier::scan_letters(std::string_view text, std::size_t at) {
  const __m128i case_bit = _mm_set1_epi8(0x20);
  const auto load = [&](std::size_t from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
  };
  // Both bounds are ASCII, so the signed comparison is right for every byte.
  const auto is_between = [](__m128i x, char low, char high) {
    return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8(static_cast<char>(low - 1))),
                         _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(high + 1)), x));
  };
  while (at + 32 <= text.size()) {
    const __m128i x = load(at);
    const __m128i stops = _mm_or_si128(x, is_between(x, '0', '9'));  // beyond ASCII, or a digit
    const auto stop = static_cast<unsigned>(_mm_movemask_epi8(stops));
    const unsigned count = stop != 0 ? static_cast<unsigned>(__builtin_ctz(stop)) : 16;
    const __m128i lower = _mm_or_si128(x, case_bit);
    unsigned letters = static_cast<unsigned>(_mm_movemask_epi8(is_between(lower, 'a', 'z')));
    letters &= (1u << count) - 1;
    for (unsigned i = 0; i < count;) {
      if (const unsigned rest = letters >> i; rest == 0) {
        end_word();
        break;
      } else if (const auto gap = static_cast<unsigned>(__builtin_ctz(rest)); gap > 0) {
        end_word();
        i += gap;
      }
      begin_word();
      // Sixteen bytes are written; those behind the run are overwritten by what comes next.
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out_.data() + size_),
                       _mm_or_si128(load(at + i), case_bit));
      const auto run = static_cast<unsigned>(__builtin_ctz(~(letters >> i)));
      size_ += run;
      i += run;
    }
    at += count;
    if (count < 16) break;
  }
  return at;
}

void Simplifier::put(char32_t c) {
  ascii_ &= c < 0x80;
  char* out = out_.data() + size_;
  size_ += static_cast<std::size_t>(utf8proc_encode_char(static_cast<utf8proc_int32_t>(c),
                                                         reinterpret_cast<utf8proc_uint8_t*>(out)));
}

std::uint32_t Simplifier::fate(char32_t c) {
  if (c >= kPlane) return fate_of(c);
  if (plane_[c] == kUnknown) plane_[c] = fate_of(c);
  return plane_[c];
}

void Simplifier::add_characters(char32_t c, bool final_sigma, bool decomposed) {
  utf8proc_int32_t parts[kMaxDecomposition];
  int n = 1;
  if (decomposed)
    n = decompose(c, parts);
  else
    parts[0] = utf8proc_tolower(static_cast<utf8proc_int32_t>(c));
  if (final_sigma) parts[0] = kFinalSigma;
  for (int i = 0; i < n; ++i) {
    unordered_ |= decomposed && changes_places(parts[i]);
    put(static_cast<char32_t>(parts[i]));
  }
}

void Simplifier::scan(std::string_view text, bool decomposed) {
  size_ = 0;
  words_.clear();
  in_word_ = marks_ = unordered_ = false;
  ascii_ = true;
  reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    at = scan_letters(text, at);
    if (const char byte = text[at]; byte >= 0) {
      const char c = kAscii[static_cast<std::size_t>(byte)];
      if (c == ' ') {
        end_word();
        ++at;
      } else {
        begin_word();
        out_[size_++] = c;
        at = c == '0' ? skip_number(text, at) : at + 1;
      }
      continue;
    }
    std::string_view rest = text.substr(at);
    const char32_t c = take_code_point(rest);
    const std::uint32_t becomes = fate(c);
    if (becomes == kSpace) {
      end_word();
    } else if (becomes == kDigit) {
      begin_word();
      out_[size_++] = '0';
      at = skip_number(text, at);
      continue;
    } else {
      begin_word();
      reserve(4 * kMaxDecomposition + rest.size());
      if (becomes == kCharacters || !decomposed)
        add_characters(c, c == kCapitalSigma && is_final_sigma(text, at), decomposed);
      else if (becomes != kNothing)
        put(becomes);
      else
        marks_ = true;
    }
    at = text.size() - rest.size();
  }
  end_word();
}

// Rare: several marks that are not nonspacing, whose order the text as a whole decides.
std::string_view Simplifier::decompose_whole() {
  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(out_.data()), static_cast<utf8proc_ssize_t>(size_),
      &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(mapped, std::free);
  if (size < 0)
    throw Error(std::string("a text could not be simplified: ") + utf8proc_errmsg(size));
  std::string_view rest(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
  size_ = 0;
  reserve(rest.size());
  while (!rest.empty()) {
    const char32_t c = take_code_point(rest);
    if (!is_nonspacing_mark(static_cast<utf8proc_int32_t>(c))) put(c);
  }
  return {out_.data(), size_};
}

std::string_view Simplifier::simplify(std::string_view text) {
  scan(text, true);
  std::string_view result(out_.data(), size_);
  if (unordered_) {
    scan(text, false);
    result = decompose_whole();
    find_words(result, WordSplitter::whitespace, words_);
  } else if (!marks_) {
    return result;
  }
  // Words of marks alone are empty, and leave their spaces.
  std::erase_if(words_, [](Span word) { return word.begin == word.end; });
  if (words_.empty()) return {};
  const std::uint32_t first = words_.front().begin;
  result = result.substr(first, words_.back().end - first);
  for (Span& word : words_) word = {word.begin - first, word.end - first};
  return result;
}

}  // namespace lehr::text
