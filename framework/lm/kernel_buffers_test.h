// What tests hand to the kernels: buffers of either dtype that are aligned to no vector and show
// when a kernel writes beside them, and the tables of every instruction set that this CPU has.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "lm/kernels.h"
#include "lm/slow_operators_test.h"

namespace lehr::lm {

// Below, at and above a vector of each instruction set, and none a multiple of two of them.
constexpr size_t kWidths[] = {1, 3, 16, 37, 130};

inline int64_t signed_size(size_t size) { return static_cast<int64_t>(size); }

// f(const Kernels&, bool bf16), with every table.
template <class F>
void with_every_table(const F& f) {
  const std::pair<Isa, const char*> sets[] = {{Isa::kBaseline, "baseline"},
                                              {Isa::kAvx2, "avx2"},
                                              {Isa::kAvx512, "avx512"},
                                              {Isa::kAvx512Bf16, "avx512+bf16"}};
  for (const auto& [isa, name] : sets) {
    if (isa > best_isa()) continue;
    for (const bool bf16 : {false, true}) {
      const testing::ScopedTrace trace(__FILE__, __LINE__,
                                       std::string(name) + (bf16 ? ", bf16" : ", fp32"));
      f(kernels(bf16, isa), bf16);
    }
  }
}

// To the nearest value of the dtype, ties to even.
inline double rounded_to(bool bf16, double x) {
  if (!bf16) return static_cast<float>(x);
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);  // in [1/2, 1): 8 bits are kept
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}

class Elements {
 public:
  Elements(bool bf16, const slow::Row& values)
      : size_(bf16 ? 2 : 4), count_(values.size()), bytes_((count_ + 2 * kGuard) * size_, kMark) {
    for (size_t i = 0; i < count_; ++i) set(i, values[i]);
  }
  Elements(bool bf16, size_t count, double value) : Elements(bf16, slow::Row(count, value)) {}
  ~Elements() {
    for (size_t i = 0; i < kGuard * size_; ++i)
      if (bytes_[i] != kMark || bytes_[bytes_.size() - 1 - i] != kMark) {
        ADD_FAILURE() << "a kernel wrote beside a buffer of " << count_ << " elements";
        return;
      }
  }
  Elements(const Elements&) = delete;
  Elements& operator=(const Elements&) = delete;

  size_t size() const { return count_; }
  bool bf16() const { return size_ == 2; }
  void* at(size_t i) { return bytes_.data() + (kGuard + i) * size_; }
  void* data() { return at(0); }
  float* floats() { return static_cast<float*>(data()); }

  double operator[](size_t i) const {
    uint32_t bits = 0;
    // bfloat16 is the upper half of a float32
    std::memcpy(reinterpret_cast<unsigned char*>(&bits) + (4 - size_),
                bytes_.data() + (kGuard + i) * size_, size_);
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }
  // As the dtype holds it.
  void set(size_t i, double value) {
    const auto nearest = static_cast<float>(rounded_to(bf16(), value));
    std::memcpy(at(i), reinterpret_cast<const unsigned char*>(&nearest) + (4 - size_), size_);
  }
  slow::Row values() const {
    slow::Row out(count_);
    for (size_t i = 0; i < count_; ++i) out[i] = (*this)[i];
    return out;
  }

 private:
  static constexpr size_t kGuard = 67;  // elements; odd, so that data begins between two vectors
  static constexpr unsigned char kMark = 0xA5;

  size_t size_;
  size_t count_;
  std::vector<unsigned char> bytes_;
};

// float32 sums of a few hundred terms leave about 1e-6 of the largest value. A bfloat16 result is
// rounded once more: half a unit of its last place, at most 2^-8 of the value.
constexpr double kSumError = 4e-6;

inline void expect_close(const Elements& got, const slow::Row& expected,
                         double tolerance = kSumError) {
  ASSERT_EQ(got.size(), expected.size());
  double largest = 1e-30;
  for (const double e : expected) largest = std::max(largest, std::abs(e));
  for (size_t i = 0; i < got.size(); ++i) {
    const double bound = tolerance * largest + (got.bf16() ? std::abs(expected[i]) / 256 : 0);
    ASSERT_NEAR(got[i], expected[i], bound) << "element " << i << " of " << got.size();
  }
}

}  // namespace lehr::lm
