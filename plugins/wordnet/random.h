// Random numbers whose sequence is fixed by the seed alone: SplitMix64 (Steele, Lea, Flood 2014).
// The standard library's shuffles and distributions may differ from one implementation to the next.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace lehr::plugins::wordnet {

class Random {
 public:
  // Streams of different names are independent: asking for more of one output leaves the others as
  // they were.
  Random(std::uint64_t seed, std::string_view stream) : state_(seed) {
    for (const char c : stream) {
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    next();
  }

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound); the bias of the remainder is below 2^-40 for the bounds used here.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  bool chance(double probability) { return unit() < probability; }

  template <typename T>
  const T& pick(const std::vector<T>& items) {
    return items[below(items.size())];
  }

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace lehr::plugins::wordnet
