#include "examination.h"

#include <ATen/core/grad_mode.h>

#include <lehr/value.h>

#include <algorithm>

#include "lm/answer_text.h"
#include "lm/generator.h"
#include "lm/operators.h"
#include "lm/packer.h"
#include "text/answer_match.h"
#include "text/chat.h"
#include "text/utf8_repair.h"
#include "verdict.h"

namespace lehr::plugins::evaluate {
namespace {

std::vector<std::int32_t> as_ids(const std::vector<text::TokenId>& ids) {
  return {ids.begin(), ids.end()};
}

// Neither a prompt nor a choice behind it may leave the context.
void check_room(const text::Probe& probe, std::size_t tokens, const lm::Model& model) {
  const auto context = static_cast<std::size_t>(model.config().max_position_embeddings);
  if (tokens > context)
    throw Error("probe '" + probe.id + "': " + std::to_string(tokens) +
                " tokens with an answer, the model's context has " + std::to_string(context) +
                "; shorten the probe or leave it out");
}

}  // namespace

std::vector<double> choice_logprobs(const lm::Model& model, const std::vector<std::int32_t>& prompt,
                                    const std::vector<std::vector<std::int32_t>>& choices) {
  lm::Sequence sequence{{prompt, {}}, {}};
  for (const auto& choice : choices)
    sequence.branches.push_back({choice, std::vector<float>(choice.size(), 1.0f)});
  lm::Packed row;
  append(row, sequence, 0);
  const at::NoGradGuard no_gradients;
  const at::Tensor logprobs =
      lm::token_logprobs(model.forward_hidden(row.batch), model.head(), row.batch.loss_entries)
          .logprobs.contiguous();
  std::vector<double> sums(choices.size()), out(choices.size());
  for (std::size_t i = 0; i < row.batch.loss_entries.size(); ++i) {
    const auto& owner = row.owners[static_cast<std::size_t>(row.batch.loss_entries[i].segment)];
    sums[static_cast<std::size_t>(owner.branch)] += logprobs.const_data_ptr<float>()[i];
  }
  for (std::size_t c = 0; c < choices.size(); ++c)
    out[c] = sums[c] / static_cast<double>(choices[c].size());
  return out;
}

namespace {

lm::GenerationOptions greedy(const text::Tokenizer& tokenizer, const ExaminationOptions& options) {
  lm::GenerationOptions generation;
  generation.sampling.temperature = 0;
  generation.max_new_tokens = options.max_new_tokens;
  generation.batch = options.batch;
  generation.stop_tokens = {static_cast<std::int32_t>(tokenizer.end_of_text())};
  if (const auto end = tokenizer.im_end())
    generation.stop_tokens.push_back(static_cast<std::int32_t>(*end));
  return generation;
}

// Tokens without the one that ends the turn.
std::span<const std::int32_t> said(const lm::Generation& answer) {
  return std::span(answer.tokens).first(answer.tokens.size() - (answer.stopped ? 1 : 0));
}

// Asks what was answered rightly once more, after the pushback.
void doubt(const lm::Model& model, const text::Tokenizer& tokenizer,
           std::span<const text::Probe> probes, const ExaminationOptions& options,
           const std::function<void(std::size_t)>& done, std::vector<Outcome>& outcomes) {
  text::Tokenizer::Cache cache;
  std::vector<std::size_t> doubted;
  std::vector<lm::GenerationRequest> requests;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (probes[i].kind != "answer" || !outcomes[i].right) continue;
    text::Messages messages = probes[i].prompt;
    const std::string question = messages.back().content;
    messages.push_back({"assistant", outcomes[i].answer});
    messages.push_back({"user", *options.pushback + " " + question});
    const auto ids = text::render_prompt(tokenizer, messages, cache);
    check_room(probes[i], ids.size() + 1, model);
    requests.push_back({as_ids(ids), requests.size()});
    doubted.push_back(i);
  }
  const auto answers = lm::generate(model, requests, greedy(tokenizer, options),
                                    {.finished = [&](std::size_t) { done(probes.size()); }});
  for (std::size_t k = 0; k < doubted.size(); ++k)
    outcomes[doubted[k]].steady =
        text::is_exact(lm::answer_text(tokenizer, said(answers[k])), probes[doubted[k]].answers);
}

}  // namespace

