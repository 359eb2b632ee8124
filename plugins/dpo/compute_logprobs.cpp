#include "compute_logprobs.h"

#include <algorithm>
#include <string>

#include "lm/devices.h"
#include "lm/model.h"
#include "lm/runtime.h"
#include "lm/training_estimate.h"
#include "stored_logprobs.h"
#include "text/tokenizer.h"

namespace lehr::plugins::dpo {

void ComputeLogprobs::describe(Description& d) {
  d.summary(std::string("computes a reference's log-probabilities of ") + rows_ +
            " once, for a sweep");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("model", "model").self("R").help("the reference");
  d.input(rows_, rows_).self("D");
  d.output("logprobs", "logprobs").facet("model", "R").facet("data", "D");
  d.count("max_length", max_length_)
      .at_least(2)
      .unit("tokens")
      .help("longer pairs are cut at the end and counted; null: the model's context");
  lm::describe_pass(d, options_);
}

void ComputeLogprobs::estimate(const std::vector<Input>& inputs, Estimate& out) {
  const auto config = lm::known_config(inputs, "model");
  if (!config) return;
  const std::int64_t context_length = config->max_position_embeddings;
  const std::int64_t max_length = std::min(context_length, max_length_.value_or(context_length));
  lm::estimate_reading_pairs(options_, *config, inputs, max_length, lm::OverLong::kCut, out);
}

void ComputeLogprobs::run(Context& context) {
  lm::start_runtime(context);
  const Input start = context.input("model");
  const auto model = lm::Model::load(start.path, lm::parse_precision(options_.precision));
  const std::filesystem::path out = context.output("logprobs");
  PairRows rows =
      read_(context, text::Tokenizer::load(start.path), model.config(), max_length_, options_, out);
  context.result("pairs", static_cast<double>(rows.train.pairs()));
  compute_reference(context, options_, model, score_, true, rows);
  write_logprobs(out, rows, pass_facts(rows, options_, context.seed()));
}

}  // namespace lehr::plugins::dpo
