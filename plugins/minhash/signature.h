// MinHash signatures (Broder 1997): K = bands x rows minima over a text's shingles, and for each
// band of `rows` minima one key. Texts that share a key are taken for near-duplicates: with
// similarity J that happens with probability 1 - (1 - J^rows)^bands.
//
// fast: 32-bit minima of h_k(x) = low + k high, one hash of the shingle cut in halves. Instead of K
// multiplications it takes K additions; tests/benchmarks/LOG.md has precision and recall of both.
// datatrove: (a_k x + b_k mod 2^64) mod 2^61 - 1 with the constants numpy's RandomState(1) gives.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "minima.h"
#include "shingles.h"

namespace lehr::plugins::minhash {

struct SignatureOptions {
  ShingleOptions shingles;
  std::size_t bands = 14, rows = 8;
};

// 96 bits of a band's minima and its number: among N documents about bands * N^2 / 2^97 pairs share
// one by chance, 2e-10 of them for a thousand million documents.
struct BandKey {
  std::uint64_t high = 0;
  std::uint32_t low = 0;
};

// One object per thread.
class Signer {
 public:
  explicit Signer(const SignatureOptions& options, Isa isa = best_isa());

  // Appends one key for each band; false, and nothing, if the text has no shingle.
  bool sign(std::string_view text, std::vector<BandKey>& keys);
  // The minima of the text last signed.
  std::vector<std::uint64_t> minima() const;

 private:
  const SignatureOptions options_;
  const MinimaKernels& kernels_;
  Shingler shingler_;
  std::vector<std::uint64_t> a_, b_, wide_;  // datatrove
  std::vector<std::uint32_t> narrow_;        // fast
};

}  // namespace lehr::plugins::minhash
