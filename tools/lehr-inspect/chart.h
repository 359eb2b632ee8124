// Cells and bars of a chart in a terminal, by the columns that characters take there.
#pragma once

#include <string>
#include <string_view>

namespace lehr::inspect {

// `text` (valid UTF-8, no colours) filled up with spaces, or cut with "…", to so many columns.
std::string cell(std::string_view text, std::size_t columns);

// "91.3 %", "0.04 %", "<0.01 %"; 7 columns wide, right aligned.
std::string percent(double share);

// A bar of eighths: share of `columns`; at least a sliver for anything above 0.
std::string bar(double share, std::size_t columns);

// Between an ANSI sequence and its reset; as it is without colour.
std::string painted(std::string_view text, const char* sequence, bool color);
inline constexpr const char *kDim = "\033[2m", *kBold = "\033[1m", *kGreen = "\033[32m",
                            *kYellow = "\033[33m", *kRed = "\033[31m";

// For a probability: likely green, unlikely yellow, what surprises red; "" in between.
const char* color_of(double share);

}  // namespace lehr::inspect
