#include "answer_loss.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lm/operators.h"

namespace lehr::plugins::sft {

double AnswerTally::loss() const { return weight > 0 ? weighted_nll / weight : 0; }

double AnswerTally::mean_entropy() const {
  return entropy / static_cast<double>(std::max<std::int64_t>(1, trained));
}

double AnswerTally::mean_accuracy() const {
  return static_cast<double>(correct) / static_cast<double>(std::max<std::int64_t>(1, trained));
}

void add_answer_loss(const lm::Model& model, const lm::Packed& row, double weight,
                     AnswerTally& tally) {
  tally.tokens += row.batch.size();
  std::vector<lm::LossEntry> entries = row.batch.loss_entries;
  if (entries.empty()) return;
  for (lm::LossEntry& entry : entries) entry.weight = static_cast<float>(entry.weight / weight);
  const at::Tensor hidden = model.forward_hidden(row.batch);
  const lm::CrossEntropy ce = lm::linear_cross_entropy(hidden, model.head(), entries);
  if (at::GradMode::is_enabled()) model.backward(ce.loss);

  const at::NoGradGuard no_gradients;
  const at::Tensor entropy = lm::token_logprobs(hidden, model.head(), entries).entropy;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const double counted = row.batch.loss_entries[i].weight;
    tally.weight += counted;
    tally.weighted_nll += counted * ce.nll.data_ptr<float>()[i];
    tally.entropy += entropy.data_ptr<float>()[i];
    tally.correct += ce.correct.data_ptr<bool>()[i] ? 1 : 0;
  }
  tally.trained += static_cast<std::int64_t>(entries.size());
}

AnswerTally answer_loss(const lm::Model& model, const std::vector<lm::Packed>& rows) {
  double weight = 0;
  for (const lm::Packed& row : rows)
    for (const lm::LossEntry& entry : row.batch.loss_entries) weight += entry.weight;
  AnswerTally tally;
  for (const lm::Packed& row : rows) add_answer_loss(model, row, weight, tally);
  return tally;
}

}  // namespace lehr::plugins::sft
