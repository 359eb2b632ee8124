// The minima of many hash functions over many shingles, as plain vector code that is compiled once
// for each instruction set. Included by the minima_*.cpp of this folder and by nothing else; no
// standard template may come in here, for its inline functions would carry these flags.
//
// K hash functions, n shingles. Both walk blocks of shingles that stay in the first cache.
#include "../minima.h"

namespace lehr::plugins::minhash::LEHR_ISA {
namespace {

constexpr std::size_t kTile = 512;

typedef std::uint64_t U64x8 __attribute__((vector_size(64)));
typedef std::uint32_t U32x16 __attribute__((vector_size(64)));

template <class V, class T>
V load(const T* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

// h_k(x) = (a_k x + b_k mod 2^64) mod p, p = 2^61 - 1, eight functions at a time.
void permuted(const std::uint64_t* shingles, std::size_t n, const std::uint64_t* a,
              const std::uint64_t* b, std::uint64_t* minima, std::size_t functions) {
  constexpr std::uint64_t p = (std::uint64_t{1} << 61) - 1;
  for (std::size_t tile = 0; tile < n; tile += kTile) {
    const std::size_t end = tile + kTile < n ? tile + kTile : n;
    for (std::size_t k = 0; k < functions; k += 8) {
      const U64x8 ak = load<U64x8>(a + k), bk = load<U64x8>(b + k);
      U64x8 least = load<U64x8>(minima + k);
      for (std::size_t i = tile; i < end; ++i) {
        const U64x8 v = shingles[i] * ak + bk;
        const U64x8 folded = (v & p) + (v >> 61);  // at most p + 7
        const U64x8 less = folded - p;             // wraps around below p
        const U64x8 h = less < folded ? less : folded;
        least = h < least ? h : least;
      }
      __builtin_memcpy(minima + k, &least, sizeof least);
    }
  }
}

// h_k(x) = low(x) + k odd(high(x)) mod 2^32, sixteen functions at a time, Groups sixteens in
// registers.
template <std::size_t Groups>
void stride_groups(const std::uint64_t* shingles, std::size_t n, std::uint32_t first,
                   std::uint32_t* minima) {
  const U32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  U32x16 least[Groups];
  for (std::size_t g = 0; g < Groups; ++g) least[g] = load<U32x16>(minima + 16 * g);
  for (std::size_t i = 0; i < n; ++i) {
    const auto low = static_cast<std::uint32_t>(shingles[i]);
    const std::uint32_t step = static_cast<std::uint32_t>(shingles[i] >> 32) | 1;
    U32x16 h = (lane + first) * step + low;
    const U32x16 next = U32x16{} + 16 * step;
    for (std::size_t g = 0; g < Groups; ++g) {
      least[g] = h < least[g] ? h : least[g];
      h += next;
    }
  }
  for (std::size_t g = 0; g < Groups; ++g) __builtin_memcpy(minima + 16 * g, &least[g], 64);
}

void strided(const std::uint64_t* shingles, std::size_t n, std::uint32_t* minima,
             std::size_t functions) {
  for (std::size_t tile = 0; tile < n; tile += kTile) {
    const std::size_t count = tile + kTile < n ? kTile : n - tile;
    for (std::size_t k = 0; k < functions;) {
      const std::size_t left = (functions - k) / 16;
      const auto first = static_cast<std::uint32_t>(k);
      if (left >= 7) {
        stride_groups<7>(shingles + tile, count, first, minima + k);
        k += 7 * 16;
      } else if (left >= 3) {
        stride_groups<3>(shingles + tile, count, first, minima + k);
        k += 3 * 16;
      } else {
        stride_groups<1>(shingles + tile, count, first, minima + k);
        k += 16;
      }
    }
  }
}

constexpr MinimaKernels kKernels = {permuted, strided};

}  // namespace

const MinimaKernels& kernels() { return kKernels; }

}  // namespace lehr::plugins::minhash::LEHR_ISA
