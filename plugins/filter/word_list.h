// Files of words, domains and the like: one a line.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::filter {

// Calls take(line, number) for the lines of a text file (plain, gzip or zstd) without whitespace
// around them; empty ones are left out, but counted. Throws Error if it cannot be read or is not
// UTF-8.
void for_each_line(const std::string& path,
                   const std::function<void(std::string_view, std::uint64_t)>& take);

// These lines.
std::vector<std::string> read_word_list(const std::string& path);

}  // namespace lehr::plugins::filter
