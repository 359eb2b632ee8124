#include "text/pretokenizer.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include <lehr/value.h>

#include "text/ascii_window.h"
#include "text/pattern_scanner.h"

namespace lehr::text {
namespace {

constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kCl100kRegex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kCl100kTiktokenRegex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200kRegex =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kSmollmRegex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+)";

}  // namespace

std::string_view pattern_name(Pattern pattern) {
  switch (pattern) {
    case Pattern::gpt2:
      return "gpt2";
    case Pattern::cl100k:
      return "cl100k";
    case Pattern::o200k:
      return "o200k";
    case Pattern::llama3:
      return "llama3";
    case Pattern::qwen2:
      return "qwen2";
    case Pattern::cl100k_tiktoken:
      return "cl100k_tiktoken";
    case Pattern::smollm:
      return "smollm";
  }
  throw Error("unknown pre-tokenizer pattern");
}

std::string_view pattern_regex(Pattern pattern) {
  switch (pattern) {
    case Pattern::gpt2:
      return kGpt2Regex;
    case Pattern::cl100k:
    case Pattern::llama3:
      return kCl100kRegex;
    case Pattern::o200k:
      return kO200kRegex;
    case Pattern::qwen2:
      return kQwen2Regex;
    case Pattern::cl100k_tiktoken:
      return kCl100kTiktokenRegex;
    case Pattern::smollm:
      return kSmollmRegex;
  }
  throw Error("unknown pre-tokenizer pattern");
}

Pattern pattern_from_name(std::string_view name) {
  std::string known;
  for (const Pattern p : kPatterns) {
    if (pattern_name(p) == name) return p;
    known += (known.empty() ? "" : ", ") + std::string(pattern_name(p));
  }
  throw Error("unknown pre-tokenizer pattern '" + std::string(name) + "'. Known: " + known);
}

std::optional<Pattern> pattern_from_regex(std::string_view regex) {
  for (const Pattern p : kPatterns)
    if (pattern_regex(p) == regex) return p;
  return std::nullopt;
}

Pretokenizer::Pretokenizer(const std::vector<std::string>& expressions) {
  if (expressions.empty()) throw Error("a pre-tokenizer needs an expression");
  if (expressions.size() == 1)
    if (const auto known = pattern_from_regex(expressions[0])) {
      pattern_ = *known;
      return;
    }
  if (expressions == std::vector<std::string>{std::string(kDigit), std::string(kGpt2Regex)}) {
    pattern_ = Pattern::smollm;
    return;
  }
  std::vector<RegexCutter> steps;
  for (const std::string& expression : expressions) steps.emplace_back(expression);
  steps_ = std::make_shared<const std::vector<RegexCutter>>(std::move(steps));
}

Pretokenizer Pretokenizer::of(std::string_view pattern_name,
                              const std::optional<std::string>& expression) {
  if (expression) return Pretokenizer(std::vector{*expression});
  return pattern_from_name(pattern_name);
}

std::optional<Pattern> Pretokenizer::pattern() const {
  return steps_ ? std::nullopt : std::optional(pattern_);
}

std::vector<std::string> Pretokenizer::expressions() const {
  if (!steps_ && pattern_ == Pattern::smollm) return {std::string(kDigit), std::string(kGpt2Regex)};
  if (!steps_) return {std::string(pattern_regex(pattern_))};
  std::vector<std::string> expressions;
  for (const RegexCutter& step : *steps_) expressions.push_back(step.expression());
  return expressions;
}

std::string Pretokenizer::name() const {
  return steps_ ? steps_->front().expression() : std::string(pattern_name(pattern_));
}

PretokenCutter::PretokenCutter(const Pretokenizer& pretokenizer, std::string_view text, Simd simd)
    : pattern_(pretokenizer.pattern_),
      text_(text),
      classify_(simd == Simd::none ? nullptr : classify_with(simd)) {
  if (pretokenizer.steps_) cut_by_regex(*pretokenizer.steps_);
}

void PretokenCutter::cut_by_regex(const std::vector<RegexCutter>& steps) {
  by_regex_ = true;
  if (!text_.empty()) all_ends_ = {text_.size()};
  for (const RegexCutter& step : steps) {
    const std::vector<std::size_t> pieces = std::exchange(all_ends_, {});
    std::size_t begin = 0;
    for (const std::size_t end : pieces) {
      step.cut(text_, begin, end, all_ends_);
      begin = end;
    }
  }
}

// Windows of ASCII at once, the rest by character. A window begins where a pre-token does, so the
// next one need not know of it.
template <Pattern P>
void PretokenCutter::fill() {
  const auto is_ascii = [&](std::size_t at) { return static_cast<signed char>(text_[at]) >= 0; };
  std::size_t slow_until = 0;  // a character beyond ASCII, or a long pre-token, is before it
  while (count_ < kEnough && at_ < text_.size()) {
    if (classify_ && at_ >= slow_until && text_.size() - at_ >= kWindow && is_ascii(at_) &&
        is_ascii(at_ + 1)) {
      const char* window = text_.data() + at_;
      const ByteClasses classes = classify_(window);
      const WindowStarts found = ascii_starts<P>(classes, window);
      const std::size_t base = at_;
      for (std::uint64_t ends = found.starts; ends != 0; ends &= ends - 1)
        ends_[count_++] = base + static_cast<std::size_t>(std::countr_zero(ends));
      if (found.starts != 0) at_ = ends_[count_ - 1];
      slow_until = found.ascii < kWindow ? base + found.ascii + 1 : at_ + (found.starts == 0);
      continue;
    }
    at_ = pretoken_end<P>(text_, at_);
    ends_[count_++] = at_;
  }
}

std::span<const std::size_t> PretokenCutter::next() {
  if (by_regex_) {
    const auto given = std::span<const std::size_t>(all_ends_).subspan(at_);
    at_ += std::min(kMost, given.size());
    return given.first(std::min(kMost, given.size()));
  }
  count_ = 0;
  switch (pattern_) {
    case Pattern::gpt2:
      fill<Pattern::gpt2>();
      break;
    case Pattern::cl100k:
    case Pattern::llama3:
      fill<Pattern::cl100k>();
      break;
    case Pattern::qwen2:
      fill<Pattern::qwen2>();
      break;
    case Pattern::o200k:
      fill<Pattern::o200k>();
      break;
    case Pattern::cl100k_tiktoken:
      fill<Pattern::cl100k_tiktoken>();
      break;
    case Pattern::smollm:
      fill<Pattern::smollm>();
      break;
  }
  return {ends_, count_};
}

}  // namespace lehr::text
