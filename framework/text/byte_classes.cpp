#include "text/byte_classes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lehr::text {
namespace {

bool in(unsigned char c, unsigned char first, unsigned char last) {
  return c >= first && c <= last;
}

ByteClasses classify_bytewise(const char* bytes) {
  ByteClasses classes{};
  for (unsigned i = 0; i < 64; ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const auto set = [&](std::uint64_t& mask, bool is) { mask |= std::uint64_t{is} << i; };
    set(classes.upper, in(c, 'A', 'Z'));
    set(classes.lower, in(c, 'a', 'z'));
    set(classes.digit, in(c, '0', '9'));
    set(classes.space, c == ' ' || in(c, 9, 13));
    set(classes.newline, c == '\r' || c == '\n');
    set(classes.blank, c == ' ');
    set(classes.apostrophe, c == '\'');
    set(classes.slash, c == '/');
    set(classes.beyond, c >= 0x80);
  }
  return classes;
}

#if defined(__x86_64__)

// Functions with a target of their own, so that nothing else of this file is compiled for it.
__attribute__((target("avx512f,avx512bw"))) ByteClasses classify_avx512(const char* bytes) {
  const __m512i v = _mm512_loadu_si512(bytes);
  const auto is = [&](char c) __attribute__((target("avx512f,avx512bw"))) {
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
  };
  const auto within = [&](char first, char count) __attribute__((target("avx512f,avx512bw"))) {
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8(first)),
                                  _mm512_set1_epi8(count));
  };
  ByteClasses classes;
  classes.upper = within('A', 26);
  classes.lower = within('a', 26);
  classes.digit = within('0', 10);
  classes.blank = is(' ');
  classes.space = within(9, 5) | classes.blank;
  classes.newline = is('\r') | is('\n');
  classes.apostrophe = is('\'');
  classes.slash = is('/');
  classes.beyond = _mm512_movepi8_mask(v);
  return classes;
}

__attribute__((target("avx2"))) ByteClasses classify_avx2(const char* bytes) {
  const __m256i halves[2] = {
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)),
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32)),
  };
  const auto mask = [](__m256i low, __m256i high) __attribute__((target("avx2"))) {
    return std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(low))} |
           std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(high))} << 32;
  };
  const auto is = [&](char c) __attribute__((target("avx2"))) {
    const __m256i wanted = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(halves[0], wanted), _mm256_cmpeq_epi8(halves[1], wanted));
  };
  const auto within = [&](char first, char count) __attribute__((target("avx2"))) {
    const __m256i from = _mm256_set1_epi8(first);
    const __m256i last = _mm256_set1_epi8(static_cast<char>(count - 1));
    const __m256i low = _mm256_sub_epi8(halves[0], from), high = _mm256_sub_epi8(halves[1], from);
    return mask(_mm256_cmpeq_epi8(_mm256_min_epu8(low, last), low),
                _mm256_cmpeq_epi8(_mm256_min_epu8(high, last), high));
  };
  ByteClasses classes;
  classes.upper = within('A', 26);
  classes.lower = within('a', 26);
  classes.digit = within('0', 10);
  classes.blank = is(' ');
  classes.space = within(9, 5) | classes.blank;
  classes.newline = is('\r') | is('\n');
  classes.apostrophe = is('\'');
  classes.slash = is('/');
  classes.beyond = mask(halves[0], halves[1]);
  return classes;
}

#endif

}  // namespace

Simd best_simd() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) return Simd::avx512;
  if (__builtin_cpu_supports("avx2")) return Simd::avx2;
#endif
  return Simd::none;
}

Classify classify_with(Simd simd) {
#if defined(__x86_64__)
  if (simd == Simd::avx512) return classify_avx512;
  if (simd == Simd::avx2) return classify_avx2;
#endif
  static_cast<void>(simd);
  return classify_bytewise;
}

}  // namespace lehr::text
