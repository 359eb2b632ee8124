#include "questions.h"

#include <lehr/description.h>

#include <algorithm>

#include "lm/random.h"
#include "text/chat.h"
#include "text/chat_rows.h"

namespace lehr::plugins::ppo {

namespace {

std::string messages_json(const text::Messages& messages) {
  std::string json = "[";
  for (const text::Message& message : messages) {
    json += json.size() > 1 ? ",{\"role\":" : "{\"role\":";
    json += json_string(message.role) + ",\"content\":" + json_string(message.content) + "}";
  }
  return json + "]";
}

}  // namespace

std::int64_t longest_prompt(std::int64_t context_length, std::int64_t max_new_tokens) {
  return context_length - std::min(max_new_tokens, context_length / 2);
}

Questions read_questions(const std::filesystem::path& prompts, const char* split,
                         const text::Tokenizer& tokenizer, std::int64_t max_length,
                         const std::function<void()>& ask) {
  Questions questions;
  text::Tokenizer::Cache cache;
  text::RowReader<text::Prompt> reader(text::data_files(prompts, split));
  for (text::Prompt row; reader.next(row);) {
    if (ask) ask();
    const auto ids = text::render_prompt(tokenizer, row.prompt, cache);
    if (static_cast<std::int64_t>(ids.size()) > max_length) {
      ++questions.too_long;
      continue;
    }
    questions.list.push_back(
        {{ids.begin(), ids.end()}, messages_json(row.prompt), row.reference.value_or("")});
  }
  return questions;
}

std::size_t QuestionOrder::at(std::uint64_t n) {
  const std::uint64_t pass = n / questions_;
  if (order_.empty() || pass != pass_)
    order_ = lm::Random(seed_, lm::Purpose::kDataOrder, pass_ = pass).permutation(questions_);
  return static_cast<std::size_t>(order_[n % questions_]);
}

}  // namespace lehr::plugins::ppo
