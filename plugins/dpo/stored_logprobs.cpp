#include "stored_logprobs.h"

#include <initializer_list>
#include <utility>

#include "lm/runtime.h"
#include "lm/safetensors.h"
#include "pair_logprobs.h"

namespace lehr::plugins::dpo {
namespace {

constexpr const char* kFile = "logprobs.safetensors";

using Facts = std::map<std::string, std::string>;

// "max_length is 64 there, 32 here; ...", of those that differ; names: of their parameters.
std::string differences(std::initializer_list<std::pair<const char*, const char*>> facts,
                        const Facts& there, const Facts& here, std::string& names) {
  std::string out;
  for (const auto& [fact, parameter] : facts) {
    const auto found = there.find(fact);
    const std::string was = found == there.end() ? "not said" : found->second;
    if (was == here.at(fact)) continue;
    out += (out.empty() ? "" : "; ") + std::string(fact) + " is " + was + " there, " +
           here.at(fact) + " here";
    names += (names.empty() ? "" : ", ") + std::string(parameter);
  }
  return out;
}

}  // namespace

Facts pass_facts(const PairRows& rows, const lm::TrainOptions& options, std::uint64_t seed) {
  return {{"max_length", std::to_string(rows.max_length)},
          {"precision", lm::precision_name(lm::parse_precision(options.precision))},
          {"eval_pairs", std::to_string(rows.held_out_pairs())},
          {"batch_tokens", std::to_string(options.batch_tokens)},
          {"micro_batch_tokens", std::to_string(options.row_tokens())},
          {"seed", std::to_string(seed)},
          {"numerics", lm::numerics_fingerprint()}};
}

void write_logprobs(const std::filesystem::path& folder, const PairRows& rows, const Facts& facts) {
  save_reference(folder / kFile, rows, facts);
}

bool read_logprobs(Context& context, const Facts& here, PairRows& rows) {
  const Input in = context.input("logprobs");
  const std::string who = "input 'logprobs'" + (in.label.empty() ? "" : " (" + in.label + ")");
  const Facts there = lm::SafetensorsFile(in.path / kFile).metadata();
  std::string names;
  const std::string wrong = differences(
      {{"max_length", "max_length"}, {"precision", "precision"}, {"eval_pairs", "eval.tokens"}},
      there, here, names);
  if (!wrong.empty())
    throw Error(who + " does not go with this stage: " + wrong + ". Give both stages the same " +
                names);
  load_reference(in.path / kFile, rows);
  const std::string other = differences({{"batch_tokens", "batch_tokens"},
                                         {"micro_batch_tokens", "micro_batch_tokens"},
                                         {"seed", "seed"},
                                         {"numerics", ""}},
                                        there, here, names);
  if (!other.empty())
    context.info(who +
                 " was computed in other rows or products, so its last bits are others: " + other);
  return other.empty();
}

}  // namespace lehr::plugins::dpo
