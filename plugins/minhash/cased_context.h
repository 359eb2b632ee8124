// Where a capital sigma ends a word, which decides whether its lower case is σ or ς: Unicode's
// Final_Sigma (Core Specification 3.13), as Python's str.lower applies it.
#pragma once

#include <cstddef>
#include <string_view>

namespace lehr::plugins::minhash {

// The sigma stands at byte `at` of `text`.
bool is_final_sigma(std::string_view text, std::size_t at);

}  // namespace lehr::plugins::minhash
