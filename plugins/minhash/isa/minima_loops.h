// The minima of many hash functions over many shingles, as plain vector code that is compiled once
// for each instruction set. Included by the minima_*.cpp of this folder and by nothing else; no
// standard template may come in here, for its inline functions would carry these flags.
//
// K hash functions, n shingles. Both walk blocks of shingles that stay in the first cache.
#include "../minima.h"

namespace lehr::plugins::minhash::LEHR_ISA {
namespace {

constexpr std::size_t kTile = 512;
// Vectors of the width that registers have: what is wider, GCC takes apart badly (six times the
// time on AVX2).
#if defined(__AVX512F__)
constexpr std::size_t kBytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t kBytes = 32;
#else
constexpr std::size_t kBytes = 16;
#endif
constexpr std::size_t kWide = kBytes / 8, kNarrow = kBytes / 4;
static_assert(MinimaKernels::kPad % kNarrow == 0 && MinimaKernels::kPad % (2 * kWide) == 0);

typedef std::uint64_t Wide __attribute__((vector_size(kBytes)));
typedef std::int64_t SignedWide __attribute__((vector_size(kBytes)));
typedef std::uint32_t Narrow __attribute__((vector_size(kBytes)));

template <class V, class T>
V load(const T* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

// h_k(x) = (a_k x + b_k mod 2^64) mod p, p = 2^61 - 1, two vectors of functions at a time. All that
// is compared is below 2^63, so signs do no harm: AVX2 compares no other way.
void permuted(const std::uint64_t* shingles, std::size_t n, const std::uint64_t* a,
              const std::uint64_t* b, std::uint64_t* minima, std::size_t functions) {
  constexpr std::int64_t prime = (std::int64_t{1} << 61) - 1;
  const SignedWide p = SignedWide{} + prime;
  for (std::size_t tile = 0; tile < n; tile += kTile) {
    const std::size_t end = tile + kTile < n ? tile + kTile : n;
    for (std::size_t k = 0; k < functions; k += 2 * kWide) {
      Wide ak[2], bk[2];
      SignedWide least[2];
      for (std::size_t g = 0; g < 2; ++g) {
        ak[g] = load<Wide>(a + k + g * kWide);
        bk[g] = load<Wide>(b + k + g * kWide);
        least[g] = load<SignedWide>(minima + k + g * kWide);
      }
      for (std::size_t i = tile; i < end; ++i)
        for (std::size_t g = 0; g < 2; ++g) {
          const Wide v = shingles[i] * ak[g] + bk[g];
          const auto folded = (SignedWide)((v & (Wide)p) + (v >> 61));  // at most p + 7
          const SignedWide h = folded - ((folded >= p) & p);
          least[g] = h < least[g] ? h : least[g];
        }
      for (std::size_t g = 0; g < 2; ++g)
        __builtin_memcpy(minima + k + g * kWide, &least[g], sizeof least[g]);
    }
  }
}

// h_k(x) = low(x) + k odd(high(x)) mod 2^32, Groups vectors of functions in registers.
template <std::size_t Groups>
void stride_groups(const std::uint64_t* shingles, std::size_t n, std::uint32_t first,
                   std::uint32_t* minima) {
  Narrow lane = {};
  for (std::size_t i = 0; i < kNarrow; ++i) lane[i] = static_cast<std::uint32_t>(i);
  Narrow least[Groups];
  for (std::size_t g = 0; g < Groups; ++g) least[g] = load<Narrow>(minima + kNarrow * g);
  for (std::size_t i = 0; i < n; ++i) {
    const auto low = static_cast<std::uint32_t>(shingles[i]);
    const std::uint32_t step = static_cast<std::uint32_t>(shingles[i] >> 32) | 1;
    Narrow h = lane * step + (low + first * step);
    const Narrow next = Narrow{} + static_cast<std::uint32_t>(kNarrow) * step;
    for (std::size_t g = 0; g < Groups; ++g) {
      least[g] = h < least[g] ? h : least[g];
      h += next;
    }
  }
  for (std::size_t g = 0; g < Groups; ++g)
    __builtin_memcpy(minima + kNarrow * g, &least[g], sizeof least[g]);
}

void strided(const std::uint64_t* shingles, std::size_t n, std::uint32_t* minima,
             std::size_t functions) {
  for (std::size_t tile = 0; tile < n; tile += kTile) {
    const std::size_t count = tile + kTile < n ? kTile : n - tile;
    for (std::size_t k = 0; k < functions;) {
      const std::size_t left = (functions - k) / kNarrow;
      const std::size_t groups = left >= 14 ? 14 : left >= 7 ? 7 : left >= 4 ? 4 : 1;
      const auto first = static_cast<std::uint32_t>(k);
      const auto take = groups == 14  ? stride_groups<14>
                        : groups == 7 ? stride_groups<7>
                        : groups == 4 ? stride_groups<4>
                                      : stride_groups<1>;
      take(shingles + tile, count, first, minima + k);
      k += groups * kNarrow;
    }
  }
}

constexpr MinimaKernels kKernels = {permuted, strided};

}  // namespace

const MinimaKernels& kernels() { return kKernels; }

}  // namespace lehr::plugins::minhash::LEHR_ISA
