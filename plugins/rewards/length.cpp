#include "length.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "text/utf8_repair.h"
#include "text/words_and_lines.h"

namespace lehr::plugins::rewards {
namespace {

using Bound = std::optional<std::int64_t>;

double share(std::size_t length, Bound min, Bound max) {
  const auto n = static_cast<double>(length);
  const double low = static_cast<double>(min.value_or(0));
  if (n < low) return n / low;
  return max && n > static_cast<double>(*max) ? static_cast<double>(*max) / n : 1;
}

void check_order(const char* unit, Bound min, Bound max) {
  if (min && max && *min > *max)
    throw Error("min_" + std::string(unit) + " " + std::to_string(*min) + " is greater than max_" +
                unit + " " + std::to_string(*max));
}

}  // namespace

void Length::describe(Description& d) {
  d.summary("1 for an answer within its bounds, n / min or max / n for one of n words without");
  d.count("min_characters", min_characters_).at_least(1).help("code points");
  d.count("max_characters", max_characters_).at_least(1);
  d.count("min_words", min_words_).at_least(1).help("separated by whitespace");
  d.count("max_words", max_words_).at_least(1);
}

void Length::check() {
  if (!min_characters_ && !max_characters_ && !min_words_ && !max_words_)
    throw Error(
        "no length is preferred: set one of min_words, max_words, min_characters, "
        "max_characters");
  check_order("characters", min_characters_, max_characters_);
  check_order("words", min_words_, max_words_);
}

double Length::score(const Exchange& exchange) {
  const std::string text = text::replace_invalid_utf8(exchange.completion);
  std::vector<std::string_view> words;
  text::split_words(text, words);
  return std::min(share(words.size(), min_words_, max_words_),
                  share(text::count_code_points(text), min_characters_, max_characters_));
}

}  // namespace lehr::plugins::rewards
