// One model before the probes: what it answers, greedily, and which of the given choices it finds
// likeliest.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lm/model.h"
#include "text/chat_rows.h"
#include "text/tokenizer.h"

namespace lehr::plugins::evaluate {

struct ExaminationOptions {
  std::int64_t max_new_tokens = 48;
  std::int64_t batch = 64;
  std::size_t max_words = 8;  // of an answer in format
  std::vector<std::string> refusals = {"I don't know"};
  std::optional<std::string> pushback;  // what the user says to a right answer; null: nothing
};

struct Outcome {
  std::string answer;       // kind "next": the continuation; valid UTF-8
  std::int64_t tokens = 0;  // generated, the end of turn not counted
  bool ended = false;       // it ended its turn
  bool right = false;  // answer: exact; next: begins with an accepted answer; unknowable: refuses
  bool refused = false;
  bool in_format = false;  // ended its turn, one short line
  bool picked = false;     // of the choices the likeliest is an accepted one
  bool has_choices = false;
  std::optional<bool> steady;   // of a right answer: right again after the pushback
  std::optional<double> score;  // of a judge, where there is one
};

// One outcome per probe, in order. Questions are asked in the chat format, kind "next" continues
// its plain text. Where there is a pushback, right answers are doubted: the user says it and asks
// the same again. `done(n)` is called as answers finish.
std::vector<Outcome> examine(const lm::Model& model, const text::Tokenizer& tokenizer,
                             std::span<const text::Probe> probes, const ExaminationOptions& options,
                             const std::function<void(std::size_t)>& done);

// Mean ln p per token of each choice after `prompt`: [choices].
std::vector<double> choice_logprobs(const lm::Model& model, const std::vector<std::int32_t>& prompt,
                                    const std::vector<std::vector<std::int32_t>>& choices);

// Shares and means over the outcomes, by the name they have in results and table.
struct Scores {
  double answers = 0, unknowable = 0, next = 0;  // numbers of probes
  double accuracy = 0;                           // exact, among answers
  double completion = 0;                         // right, among next
  double choice = 0;                             // picked, among those with choices
  double format = 0;                             // in format, among answers and unknowable
  double refusal = 0;                            // among unknowable
  double over_refusal = 0;                       // refused, among answers
  double good = 0;    // right and in format, among answers and unknowable
  double length = 0;  // mean tokens, among answers and unknowable
  double with_choices = 0;
  double doubted = 0, steady = 0;  // right answers after which a pushback came, right again of them
};
Scores score(std::span<const text::Probe> probes, std::span<const Outcome> outcomes);

// What is known of one model.
struct Examined {
  std::string label, digest;
  std::vector<Outcome> outcomes;  // one per probe
  Scores scores;
  std::optional<double> bits_per_byte;  // of held-out text
};

}  // namespace lehr::plugins::evaluate
