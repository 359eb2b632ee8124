#include "word_list.h"

#include <lehr/value.h>

#include "text/line_blocks.h"
#include "text/utf8_repair.h"
#include "text/words_and_lines.h"

namespace lehr::plugins::filter {

void for_each_line(const std::string& path,
                   const std::function<void(std::string_view, std::uint64_t)>& take) {
  text::LineBlocks blocks({path});
  for (text::LineBlock block; blocks.next(block);) {
    std::uint64_t number = block.first_line;
    std::string_view rest = block.bytes();
    for (std::string_view line; text::take_line(rest, line); ++number) {
      if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
      if (!text::is_valid_utf8(line))
        throw Error(path + ":" + std::to_string(number) + ": the line is not valid UTF-8");
      line = text::strip_right(text::strip_left(line));
      if (!line.empty()) take(line, number);
    }
  }
}

std::vector<std::string> read_word_list(const std::string& path) {
  std::vector<std::string> words;
  for_each_line(path, [&](std::string_view line, std::uint64_t) { words.emplace_back(line); });
  return words;
}

}  // namespace lehr::plugins::filter
