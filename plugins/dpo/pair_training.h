// What the stages that train a policy on pairs share around their losses: ports and parameters, the
// reference's log-probabilities, updates, evaluation, checkpoints.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "lm/model.h"
#include "lm/packer.h"
#include "lm/train_options.h"
#include "lm/training_loop.h"
#include "pair_rows.h"
#include "reference_pass.h"

namespace lehr::plugins::dpo {

struct PairTrainingOptions {
  PairTrainingOptions();

  std::optional<std::int64_t> max_length;
  lm::TrainOptions training;
};

// Ports; `rows` is both the name and the type of the one with pairs, `pass` the stage that gives
// the reference's log-probabilities of them.
void describe_ports(Description& d, const char* rows, const char* pass);
// Parameters, which follow those of the loss.
void describe(Description& d, PairTrainingOptions& options);
void estimate_pair_training(const PairTrainingOptions& options, const std::vector<Input>& inputs,
                            Estimate& out);

// Calls its argument with the rows of an update or an evaluation, one after the other, every time
// it is called. Throws Cancelled.
using EachRow = std::function<void(const std::function<void(const lm::Packed&)>&)>;

// Of a policy, over rows of pairs.
class PairLoss {
 public:
  virtual ~PairLoss() = default;

  virtual bool needs_reference() const { return true; }
  // How the reference reads a row.
  virtual ScorePairs score() const { return &row_logprobs; }
  // The mean over all pairs of the rows, named "loss", and further metrics behind it. learn: adds
  // its gradient into the model's.
  virtual lm::Metrics measure(const lm::Model& model, const EachRow& rows, const PairSet& set,
                              bool learn) const = 0;
  // The loss of those rows under a policy that is the reference; null: not known beforehand.
  virtual std::optional<double> loss_at_reference(const std::vector<lm::Packed>& rows,
                                                  const PairSet& set) const = 0;
};

// Trains what the input `model` holds and writes the output `model`; read: gives the pairs.
using ReadRows = std::function<decltype(read_pair_rows)>;
void train_on_pairs(Context& context, const PairTrainingOptions& options, const ReadRows& read,
                    const PairLoss& loss);

}  // namespace lehr::plugins::dpo
