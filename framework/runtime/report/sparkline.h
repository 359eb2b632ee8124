// A curve in one line of a terminal: "█▆▄▃▂▂▁▁".
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lehr::runtime {

// At most `width` characters, each the mean of its share of the values; fewer values give fewer
// characters. `low` and `high` are the lowest and highest bar, so that two curves can share a
// scale. A part without a finite value is a blank.
std::string sparkline(std::span<const double> values, std::size_t width, double low, double high);

}  // namespace lehr::runtime
