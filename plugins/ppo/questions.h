// The prompts as the stage asks them: read, rendered, and the order in which samples take them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace lehr::plugins::ppo {

struct Question {
  std::vector<std::int32_t> ids;  // rendered, with the head of the assistant's turn
  std::string messages;           // JSON, for plugin rewards
  std::string reference;
};

struct Questions {
  std::vector<Question> list;
  std::size_t too_long = 0;
};

// Longest prompt that leaves room for an answer: a whole one, at least half of the context.
std::int64_t longest_prompt(std::int64_t context_length, std::int64_t max_new_tokens);

// Those of a split ("train", "eval"); prompts of more than max_length tokens are left out and
// counted. `ask` is called before each row, and may throw to end the reading.
Questions read_questions(const std::filesystem::path& prompts, const char* split,
                         const text::Tokenizer& tokenizer, std::int64_t max_length,
                         const std::function<void()>& ask = {});

// Which question sample number n asks: all of them once per pass, each pass in an order of its own.
class QuestionOrder {
 public:
  QuestionOrder(std::uint64_t seed, std::size_t questions) : seed_(seed), questions_(questions) {}
  std::size_t at(std::uint64_t n);

 private:
  std::uint64_t seed_;
  std::size_t questions_;
  std::uint64_t pass_ = 0;
  std::vector<std::uint64_t> order_;
};

}  // namespace lehr::plugins::ppo
