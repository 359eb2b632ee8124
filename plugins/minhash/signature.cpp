#include "signature.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <random>

namespace lehr::plugins::minhash {
namespace {

constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;

// numpy's RandomState.randint(low, kPrime, dtype=uint64): 61 bits of the generator, drawn again
// while they are too large.
std::uint64_t draw(std::mt19937& generator, std::uint64_t low) {
  for (;;) {
    const std::uint64_t high = generator();
    const std::uint64_t value = (high << 32 | generator()) & kPrime;
    if (value < kPrime - low) return low + value;
  }
}

}  // namespace

Signer::Signer(const SignatureOptions& options, Isa isa)
    : options_(options), kernels_(minima_kernels(isa)), shingler_(options.shingles) {
  const std::size_t functions = options_.bands * options_.rows;
  const std::size_t padded =
      (functions + MinimaKernels::kPad - 1) / MinimaKernels::kPad * MinimaKernels::kPad;
  if (options_.shingles.hash == HashMode::fast) {
    narrow_.resize(padded);
    return;
  }
  for (auto* list : {&a_, &b_, &wide_}) list->resize(padded);
  std::mt19937 generator(1);
  for (std::size_t k = 0; k < functions; ++k) a_[k] = draw(generator, 1);
  for (std::size_t k = 0; k < functions; ++k) b_[k] = draw(generator, 0);
}

bool Signer::sign(std::string_view text, std::vector<BandKey>& keys) {
  const auto shingles = shingler_.shingles(text);
  if (shingles.empty()) return false;
  const char* minima = nullptr;
  std::size_t width = 0;
  if (options_.shingles.hash == HashMode::fast) {
    std::fill(narrow_.begin(), narrow_.end(), ~std::uint32_t{0});
    kernels_.strided(shingles.data(), shingles.size(), narrow_.data(), narrow_.size());
    minima = reinterpret_cast<const char*>(narrow_.data());
    width = sizeof(std::uint32_t);
  } else {
    std::fill(wide_.begin(), wide_.end(), ~std::uint64_t{0} >> 1);
    kernels_.permuted(shingles.data(), shingles.size(), a_.data(), b_.data(), wide_.data(),
                      wide_.size());
    minima = reinterpret_cast<const char*>(wide_.data());
    width = sizeof(std::uint64_t);
  }
  const std::size_t bytes = options_.rows * width;
  for (std::size_t band = 0; band < options_.bands; ++band) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(minima + band * bytes, bytes, band);
    keys.push_back({hash.high64, static_cast<std::uint32_t>(hash.low64)});
  }
  return true;
}

std::vector<std::uint64_t> Signer::minima() const {
  const std::size_t functions = options_.bands * options_.rows;
  if (options_.shingles.hash == HashMode::fast)
    return {narrow_.begin(), narrow_.begin() + static_cast<std::ptrdiff_t>(functions)};
  return {wide_.begin(), wide_.begin() + static_cast<std::ptrdiff_t>(functions)};
}

}  // namespace lehr::plugins::minhash
