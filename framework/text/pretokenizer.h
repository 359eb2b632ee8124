// Cuts text into pre-tokens, the pieces inside which BPE merges: what the regular expressions of
// well-known tokenizers do, scanned by hand (no regex engine on the hot path): ASCII in windows of
// 64 bytes whose masks give every cut at once, other characters one by one.
//
// Every byte belongs to exactly one pre-token. A byte that is not part of valid UTF-8 counts as one
// character that is neither letter, number nor space. \p{...} follow the Unicode version of the
// installed utf8proc.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_classes.h"
#include "text/regex_cutter.h"

namespace lehr::text {

// llama3 and cl100k are the same expression; qwen2 takes digits one at a time, and so does smollm,
// which cuts as gpt2 between them. cl100k_tiktoken is what tiktoken itself has cut by since 0.6:
// the white space that ends a text is one piece.
enum class Pattern { gpt2, cl100k, o200k, llama3, qwen2, cl100k_tiktoken, smollm };

inline constexpr std::array kPatterns = {Pattern::gpt2,   Pattern::cl100k, Pattern::o200k,
                                         Pattern::llama3, Pattern::qwen2,  Pattern::cl100k_tiktoken,
                                         Pattern::smollm};

std::string_view pattern_name(Pattern pattern);
// The regular expression as tokenizer.json files write it; of smollm, where they have two steps,
// one that cuts the same.
std::string_view pattern_regex(Pattern pattern);
// Throws lehr::Error that lists the known names.
Pattern pattern_from_name(std::string_view name);
// Nothing if the expression is none of the known ones.
std::optional<Pattern> pattern_from_regex(std::string_view regex);

// How a tokenizer cuts text: one of the known patterns, or expressions of which each cuts the
// pieces that the one before it left. Cheap to copy.
class Pretokenizer {
 public:
  Pretokenizer(Pattern pattern) : pattern_(pattern) {}  // NOLINT(google-explicit-constructor)
  // Known ones are scanned by hand if they stand alone. Throws lehr::Error for what is no
  // expression, or none at all.
  explicit Pretokenizer(const std::vector<std::string>& expressions);
  // An expression if there is one, else the pattern of that name.
  static Pretokenizer of(std::string_view pattern_name,
                         const std::optional<std::string>& expression);

  // Nothing if it takes a regex engine.
  std::optional<Pattern> pattern() const;
  std::vector<std::string> expressions() const;
  // Of the pattern; else the first expression.
  std::string name() const;

 private:
  friend class PretokenCutter;
  Pattern pattern_ = Pattern::gpt2;
  std::shared_ptr<const std::vector<RegexCutter>> steps_;  // null: the pattern
};

// Cuts one text, some pre-tokens at a time.
class PretokenCutter {
 public:
  // simd: what to cut ASCII with; the result does not depend on it.
  PretokenCutter(const Pretokenizer& pretokenizer, std::string_view text, Simd simd = best_simd());
  // Where the next pre-tokens end, ascending, valid until the next call; none at the end of the
  // text. At most kMost.
  std::span<const std::size_t> next();

  static constexpr std::size_t kMost = 128;

 private:
  static constexpr std::size_t kWindow = 64, kEnough = kMost - kWindow;
  template <Pattern P>
  void fill();
  void cut_by_regex(const std::vector<RegexCutter>& steps);

  Pattern pattern_;
  std::string_view text_;
  Classify classify_;
  std::size_t at_ = 0, count_ = 0;
  std::size_t ends_[kMost];
  bool by_regex_ = false;
  std::vector<std::size_t> all_ends_;  // by_regex_: of the whole text
};

// Calls each(std::string_view) for every pre-token, in order.
template <class Each>
void for_each_pretoken(const Pretokenizer& pretokenizer, std::string_view text, Each each) {
  PretokenCutter cutter(pretokenizer, text);
  std::size_t begin = 0;
  for (auto ends = cutter.next(); !ends.empty(); ends = cutter.next())
    for (const std::size_t end : ends) {
      each(text.substr(begin, end - begin));
      begin = end;
    }
}

}  // namespace lehr::text
