// Log-probabilities of the answers of pairs: of one packed row, and the file of those of all pairs
// under the reference, which are computed once. P pairs of a row, M tokens of its answers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lm/model.h"
#include "lm/packer.h"
#include "pair_rows.h"

namespace lehr::plugins::dpo {

struct RowLogprobs {
  std::vector<std::size_t> pairs;  // [P], numbers of the pairs of the row
  at::Tensor sums;                 // [P, 2] float32, by branch; differentiable
  std::vector<float> tokens;       // [P * 2], tokens summed
  // No gradient.
  std::vector<double> logit_sums;  // [P * 2], of each token's mean logit
  double entropy_sum = 0;          // of all answers together
};
// An answer that is not in the row (see only_branch) has sums and tokens of 0.
RowLogprobs row_logprobs(const lm::Model& model, const lm::Packed& row);
// The same sums, by a pass for each branch: what a loss gets that has them apart. Metrics are not
// filled in.
RowLogprobs logprobs_apart(const lm::Model& model, const lm::Packed& row);

// The reference's sums of one answer of each of those pairs: [P] float32.
at::Tensor reference_of(const PairSet& set, const std::vector<std::size_t>& pairs,
                        std::size_t branch);

// The reference's sums of all pairs, a float32 tensor for each split and branch: train.chosen,
// train.rejected, eval.chosen, eval.rejected.
void save_reference(const std::filesystem::path& file, const PairRows& rows,
                    const std::map<std::string, std::string>& metadata = {});
// Throws std::runtime_error if the file holds other numbers of pairs.
void load_reference(const std::filesystem::path& file, PairRows& rows);

}  // namespace lehr::plugins::dpo
