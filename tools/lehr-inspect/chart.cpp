#include "chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/utf8_repair.h"
#include "text/visible_text.h"

namespace lehr::inspect {

std::string cell(std::string_view text, std::size_t columns) {
  const std::size_t width = text::column_width(text);
  if (width <= columns) return std::string(text) + std::string(columns - width, ' ');
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, text::utf8_head(text).size);
    const std::size_t more = text::column_width(character);
    if (used + more + 1 > columns) break;
    out += character;
    used += more;
    text.remove_prefix(character.size());
  }
  return out + "…" + std::string(columns - used - 1, ' ');
}

std::string percent(double share) {
  char out[16];
  if (share < 0.0001)
    std::snprintf(out, sizeof out, "%s", "<0.01 %");
  else
    std::snprintf(out, sizeof out, share < 0.0995 ? "%5.2f %%" : "%5.1f %%", 100 * share);
  return out;
}

std::string bar(double share, std::size_t columns) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  auto eighths =
      static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * 8 * double(columns)));
  if (share > 0) eighths = std::max<std::size_t>(eighths, 1);
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  return out + kEighths[eighths % 8];
}

std::string painted(std::string_view text, const char* sequence, bool color) {
  if (!color || *sequence == '\0') return std::string(text);
  return sequence + std::string(text) + "\033[0m";
}

const char* color_of(double share) {
  return share >= 0.5 ? kGreen : share >= 0.05 ? "" : share >= 0.001 ? kYellow : kRed;
}

}  // namespace lehr::inspect
