// A number in [0, 1) that a text and a seed decide: the same draw wherever and whenever the
// document comes up.
#pragma once

#include <cstdint>
#include <string_view>

namespace lehr::plugins::filter {

double chance(std::string_view text, std::int64_t seed);

}  // namespace lehr::plugins::filter
