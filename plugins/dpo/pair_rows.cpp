#include "pair_rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lm/preference_feed.h"
#include "text/json_lines.h"

namespace lehr::plugins::dpo {
namespace {

lm::PreferencePairs read_pairs(Context& context, const char* split,
                               const text::Tokenizer& tokenizer, std::int64_t max_length,
                               lm::SequenceFile into) {
  lm::PreferencePairs pairs =
      lm::read_preferences(text::data_files(context.input("preferences").path, split), tokenizer,
                           max_length, lm::OverLong::kCut, std::move(into));
  if (pairs.cut + pairs.dropped > 0)
    context.warning(std::to_string(pairs.cut) + " of " + std::to_string(pairs.read) + " " + split +
                    " pairs were cut to " + std::to_string(max_length) + " tokens, " +
                    std::to_string(pairs.dropped) +
                    " dropped because nothing of an answer is left");
  return pairs;
}

}  // namespace

PairRows read_pair_rows(Context& context, const text::Tokenizer& tokenizer,
                        const lm::ModelConfig& config, std::optional<std::int64_t> max_length,
                        const lm::TrainOptions& options, const std::filesystem::path& scratch) {
  const std::int64_t context_length = config.max_position_embeddings;
  const std::int64_t length = std::min(context_length, max_length.value_or(context_length));
  lm::PreferencePairs train =
      read_pairs(context, "train", tokenizer, length, lm::SequenceFile(scratch));
  lm::PreferencePairs held_out = read_pairs(context, "eval", tokenizer, length,
                                            lm::SequenceFile(scratch, options.eval_tokens));
  if (train.size() == 0)
    throw Error(context.input("preferences").path.string() + ": there is no pair to train on");
  const lm::SequenceFeedOptions rows =
      lm::pair_packing(options.row_tokens(), options.batch_tokens, context.seed());
  PairRows out{length, lm::SequenceFeed(std::move(train.sequences), rows), {}};
  if (held_out.size() > 0) out.held_out.emplace(std::move(held_out.sequences), rows);
  return out;
}

}  // namespace lehr::plugins::dpo
