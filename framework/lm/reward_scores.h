// Scores of a reward model: one number per answer, read from the scalar head at the answer's last
// token. A score does not depend on what else is in the batch. An ensemble has several heads on one
// trunk: the score is their mean, and how far they lie apart says how sure it is.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "lm/model.h"
#include "lm/packer.h"

namespace lehr::lm {

// Scores of all branches of a row, in the order of its segments: [branches] float32,
// differentiable. owners[i] says whose the i-th is, tokens[i] how long that branch is.
struct BranchScores {
  std::vector<at::Tensor> heads;  // one, or those of an ensemble
  at::Tensor scores;              // the one, or their mean
  std::vector<SegmentOwner> owners;
  std::vector<int64_t> tokens;
};
BranchScores branch_scores(const Model& model, const Packed& row);

// Whole sequences (prompt and answer) -> their scores, in order; no gradient. row_tokens: of one
// packed row.
std::vector<double> score_sequences(const Model& model,
                                    std::span<const std::vector<int32_t>> sequences,
                                    int64_t row_tokens);

// reward.json: where the scores of good answers lie, to bring rewards of any model to one scale.
struct RewardScale {
  double mean = 0;
  double deviation = 1;
  double normalized(double score) const { return (score - mean) / deviation; }
};
RewardScale scale_of(std::span<const double> scores);  // deviation 1 where it would be 0
void write_reward_scale(const std::filesystem::path& model_dir, const RewardScale& scale);
// Throws std::runtime_error naming the file.
RewardScale read_reward_scale(const std::filesystem::path& model_dir);

// heads.safetensors beside the model, whose own head is their mean, and in reward.json the scale of
// each.
struct RewardHeads {
  at::Tensor weights;               // [K, C] float32, on the host
  std::vector<RewardScale> scales;  // [K]
};
// scores: what each head says of the same answers, [K][answers]. The mean over answers of the
// standard deviation of the heads (Bessel-corrected), each on its own scale.
double disagreement(std::span<const RewardScale> scales,
                    const std::vector<std::vector<double>>& scores);
// Both files.
void write_reward_heads(const std::filesystem::path& model_dir, const RewardHeads& heads,
                        const RewardScale& scale_of_mean);
// None: the model has one head. Throws std::runtime_error naming the file.
std::optional<RewardHeads> read_reward_heads(const std::filesystem::path& model_dir);

}  // namespace lehr::lm
