#include "runtime/run/human_text.h"

#include <cmath>
#include <cstdio>

namespace lehr::runtime {
namespace {

template <class... T>
std::string format(const char* pattern, T... values) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, values...);
  return buffer;
}

}  // namespace

std::string count_text(double count) {
  static const char* units[] = {"", "k", "M", "B", "T"};
  int unit = 0;
  while (std::fabs(count) >= 999.5 && unit < 4) {
    count /= 1000;
    ++unit;
  }
  return format("%.3g", count) + units[unit];
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds < 5e-5) return "0s";
  if (seconds < 0.00995) return format("%.1fms", 1000 * seconds);
  if (seconds < 0.9995) return format("%.0fms", 1000 * seconds);
  if (seconds < 9.95) return format("%.1fs", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60) return format("%llds", whole);
  if (whole < 3600) return format("%lldm%02llds", whole / 60, whole % 60);
  return format("%lldh%02lldm", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(std::uint64_t bytes) {
  static const char* units[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double size = static_cast<double>(bytes) / 1024;
  int unit = 0;
  while (size >= 1024 && unit < 3) {
    size /= 1024;
    ++unit;
  }
  return format("%.1f ", size) + units[unit];
}

std::string number_text(double value) {
  if (std::isfinite(value) && value == std::floor(value) && std::fabs(value) < 1e7)
    return std::to_string(static_cast<int>(value));
  return format("%.4g", value);
}

}  // namespace lehr::runtime
