// What the 64 bytes of a window are, one bit a byte: the pre-tokenizers cut ASCII with these masks.
// Bytes of characters beyond ASCII are only marked as such.
#pragma once

#include <cstdint>

namespace lehr::text {

// The instruction sets there is code for; none: byte by byte, which the others are held against.
enum class Simd { none, avx2, avx512 };

// The best one that this processor has.
Simd best_simd();

struct ByteClasses {
  std::uint64_t upper, lower, digit;
  std::uint64_t space;    // \s: includes newline and blank
  std::uint64_t newline;  // \r \n
  std::uint64_t blank;    // ' '
  std::uint64_t apostrophe, slash;
  std::uint64_t beyond;  // 0x80 and above
};

// Of 64 readable bytes.
using Classify = ByteClasses (*)(const char* bytes);
Classify classify_with(Simd simd);

}  // namespace lehr::text
