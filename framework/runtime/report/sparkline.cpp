#include "runtime/report/sparkline.h"

#include <algorithm>
#include <cmath>

namespace lehr::runtime {

std::string sparkline(std::span<const double> values, std::size_t width, double low, double high) {
  static const char* bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t columns = std::min(width, values.size());
  std::string out;
  for (std::size_t column = 0; column < columns; ++column) {
    const std::size_t begin = column * values.size() / columns,
                      end = (column + 1) * values.size() / columns;
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = begin; i < end; ++i)
      if (std::isfinite(values[i])) sum += values[i], ++count;
    if (count == 0) {
      out += ' ';
      continue;
    }
    const double share = high > low ? (sum / static_cast<double>(count) - low) / (high - low) : 0;
    out += bars[static_cast<int>(std::clamp(share * 8, 0.0, 7.0))];
  }
  return out;
}

}  // namespace lehr::runtime
