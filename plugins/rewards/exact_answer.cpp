#include "exact_answer.h"

#include "text/answer_match.h"
#include "text/utf8_repair.h"

namespace lehr::plugins::rewards {

void ExactAnswer::describe(Description& d) {
  d.summary("1 for an answer that is the reference of its prompt, else 0");
  d.text("extract", extract_)
      .help(
          "regular expression (PCRE2): what its first group matches last is compared, of the "
          "answer and, where there is any, of the reference; an answer without scores 0");
  d.text("ignore", ignore_).help("characters that do not count, as \",$\" in amounts");
  d.list("refusals", refusals_, "string")
      .help(
          "how an answer begins that says it does not know; where the reference does, any is "
          "right");
  d.choice("without_reference", without_reference_, {"error", "zero"})
      .help("what a prompt without a reference is: a mistake, or one whose answers all score 0");
}

void ExactAnswer::check() {
  for (const std::string& phrase : refusals_)
    if (text::normalized_answer(phrase).empty())
      throw Error("refusals: every answer begins with \"" + phrase + "\"; write whole phrases");
  if (!extract_) return;
  pattern_.emplace("extract", *extract_, Pattern::Reach::part);
  if (pattern_->groups() == 0)
    throw Error(pattern_->shown() + " has no group: put what is the answer into ( )");
}

std::string ExactAnswer::counted(std::string_view text) const {
  if (ignore_.empty()) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, text::utf8_head(text).size);
    if (ignore_.find(character) == std::string::npos) out += character;
    text.remove_prefix(character.size());
  }
  return out;
}

double ExactAnswer::score(const Exchange& exchange) {
  const std::string completion = text::replace_invalid_utf8(exchange.completion);
  const std::string whole = text::replace_invalid_utf8(exchange.reference);
  std::string_view answer = completion, reference = whole;
  if (pattern_) reference = pattern_->last_group(whole).value_or(whole);
  const std::vector<std::string> accepted = {counted(reference)};
  if (text::normalized_answer(accepted[0]).empty()) {
    if (without_reference_ == "zero") return 0;
    throw Error("the prompt " + std::string(exchange.prompt) +
                " has no reference to compare its answers with; give its row a \"reference\", or "
                "set without_reference: zero");
  }
  if (text::is_refusal(whole, refusals_)) return text::is_refusal(completion, refusals_);
  if (pattern_) {
    const auto found = pattern_->last_group(completion);
    if (!found) return 0;
    answer = *found;
  }
  return text::is_exact(counted(answer), accepted);
}

}  // namespace lehr::plugins::rewards
