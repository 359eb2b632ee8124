#include "pair_rows.h"

#include <string>
#include <utility>

#include "lm/preference_feed.h"
#include "text/json_lines.h"

namespace lehr::plugins::dpo {
namespace {

template <class Pairs>
void tell_of_long_ones(Context& context, const Pairs& pairs, const char* split, const char* what,
                       std::int64_t max_length) {
  if (pairs.cut + pairs.dropped > 0)
    context.warning(std::to_string(pairs.cut) + " of " + std::to_string(pairs.read) + " " + split +
                    " " + what + " were cut to " + std::to_string(max_length) + " tokens, " +
                    std::to_string(pairs.dropped) +
                    " dropped because nothing of an answer is left");
}

template <class Pairs>
std::string why_none(const Pairs& pairs, std::int64_t max_length) {
  if (pairs.read == 0) return "";
  return ": of " + std::to_string(pairs.read) + ", nothing of an answer is left in the first " +
         std::to_string(max_length) + " tokens";
}

lm::PreferencePairs read_pairs(Context& context, const char* split,
                               const text::Tokenizer& tokenizer, std::int64_t max_length,
                               lm::SequenceFile into) {
  lm::PreferencePairs pairs =
      lm::read_preferences(text::data_files(context.input("preferences").path, split), tokenizer,
                           max_length, lm::OverLong::kCut, std::move(into));
  tell_of_long_ones(context, pairs, split, "pairs", max_length);
  return pairs;
}

lm::FeedbackPairs read_feedback(Context& context, const char* split,
                                const text::Tokenizer& tokenizer, std::int64_t max_length,
                                const std::filesystem::path& scratch,
                                std::optional<std::int64_t> most_tokens) {
  lm::FeedbackPairs pairs =
      lm::read_feedback(text::data_files(context.input("feedback").path, split), tokenizer,
                        max_length, scratch, most_tokens);
  tell_of_long_ones(context, pairs, split, "rows", max_length);
  if (pairs.size() > 0 && pairs.distance == 0)
    context.warning("all " + std::to_string(pairs.size()) + " " + split +
                    " rows ask the same, so the answers taken as mismatched ones answer it too, "
                    "and `kl` is not the distance from the reference on other prompts");
  return pairs;
}

}  // namespace

PairRows read_pair_rows(Context& context, const text::Tokenizer& tokenizer,
                        const lm::ModelConfig& config, std::optional<std::int64_t> max_length,
                        const lm::TrainOptions& options, const std::filesystem::path& scratch) {
  const std::int64_t length = lm::longest_example(context, max_length, config);
  lm::PreferencePairs train =
      read_pairs(context, "train", tokenizer, length, lm::SequenceFile(scratch));
  lm::PreferencePairs held_out = read_pairs(context, "eval", tokenizer, length,
                                            lm::SequenceFile(scratch, options.eval_tokens));
  if (train.size() == 0)
    throw Error("the input 'preferences' holds no pair to train on" + why_none(train, length));
  const lm::SequenceFeedOptions rows =
      lm::pair_packing(options.row_tokens(), options.batch_tokens, context.seed());
  PairRows out{length, {"chosen", "rejected"}, {{std::move(train.sequences), rows}}};
  if (held_out.size() > 0) out.held_out = PairSet{{std::move(held_out.sequences), rows}};
  return out;
}

PairRows read_feedback_rows(Context& context, const text::Tokenizer& tokenizer,
                            const lm::ModelConfig& config, std::optional<std::int64_t> max_length,
                            const lm::TrainOptions& options, const std::filesystem::path& scratch) {
  const std::int64_t length = lm::longest_example(context, max_length, config);
  lm::FeedbackPairs train = read_feedback(context, "train", tokenizer, length, scratch, {});
  lm::FeedbackPairs held_out =
      read_feedback(context, "eval", tokenizer, length, scratch, options.eval_tokens);
  if (train.size() < 2)
    throw Error("the input 'feedback' holds " +
                (train.size() == 0
                     ? "no row to train on" + why_none(train, length)
                     : "one row to train on; KTO needs at least two, as the answer of another row "
                       "is what it takes for a mismatched one"));
  const lm::SequenceFeedOptions rows =
      lm::pair_packing(options.row_tokens(), options.batch_tokens, context.seed());
  PairRows out{length,
               {"answer", "mismatched"},
               {{std::move(train.sequences), rows}, std::move(train.good)}};
  if (held_out.size() > 0)
    out.held_out = PairSet{{std::move(held_out.sequences), rows}, std::move(held_out.good)};
  return out;
}

}  // namespace lehr::plugins::dpo
