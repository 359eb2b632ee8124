#include "judgement.h"

#include <lehr/value.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lm/reward_scores.h"
#include "text/chat.h"

namespace lehr::plugins::evaluate {
namespace {

constexpr std::int64_t kRowTokens = 2048;

}  // namespace

void judge_answers(const std::filesystem::path& judge, lm::Precision precision,
                   std::span<const text::Probe> probes, std::span<Examined> models,
                   const std::function<void(const Examined&)>& begin) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(judge);
  const lm::Model model = lm::Model::load(judge, precision);
  const auto context = model.config().max_position_embeddings;
  text::Tokenizer::Cache cache;
  for (Examined& examined : models) {
    begin(examined);
    std::vector<std::size_t> asked;
    std::vector<std::vector<std::int32_t>> sequences;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      if (probes[i].kind == "next") continue;
      const auto prompt = text::render_prompt(tokenizer, probes[i].prompt, cache);
      const auto said = text::render_answer(tokenizer, examined.outcomes[i].answer, cache);
      std::vector<std::int32_t>& ids = sequences.emplace_back(prompt.begin(), prompt.end());
      ids.insert(ids.end(), said.begin(), said.end());
      if (static_cast<std::int64_t>(ids.size()) > context)
        throw Error("probe '" + probes[i].id + "': with the answer of '" + examined.label +
                    "' it has " + std::to_string(ids.size()) + " tokens, and the judge sees " +
                    std::to_string(context) + ". Shorten the probe or leave it out");
      asked.push_back(i);
    }
    const std::vector<double> scores =
        lm::score_sequences(model, sequences, std::max(kRowTokens, context));
    for (std::size_t k = 0; k < asked.size(); ++k) examined.outcomes[asked[k]].score = scores[k];
  }
}

}  // namespace lehr::plugins::evaluate
