// Cuts text into pre-tokens, the pieces inside which BPE merges: what the regular expressions of
// well-known tokenizers do, scanned by hand (no regex engine on the hot path).
//
// Every byte belongs to exactly one pre-token. A byte that is not part of valid UTF-8 counts as one
// character that is neither letter, number nor space. \p{...} follow the Unicode version of the
// installed utf8proc.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace lehr::text {

// llama3 and cl100k are the same expression; qwen2 takes digits one at a time.
enum class Pattern { gpt2, cl100k, o200k, llama3, qwen2 };

inline constexpr std::array kPatterns = {Pattern::gpt2, Pattern::cl100k, Pattern::o200k,
                                         Pattern::llama3, Pattern::qwen2};

std::string_view pattern_name(Pattern pattern);
// The regular expression as tokenizer.json files write it.
std::string_view pattern_regex(Pattern pattern);
// Throws lehr::Error that lists the known names.
Pattern pattern_from_name(std::string_view name);
// Nothing if the expression is none of the known ones.
std::optional<Pattern> pattern_from_regex(std::string_view regex);

// End of the pre-token that starts at byte `at` < text.size(). Linear in the pre-token's length,
// but for the white space before a word, which may be read twice.
std::size_t pretoken_end(Pattern pattern, std::string_view text, std::size_t at);

// Calls each(std::string_view) for every pre-token, in order.
template <class Each>
void for_each_pretoken(Pattern pattern, std::string_view text, Each each) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = pretoken_end(pattern, text, at);
    each(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace lehr::text
