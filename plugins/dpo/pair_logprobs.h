// Log-probabilities of the answers of preference pairs: of one packed row under the policy, and of
// all pairs under the reference, which are computed once. P pairs of a row, M tokens of its
// answers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lm/model.h"
#include "lm/packer.h"

namespace lehr::plugins::dpo {

struct RowLogprobs {
  std::vector<std::size_t> pairs;  // [P], numbers of the pairs of the row
  at::Tensor sums;                 // [P, 2] float32: chosen, rejected; differentiable
  std::vector<float> tokens;       // [P * 2], tokens summed
  // Of the chosen and the rejected answers together; no gradient.
  double logit_sums[2] = {0, 0};  // of each token's mean logit
  double entropy_sum = 0;
};
RowLogprobs row_logprobs(const lm::Model& model, const lm::Packed& row);

// [pairs], sums over tokens.
struct ReferenceLogprobs {
  std::vector<float> chosen, rejected;

  explicit ReferenceLogprobs(std::size_t pairs = 0) : chosen(pairs), rejected(pairs) {}
  // Those of the pairs of a row; returns how many it has.
  std::size_t compute(const lm::Model& reference, const lm::Packed& row);
};

// One safetensors file: train.chosen, train.rejected, eval.chosen, eval.rejected.
void save_reference(const std::filesystem::path& file, const ReferenceLogprobs& train,
                    const ReferenceLogprobs& held_out,
                    const std::map<std::string, std::string>& metadata = {});
// Throws std::runtime_error if the file holds other numbers of pairs.
void load_reference(const std::filesystem::path& file, std::size_t train_pairs,
                    std::size_t held_out_pairs, ReferenceLogprobs& train,
                    ReferenceLogprobs& held_out);

}  // namespace lehr::plugins::dpo