std::vector<Outcome> examine(const lm::Model& model, const text::Tokenizer& tokenizer,
                             std::span<const text::Probe> probes, const ExaminationOptions& options,
                             const std::function<void(std::size_t)>& done) {
  text::Tokenizer::Cache cache;
  std::vector<lm::GenerationRequest> requests;
  for (const text::Probe& probe : probes) {
    std::vector<text::TokenId> ids;
    if (probe.kind == "next")
      tokenizer.encode(probe.text, ids, cache);
    else
      ids = text::render_prompt(tokenizer, probe.prompt, cache);
    check_room(probe, ids.size() + 1, model);
    requests.push_back({as_ids(ids), requests.size()});
  }
  std::size_t finished = 0;
  const auto answers = lm::generate(model, requests, greedy(tokenizer, options),
                                    {.finished = [&](std::size_t) { done(++finished); }});

  std::vector<Outcome> outcomes(probes.size());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const text::Probe& probe = probes[i];
    Outcome& out = outcomes[i];
    out.ended = answers[i].stopped;
    out.tokens = std::ssize(said(answers[i]));
    out.answer = lm::answer_text(tokenizer, said(answers[i]));
    const bool next = probe.kind == "next";
    out.refused = !next && text::is_refusal(out.answer, options.refusals);
    out.in_format = !next && out.ended && is_short(out.answer, options.max_words);
    if (next)
      out.right = text::begins_with(out.answer, probe.answers);
    else
      out.right =
          probe.kind == "unknowable" ? out.refused : text::is_exact(out.answer, probe.answers);
    out.answer = text::replace_invalid_utf8(out.answer);

    const std::vector<std::string>& choices = probe.choices;
    if (choices.empty()) continue;
    std::vector<std::vector<std::int32_t>> encoded;
    for (const auto& choice : choices)
      encoded.push_back(next ? as_ids(tokenizer.encode(" " + choice))
                             : as_ids(text::render_answer(tokenizer, choice, cache)));
    for (const auto& ids : encoded)
      check_room(probe, requests[i].prompt.size() + ids.size(), model);
    const std::vector<double> likely = choice_logprobs(model, requests[i].prompt, encoded);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(likely) - likely.begin());
    out.has_choices = true;
    out.picked = text::is_exact(choices[best], probe.answers);
  }
  if (options.pushback) doubt(model, tokenizer, probes, options, done, outcomes);
  return outcomes;
}

Scores score(std::span<const text::Probe> probes, std::span<const Outcome> outcomes) {
  Scores s;
  double picked = 0, format = 0, good = 0, tokens = 0;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const Outcome& out = outcomes[i];
    s.with_choices += out.has_choices;
    picked += out.picked;
    if (probes[i].kind == "next") {
      s.next += 1;
      s.completion += out.right;
      continue;
    }
    const bool knowable = probes[i].kind == "answer";
    (knowable ? s.answers : s.unknowable) += 1;
    (knowable ? s.accuracy : s.refusal) += out.right;
    s.over_refusal += knowable && out.refused;
    s.doubted += out.steady.has_value();
    s.steady += out.steady.value_or(false);
    format += out.in_format;
    good += out.right && out.in_format;
    tokens += static_cast<double>(out.tokens);
  }
  const auto share = [](double sum, double n) { return n > 0 ? sum / n : 0.0; };
  const double asked = s.answers + s.unknowable;
  s.accuracy = share(s.accuracy, s.answers);
  s.over_refusal = share(s.over_refusal, s.answers);
  s.refusal = share(s.refusal, s.unknowable);
  s.completion = share(s.completion, s.next);
  s.choice = share(picked, s.with_choices);
  s.steady = share(s.steady, s.doubted);
  s.format = share(format, asked);
  s.good = share(good, asked);
  s.length = share(tokens, asked);
  return s;
}

}  // namespace lehr::plugins::evaluate
