// Files of words, domains and the like: one a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::filter {

// The lines of a text file (plain, gzip or zstd) without whitespace around them; empty ones are
// left out. Throws Error if it cannot be read or is not UTF-8.
std::vector<std::string> read_word_list(const std::string& path);

}  // namespace lehr::plugins::filter
