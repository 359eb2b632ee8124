#include "text/words_and_lines.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace lehr::text {
namespace {

// Bytes that end a line, or begin a character that does: \x85 and U+2028, U+2029 beyond ASCII.
constexpr auto kLineEnds = [] {
  std::array<bool, 256> table{};
  for (const unsigned c : {0x0au, 0x0bu, 0x0cu, 0x0du, 0x1cu, 0x1du, 0x1eu, 0xc2u, 0xe2u})
    table[c] = true;
  return table;
}();

constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = kOnes * 0x80;

// How many bytes from `at` on are neither control characters nor beyond ASCII, looked at in eights.
std::size_t plain_bytes(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, text.data() + at, 8);
    const std::uint64_t others = ((bytes - kOnes * 0x20) | bytes) & kHighs;
    if (others != 0) return at - begin + static_cast<std::size_t>(std::countr_zero(others)) / 8;
  }
  return at - begin;
}

}  // namespace

char32_t take_code_point(std::string_view& text) {
  const auto at = [&](std::size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3f : 0;
  };
  const auto first = static_cast<unsigned char>(text[0]);
  char32_t c = first;
  std::size_t size = 1;
  if (first >= 0xf0) {
    c = (first & 0x07u) << 18 | at(1) << 12 | at(2) << 6 | at(3);
    size = 4;
  } else if (first >= 0xe0) {
    c = (first & 0x0fu) << 12 | at(1) << 6 | at(2);
    size = 3;
  } else if (first >= 0xc0) {
    c = (first & 0x1fu) << 6 | at(1);
    size = 2;
  }
  text.remove_prefix(size < text.size() ? size : text.size());
  return c;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t continuations = 0, at = 0;
#ifdef __SSE2__
  // Bytes that continue a character are those below -64.
  const __m128i none = _mm_setzero_si128(), first = _mm_set1_epi8(-64);
  while (at + 16 <= text.size()) {
    __m128i counts = none;  // of up to 255, each in a byte
    for (std::size_t i = 0; i < 255 && at + 16 <= text.size(); ++i, at += 16) {
      const auto* const from = reinterpret_cast<const __m128i*>(text.data() + at);
      counts = _mm_sub_epi8(counts, _mm_cmplt_epi8(_mm_loadu_si128(from), first));
    }
    const __m128i halves = _mm_sad_epu8(counts, none);
    continuations += static_cast<std::size_t>(_mm_cvtsi128_si32(halves)) +
                     static_cast<std::size_t>(_mm_extract_epi16(halves, 4));
  }
#endif
  for (; at < text.size(); ++at) continuations += is_continuation(text[at]);
  return text.size() - continuations;
}

std::string_view strip_left(std::string_view text) {
  for (std::string_view rest = text; !rest.empty(); text = rest)
    if (!is_space(take_code_point(rest))) break;
  return text;
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && is_continuation(text[begin])) --begin;
    std::string_view last = text.substr(begin);
    if (!is_space(take_code_point(last))) break;
    text = text.substr(0, begin);
  }
  return text;
}

void split_words(std::string_view text, std::vector<std::string_view>& words) {
  words.clear();
  const char* begin = nullptr;
  for (std::string_view rest = text; !rest.empty();) {
    const char* here = rest.data();
    if (!is_space(take_code_point(rest))) {
      if (begin == nullptr) begin = here;
    } else if (begin != nullptr) {
      words.emplace_back(begin, here - begin);
      begin = nullptr;
    }
  }
  if (begin != nullptr) words.emplace_back(begin, text.data() + text.size() - begin);
}

void split_lines(std::string_view text, std::vector<std::string_view>& lines) {
  lines.clear();
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    at += plain_bytes(text, at);
    if (at == text.size()) break;
    if (!kLineEnds[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    std::string_view rest = text.substr(at);
    const char32_t c = take_code_point(rest);
    const std::size_t line_end = at;
    at = text.size() - rest.size();
    if (!character(c).is(Character::kLineEnd)) continue;
    if (c == '\r' && !rest.empty() && rest[0] == '\n') ++at;
    lines.push_back(text.substr(begin, line_end - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
}

}  // namespace lehr::text
