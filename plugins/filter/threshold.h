// Thresholds of rules: one of 0 or null switches its rule off, comparisons are strict.
#pragma once

#include <cstddef>
#include <optional>

namespace lehr::plugins::filter {

template <class T>
bool is_on(const std::optional<T>& threshold) {
  return threshold && *threshold != 0;
}
template <class T>
bool above(T value, const std::optional<T>& threshold) {
  return is_on(threshold) && value > *threshold;
}
template <class T>
bool below(T value, const std::optional<T>& threshold) {
  return is_on(threshold) && value < *threshold;
}

// 0 of 0 is 0: a text without words has no share of anything.
inline double ratio(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace lehr::plugins::filter
