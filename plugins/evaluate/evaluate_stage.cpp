#include "evaluate_stage.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

#include "lm/devices.h"
#include "lm/runtime.h"
#include "lm/token_feed.h"
#include "table.h"
#include "text/token_shards.h"
#include "verdict.h"

namespace lehr::plugins::evaluate {
namespace {

using Json = nlohmann::ordered_json;

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
    const Json facets = Json::parse(input.facets, nullptr, false);
    return facets.is_object() ? facets.value("tokenizer", "") : "";
  };
  return !tokenizer(a).empty() && !tokenizer(b).empty() && tokenizer(a) != tokenizer(b);
}

Json to_json(const Scores& s) {
  return {{"accuracy", s.accuracy},         {"format", s.format}, {"refusal", s.refusal},
          {"over_refusal", s.over_refusal}, {"good", s.good},     {"choice", s.choice},
          {"completion", s.completion},     {"length", s.length}};
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw Error(path.string() + ": could not be written");
}

Json sample(const text::Probe& probe, std::span<const Examined> models, std::size_t i) {
  Json row = {{"id", probe.id}, {"kind", probe.kind}, {"topic", probe.topic}};
  row["question"] = probe.kind == "next" ? probe.text : probe.prompt.back().content;
  row["accepted"] = probe.answers;
  for (const Examined& m : models) {
    const Outcome& o = m.outcomes[i];
    row["models"][m.label] = {{"answer", o.answer},
                              {"right", o.right},
                              {"in_format", o.in_format},
                              {"refused", o.refused},
                              {"tokens", o.tokens}};
    if (o.has_choices) row["models"][m.label]["picked"] = o.picked;
  }
  return row;
}

}  // namespace

void EvaluateStage::describe(Description& d) {
  d.summary("puts every model through the same probes and shows them side by side");
  d.determinism(Determinism::machine).devices(lm::devices());
  d.input("models", "model").list().help("in the order of the table");
  d.input("probes", "probes")
      .help("questions with checkable answers, unknowable ones, texts to complete");
  d.input("tokens", "tokens")
      .optional()
      .help("held-out part: bits per byte, for models of its tokenizer");
  d.output("evaluation", "evaluation").help("table.txt, evaluation.json, samples.jsonl");
  d.integer("max_new_tokens", options_.max_new_tokens).range(1, 100000).help("of one answer");
  d.integer("max_words", max_words_)
      .range(1, 100000)
      .help("longest answer that counts as in format");
  d.list("refusals", options_.refusals, "string")
      .help("how an answer begins that says it does not know");
  d.integer("batch", options_.batch).range(1, 4096).no_effect().help("answers decoded together");
  d.integer("samples", samples_)
      .range(0, 1000)
      .help("of each kind of probe, shown under the table");
  d.count("held_out_tokens", held_out_tokens_).at_least(1).help("of the tokens input, at most");
  d.choice("precision", precision_, {"auto", "fp32", "bf16"})
      .help("auto: bf16 where the processor has it");
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

  std::vector<Examined> models;
  Json report = {{"format", 1}, {"probes", probes.size()}};
  for (const Input& input : inputs) {
    const text::Tokenizer tokenizer = text::Tokenizer::load(input.path);
    const lm::Model model = lm::Model::load(input.path, lm::parse_precision(precision_));
    if (options_.max_new_tokens > model.config().max_position_embeddings)
      context.warning(input.label + ": max_new_tokens: " + std::to_string(options_.max_new_tokens) +
                      " is above the model's context: a question and its answer end at " +
                      std::to_string(model.config().max_position_embeddings) + " tokens");
    const auto done = [&, before = models.size() * probes.size()](std::size_t n) {
      if (context.cancelled()) throw Cancelled();
      context.progress(before + n, inputs.size() * probes.size(), "answers", input.label);
    };
    Examined& examined = models.emplace_back();
    examined.label = input.label;
    examined.outcomes = examine(model, tokenizer, probes, options_, done);
    examined.scores = score(probes, examined.outcomes);
    Json numbers = to_json(examined.scores);
    const bool foreign = tokens && are_of_different_tokenizers(*tokens, input);
    if (foreign)
      context.warning(input.label + ": no bits per byte, for the tokens are another tokenizer's");
    if (tokens && !foreign) {
      const text::TokenShards shards(tokens->path, "eval");
      // Rows as long as the longest segment, so that each token is predicted from all that the
      // model can see of its document.
      const std::int64_t context_length = model.config().max_position_embeddings;
      const std::int64_t row = std::max(
          kLeastRow, std::min({context_length, lm::longest_document(shards), held_out_tokens_}));
      numbers["bits_per_byte"] = bits_per_byte(
          model, tokenizer, lm::TokenFeed(shards, {.row_tokens = row, .context = context_length}),
          held_out_tokens_);
    }
    for (const auto& [name, value] : numbers.items())
      context.result(name + "@" + input.label, value.get<double>());
    report["models"].push_back(
        {{"label", input.label}, {"digest", input.digest}, {"scores", numbers}});
  }

  const std::filesystem::path out = context.output("evaluation");
  const std::string table = render_table(models, probes, static_cast<std::size_t>(samples_));
  write(out / "table.txt", table);
  write(out / "evaluation.json", report.dump(2) + "\n");
  std::string samples;
  for (std::size_t i = 0; i < probes.size(); ++i)
    samples +=
        sample(probes[i], models, i).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  write(out / "samples.jsonl", samples);
}

}  // namespace lehr::plugins::evaluate
