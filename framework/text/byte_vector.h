// Sixteen bytes looked at at once, as every x86-64 processor can; elsewhere one after the other.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lehr::text::byte_vector {

#ifdef __SSE2__

using Vector = __m128i;
constexpr std::size_t kWide = sizeof(Vector);
inline Vector load(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const Vector*>(from));
}
inline Vector is(Vector bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); }
inline Vector between(Vector bytes, unsigned char first, unsigned char last) {
  const Vector from = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>(first)));
  const Vector range = _mm_set1_epi8(static_cast<char>(last - first));
  return _mm_cmpeq_epi8(_mm_min_epu8(from, range), from);
}
inline Vector either(Vector a, Vector b) { return _mm_or_si128(a, b); }
inline Vector both(Vector a, Vector b) { return _mm_and_si128(a, b); }
inline Vector lower(Vector bytes) { return _mm_or_si128(bytes, _mm_set1_epi8(0x20)); }
// A bit for each byte that is 0x80 or more, as what holds is.
inline std::uint64_t mask(Vector bytes) {
  return static_cast<std::uint64_t>(_mm_movemask_epi8(bytes));
}

#else

// One byte after the other.
using Vector = unsigned char;
constexpr std::size_t kWide = 1;
inline Vector load(const char* from) { return static_cast<unsigned char>(*from); }
inline Vector is(Vector byte, char c) { return byte == static_cast<unsigned char>(c) ? 0x80 : 0; }
inline Vector between(Vector byte, unsigned char first, unsigned char last) {
  return byte >= first && byte <= last ? 0x80 : 0;
}
inline Vector either(Vector a, Vector b) { return a | b; }
inline Vector both(Vector a, Vector b) { return a & b; }
inline Vector lower(Vector byte) { return byte | 0x20; }
inline std::uint64_t mask(Vector byte) { return byte >> 7; }

#endif

// Where `second` stands behind `first`, at `at` or later; npos: nowhere.
inline std::size_t find_pair(std::string_view text, char first, char second, std::size_t at) {
  for (; at + kWide < text.size(); at += kWide) {
    const std::uint64_t found =
        mask(both(is(load(text.data() + at), first), is(load(text.data() + at + 1), second)));
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
  }
  for (; at + 1 < text.size(); ++at)
    if (text[at] == first && text[at + 1] == second) return at;
  return text.npos;
}

}  // namespace lehr::text::byte_vector
