#include "reference_pass.h"

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
                ReferenceLogprobs& train, ReferenceLogprobs& held_out)
      : context_(context),
        options_(options),
        reference_(reference),
        train_(train),
        held_out_(held_out) {}

  void resume() {
    const auto found = context_.find_state(kTag);
    if (!found) return;
    load_reference(found->path / kLogprobs, train_.chosen.size(), held_out_.chosen.size(), train_,
                   held_out_);
    const nlohmann::json place = lm::read_state(found->path / kPlace);
    committed_ = place.at("rows");
    pairs_ = place.at("pairs");
    context_.info("the reference's log-probabilities go on at pair " + std::to_string(pairs_) +
                  " of " + std::to_string(all_pairs()));
  }

  // The next row; `into` is one of the two.
  void take(const lm::Packed& row, ReferenceLogprobs& into) {
    if (rows_ < committed_) {
      ++rows_;
      return;
    }
    if (context_.cancelled()) {
      if (rows_ > committed_) commit();
      throw Cancelled();
    }
    pairs_ += into.compute(reference_, row);
    ++rows_;
    context_.progress(pairs_, all_pairs(), "pairs", "by the reference");
    const std::chrono::duration<double> passed = Clock::now() - committed_at_;
    if (passed.count() >= options_.checkpoint_every ||
        (options_.checkpoint_steps && rows_ % *options_.checkpoint_steps == 0))
      commit();
  }

 private:
  std::size_t all_pairs() const { return train_.chosen.size() + held_out_.chosen.size(); }

  void commit() {
    const std::filesystem::path dir = context_.begin_state();
    save_reference(dir / kLogprobs, train_, held_out_);
    lm::write_state(dir / kPlace, {{"rows", rows_}, {"pairs", pairs_}});
    context_.commit_state(kTag);
    committed_ = rows_;
    committed_at_ = Clock::now();
  }

  Context& context_;
  const lm::TrainOptions& options_;
  const lm::Model& reference_;
  ReferenceLogprobs &train_, &held_out_;
  std::int64_t rows_ = 0, committed_ = 0;
  std::size_t pairs_ = 0;
  Clock::time_point committed_at_ = Clock::now();
};

}  // namespace

void compute_reference(Context& context, const lm::TrainOptions& options,
                       const lm::Model& reference, lm::SequenceFeed* feed,
                       const lm::SequenceFeed* evaluation, ReferenceLogprobs& train,
                       ReferenceLogprobs& held_out) {
  ReferencePass pass(context, options, reference, train, held_out);
  pass.resume();
  // The rows of the first epoch as training will see them: the same products, so the same bits.
  for (std::int64_t k = 0, n = feed != nullptr ? feed->steps_in_epochs(1) : 0; k < n; ++k)
    for (const lm::Packed& row : feed->step(k)) pass.take(row, train);
  if (evaluation != nullptr)
    evaluation->for_each_row([&](const lm::Packed& row) { pass.take(row, held_out); });
}

}  // namespace lehr::plugins::dpo
