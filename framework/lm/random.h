// Counter-based random numbers: a value is a pure function of (seed, purpose, stream, index), so
// resuming needs only counters and no draw depends on what was drawn before or by whom.
// Generator: Philox4x32-10 (Salmon et al., SC 2011).
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace lehr::lm {

enum class Purpose : uint32_t {
  kInit = 1,       // stream: number of the parameter tensor
  kDataOrder = 2,  // stream: epoch
  kSampling = 3,   // stream: sample; index: position in the answer
  kNoise = 4,      // stream: update and pass; index: element
  kSplit = 5,
  kAdapter = 8,  // stream: number of the adapter's tensor
  kDropout = 9,  // stream: update and pass; index: place in it and element
  kUser = 64,    // first value free for stages
};

class Random {
 public:
  Random(uint64_t seed, Purpose purpose, uint64_t stream = 0)
      : seed_(seed), purpose_(static_cast<uint32_t>(purpose)), stream_(stream) {}

  std::array<uint32_t, 4> block(uint64_t index) const;  // 128 bits at this counter
  uint64_t bits(uint64_t index) const;
  double uniform(uint64_t index) const;  // [0, 1), 53 bits
  double normal(uint64_t index) const;   // mean 0, standard deviation 1 (Box-Muller)
  // Uniform in [0, bound); bound > 0. Bias below 2^-32 for bound < 2^32.
  uint64_t below(uint64_t index, uint64_t bound) const;
  // Fisher-Yates over this stream's counters.
  template <class T>
  void shuffle(std::vector<T>& items) const {
    for (uint64_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i, i)]);
  }
  // 0..count-1, shuffled.
  std::vector<uint64_t> permutation(uint64_t count) const;

 private:
  uint64_t seed_;
  uint32_t purpose_;
  uint64_t stream_;
};

}  // namespace lehr::lm
