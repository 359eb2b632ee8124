#include "evaluate_stage.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <set>

#include "judgement.h"
#include "lm/devices.h"
#include "lm/runtime.h"
#include "lm/token_feed.h"
#include "stored_evaluation.h"
#include "text/token_shards.h"

namespace lehr::plugins::evaluate {
namespace {

constexpr std::int64_t kLeastRow = 2048;  // tokens; short documents are packed

// Bits per byte of held-out text; targets of 0 bytes, the special tokens, leave both sums.
double bits_per_byte(const lm::Model& model, const text::Tokenizer& tokenizer,
                     const lm::TokenFeed& feed, std::int64_t most_tokens) {
  const at::NoGradGuard no_gradients;
  double nats = 0, bytes = 0;
  feed.for_each_row(most_tokens, [&](const lm::PackedBatch& row) {
    const at::Tensor nll =
        lm::linear_cross_entropy(model.forward_hidden(row), model.head(), row.loss_entries)
            .nll.contiguous();
    for (std::size_t i = 0; i < row.loss_entries.size(); ++i) {
      const double length =
          tokenizer.byte_lengths()[static_cast<std::size_t>(row.loss_entries[i].target)];
      if (length == 0) continue;
      bytes += length;
      nats += nll.const_data_ptr<float>()[i];
    }
  });
  return bytes > 0 ? nats / (std::numbers::ln2 * bytes) : 0;
}

// Where both say what their tokenizer is.
bool are_of_different_tokenizers(const Input& a, const Input& b) {
  const auto tokenizer = [](const Input& input) {
    const auto facets = nlohmann::json::parse(input.facets, nullptr, false);
    return facets.is_object() ? facets.value("tokenizer", "") : "";
  };
  return !tokenizer(a).empty() && !tokenizer(b).empty() && tokenizer(a) != tokenizer(b);
}

// What evaluations have of these models, by digest.
std::map<std::string, Examined> known_answers(Context& context, std::span<const text::Probe> probes,
                                              std::span<const Input> models) {
  std::set<std::string> wanted;
  for (const Input& model : models) wanted.insert(model.digest);
  std::map<std::string, Examined> out;
  for (const Input& evaluation : context.inputs("evaluations")) {
    std::map<std::string, Examined> found = read_evaluation(evaluation, probes, wanted);
    if (found.empty()) context.warning("'" + evaluation.label + "' evaluated none of the models");
    out.merge(found);
  }
  return out;
}

}  // namespace

void EvaluateStage::describe(Description& d) {
  d.summary("puts every model through the same probes and shows them side by side");
  d.determinism(Determinism::machine).devices(lm::devices());
  d.input("models", "model").list().help("in the order of the table");
  d.input("probes", "probes")
      .self("P")
      .help("questions with checkable answers, unknowable ones, texts to complete");
  d.input("tokens", "tokens")
      .optional()
      .self("H")
      .help("held-out part: bits per byte, for models of its tokenizer");
  d.input("judge", "reward_model")
      .optional()
      .help("scores the answers to questions, and says which of two it prefers");
  const auto of_this_kind = [](Port& port) -> Port& {
    port.facet("probes", "P").facet("tokens", "H");
    for (const char* name :
         {"max_new_tokens", "max_words", "refusals", "pushback", "held_out_tokens", "precision"})
      port.facet(name, std::string("$") + name);
    return port;
  };
  of_this_kind(d.input("evaluations", "evaluation"))
      .list()
      .optional()
      .help("earlier ones: models that they have are not asked again");
  of_this_kind(d.output("evaluation", "evaluation"))
      .help("table.txt, evaluation.json, samples.jsonl");
  d.integer("max_new_tokens", options_.max_new_tokens).range(1, 100000).help("of one answer");
  d.integer("max_words", max_words_)
      .range(1, 100000)
      .help("longest answer that counts as in format");
  d.list("refusals", options_.refusals, "string")
      .help("how an answer begins that says it does not know");
  d.text("pushback", options_.pushback)
      .help(
          "what the user says to right answers before asking the same again, as \"I think that is"
          " wrong.\": how many stay right; null: nothing");
  d.integer("batch", options_.batch).range(1, 4096).no_effect().help("answers decoded together");
  d.integer("samples", samples_)
      .range(0, 1000)
      .help("of each kind of probe, shown under the table");
  d.count("held_out_tokens", held_out_tokens_).at_least(1).help("of the tokens input, at most");
  d.text("against", against_)
      .help(
          "name of one of the models, beside which the others are held: where just one of both is"
          " right, what is kept of what it had right, whom the judge prefers; null: no comparison");
  d.choice("precision", precision_, {"auto", "fp32", "bf16"})
      .help("auto: bf16 where the processor has it");
}

void EvaluateStage::check_inputs(const std::vector<Input>& inputs) {
  std::set<std::string> labels;
  for (const Input& input : inputs)
    if (input.port == "models" && !labels.insert(input.label).second)
      throw Error("models: two of them are named '" + input.label +
                  "', after the stage that makes both. Evaluate them in a stage each");
  if (!against_ || labels.empty() || labels.contains(*against_)) return;
  std::string names;
  for (const std::string& label : labels) names += (names.empty() ? "" : ", ") + label;
  throw Error("against: '" + *against_ + "' is none of the models, which are " + names);
}

void EvaluateStage::run(Context& context) {
  lm::start_runtime(context);
  options_.max_words = static_cast<std::size_t>(max_words_);
  const std::vector<text::Probe> probes = text::read_probes(context.input("probes").path);
  if (probes.empty())
    throw Error(context.input("probes").path.string() + ": there is no probe in it");
  const std::vector<Input> inputs = context.inputs("models");
  if (inputs.empty()) throw Error("no model is connected to 'models'");

  std::optional<Input> tokens;
  if (context.has_input("tokens")) tokens = context.input("tokens");
  if (tokens && lm::longest_document(text::TokenShards(tokens->path, "eval")) == 0) {
    context.warning("no bits per byte, for the tokens have no held-out part");
    tokens.reset();
  }
  const std::map<std::string, Examined> known = known_answers(context, probes, inputs);
  const auto is_new = [&](const Input& input) { return !known.contains(input.digest); };
  const std::size_t questions =
      probes.size() * static_cast<std::size_t>(std::ranges::count_if(inputs, is_new));

  std::vector<Examined> models;
  std::size_t asked = 0;
  for (const Input& input : inputs) {
    Examined& examined = models.emplace_back();
    if (!is_new(input)) examined = known.at(input.digest);
    examined.label = input.label;
    examined.digest = input.digest;
    const bool foreign = tokens && are_of_different_tokenizers(*tokens, input);
    if (foreign)
      context.warning(input.label + ": no bits per byte, for the tokens are another tokenizer's");
    if (!tokens || foreign) examined.bits_per_byte.reset();
    const bool measured = !tokens || foreign || examined.bits_per_byte;
    if (!is_new(input) && measured) continue;

    const text::Tokenizer tokenizer = text::Tokenizer::load(input.path);
    const lm::Model model = lm::Model::load(input.path, lm::parse_precision(precision_));
    const std::int64_t context_length = model.config().max_position_embeddings;
    if (is_new(input)) {
      if (options_.max_new_tokens > context_length)
        context.warning(input.label +
                        ": max_new_tokens: " + std::to_string(options_.max_new_tokens) +
                        " is above the model's context: a question and its answer end at " +
                        std::to_string(context_length) + " tokens");
      const auto done = [&](std::size_t n) {
        if (context.cancelled()) throw Cancelled();
        context.progress(asked + n, questions, "answers", input.label);
      };
      examined.outcomes = examine(model, tokenizer, probes, options_, done);
      examined.scores = score(probes, examined.outcomes);
      asked += probes.size();
    }
    if (!measured) {
      const text::TokenShards shards(tokens->path, "eval");
      // Rows as long as the longest segment, so that each token is predicted from all that the
      // model can see of its document.
      const std::int64_t row = std::max(
          kLeastRow, std::min({context_length, lm::longest_document(shards), held_out_tokens_}));
      examined.bits_per_byte = bits_per_byte(
          model, tokenizer, lm::TokenFeed(shards, {.row_tokens = row, .context = context_length}),
          held_out_tokens_);
    }
  }
  if (context.has_input("judge"))
    judge_answers(context.input("judge").path, lm::parse_precision(precision_), probes, models,
                  [&](const Examined& model) {
                    if (context.cancelled()) throw Cancelled();
                    context.info("the judge reads the answers of " + model.label);
                  });
  const auto other = std::ranges::find_if(
      models, [&](const Examined& model) { return against_ && model.label == *against_; });
  const Examined* against = other == models.end() ? nullptr : &*other;
  for (const Examined& model : models)
    for (const auto& [name, value] : numbers(model, against))
      context.result(name + "@" + model.label, value);
  write_evaluation(context.output("evaluation"), models, against, probes,
                   static_cast<std::size_t>(samples_));
}

}  // namespace lehr::plugins::evaluate
