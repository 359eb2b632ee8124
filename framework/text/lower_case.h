// Lower case of any script, as Python's str.lower gives it: one character for one, except İ, which
// becomes two, and Σ, which becomes ς at the end of a word and σ elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace lehr::text {

// text: valid UTF-8. Replaces what `out` held.
void lower_case(std::string_view text, std::string& out);

// Appends c, below 0x110000, as UTF-8.
void append_code_point(std::string& out, char32_t c);

}  // namespace lehr::text
