// The loss of supervised fine-tuning over packed rows, and what its metrics need. In a header of
// its own so that the test against a slow reference sees what the stage uses.
#pragma once

#include <cstdint>
#include <vector>

#include "lm/model.h"
#include "lm/packer.h"

namespace lehr::plugins::sft {

// Sums over the trained tokens of some rows.
struct AnswerTally {
  std::int64_t tokens = 0;   // all tokens of the rows
  std::int64_t trained = 0;  // tokens with a loss
  double weight = 0, weighted_nll = 0;
  double entropy = 0;  // of the predicting distributions, nats
  std::int64_t correct = 0;

  double loss() const;  // weighted mean NLL
  double mean_entropy() const;
  double mean_accuracy() const;
};

// L = sum_t w_t * -log p(y_t | y_<t) / sum_t w_t, the sums over all rows of the step (never a mean
// of means). With gradients on, adds dL to the model's gradient buffer. The head runs only where a
// weight is not 0.
AnswerTally answer_loss(const lm::Model& model, const std::vector<lm::Packed>& rows);

// Adds one row of those whose weights sum to `weight`; dL as above.
void add_answer_loss(const lm::Model& model, const lm::Packed& row, double weight,
                     AnswerTally& tally);

}  // namespace lehr::plugins::sft
