// Characters, words and lines of valid UTF-8 text, cut as Python cuts a str: whitespace is what
// str.split knows, line ends are those of str.splitlines. Filter rules are defined by these.
// words.h finds words by Unicode's word boundaries too.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "text/character.h"

namespace lehr::text {

// Takes the first character off `text`, which must not be empty.
char32_t take_code_point(std::string_view& text);
std::size_t count_code_points(std::string_view text);

inline bool is_space(char32_t c) { return character(c).is(Character::kSpace); }
// Unicode letters: Lu, Ll, Lt, Lm, Lo.
inline bool is_alphabetic(char32_t c) { return character(c).is(Character::kAlphabetic); }
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);

// text.split(): runs of anything but whitespace. Replaces what `words` held.
void split_words(std::string_view text, std::vector<std::string_view>& words);
// text.splitlines(): ends at \n \r \r\n \v \f \x1c-\x1e \x85 U+2028 U+2029; a line end at the end
// of the text begins no further line.
void split_lines(std::string_view text, std::vector<std::string_view>& lines);

}  // namespace lehr::text
