#include "reference_pass.h"

#include <ATen/core/grad_mode.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "lm/checkpoint.h"

namespace lehr::plugins::dpo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kTag = "reference";
constexpr const char* kLogprobs = "reference.safetensors";
constexpr const char* kPlace = "reference.json";

// The pass over rows, which come in the same order whenever it begins.
class ReferencePass {
 public:
  ReferencePass(Context& context, const lm::TrainOptions& options, const lm::Model& reference,
                ScorePairs score, PairRows& rows)
      : context_(context),
        options_(options),
        reference_(reference),
        score_(score),
        all_(rows),
        all_pairs_(rows.train.pairs() + rows.held_out_pairs()) {}

  void resume() {
    const auto found = context_.find_state(kTag);
    if (!found) return;
    load_reference(found->path / kLogprobs, all_);
    const nlohmann::json place = lm::read_state(found->path / kPlace);
    committed_ = place.at("rows");
    pairs_ = place.at("pairs");
    context_.info("the reference's log-probabilities go on at pair " + std::to_string(pairs_) +
                  " of " + std::to_string(all_pairs_));
  }

  // The next row, of that set.
  void take(const lm::Packed& row, PairSet& set) {
    if (rows_ < committed_) {
      ++rows_;
      return;
    }
    if (context_.cancelled()) {
      if (rows_ > committed_) commit();
      throw Cancelled();
    }
    const RowLogprobs found = score_(reference_, row);
    const float* sums = found.sums.const_data_ptr<float>();
    for (const std::size_t pair : found.pairs)
      for (std::vector<float>& of_branch : set.reference) of_branch[pair] = *sums++;
    pairs_ += found.pairs.size();
    ++rows_;
    context_.progress(pairs_, all_pairs_, "pairs", "by the reference");
    const std::chrono::duration<double> passed = Clock::now() - committed_at_;
    if (passed.count() >= options_.checkpoint_every ||
        (options_.checkpoint_steps && rows_ % *options_.checkpoint_steps == 0))
      commit();
  }

 private:
  void commit() {
    const std::filesystem::path dir = context_.begin_state();
    save_reference(dir / kLogprobs, all_);
    lm::write_state(dir / kPlace, {{"rows", rows_}, {"pairs", pairs_}});
    context_.commit_state(kTag);
    committed_ = rows_;
    committed_at_ = Clock::now();
  }

  Context& context_;
  const lm::TrainOptions& options_;
  const lm::Model& reference_;
  const ScorePairs score_;
  PairRows& all_;
  const std::size_t all_pairs_;
  std::int64_t rows_ = 0, committed_ = 0;
  std::size_t pairs_ = 0;
  Clock::time_point committed_at_ = Clock::now();
};

}  // namespace

void compute_reference(Context& context, const lm::TrainOptions& options,
                       const lm::Model& reference, ScorePairs score, bool training,
                       PairRows& rows) {
  const at::NoGradGuard no_gradients;
  for (PairSet* set : {&rows.train, rows.held_out ? &*rows.held_out : nullptr})
    if (set != nullptr)
      for (std::vector<float>& of_branch : set->reference) of_branch.assign(set->pairs(), 0);
  ReferencePass pass(context, options, reference, score, rows);
  pass.resume();
  lm::SequenceFeed& feed = rows.train.feed;
  for (std::int64_t k = 0, n = training ? feed.steps_in_epochs(1) : 0; k < n; ++k)
    for (const lm::Packed& row : feed.step(k)) pass.take(row, rows.train);
  if (rows.held_out)
    rows.held_out->feed.for_each_row(
        [&](const lm::Packed& row) { pass.take(row, *rows.held_out); });
}

}  // namespace lehr::plugins::dpo
