// How large many things are: counts by size, exact below 32 and within 6 % above, in 8 KiB however
// many there are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lehr::data {

class Distribution {
 public:
  void add(std::uint64_t value);
  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::uint64_t largest() const { return largest_; }
  double mean() const;
  // The value that a share of `q` does not exceed; 0 if there are none.
  std::uint64_t quantile(double q) const;

  struct Bar {
    std::uint64_t low, high;  // values from low to high
    std::uint64_t count;
  };
  // Half octaves from the smallest to the largest value; empty if there are none.
  std::vector<Bar> bars() const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0, sum_ = 0, largest_ = 0;
};

}  // namespace lehr::data
