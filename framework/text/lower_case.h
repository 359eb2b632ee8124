// Lower case of any script, as Python's str.lower gives it: one character for one, except İ, which
// becomes two, and Σ, which becomes ς at the end of a word and σ elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace lehr::text {

// text: valid UTF-8. Replaces what `out` held.
void lower_case(std::string_view text, std::string& out);

// Whether the capital sigma at byte `at` ends a word (Unicode Core Specification 3.13).
bool is_final_sigma(std::string_view text, std::size_t at);

// Appends c, below 0x110000, as UTF-8.
void append_code_point(std::string& out, char32_t c);

}  // namespace lehr::text
