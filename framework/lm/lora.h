// Low-rank adapters as a property of the layers' products: which of them have one, and where their
// weights lie in a flat buffer of their own.
#pragma once

#include <ATen/core/Tensor.h>
#include <lehr/description.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lm/config.h"
#include "lm/parameters.h"
#include "lm/trunk.h"

namespace lehr::lm {

struct LoraOptions {
  std::optional<int64_t> rank;  // null: no adapter, all weights are trained
  std::optional<double> alpha;  // null: twice the rank
  std::vector<std::string> targets = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                      "gate_proj", "up_proj", "down_proj"};
  double dropout = 0;  // of what an adapter reads, while it is trained

  double scale() const;  // alpha / rank
};

// Declares the group `lora {rank, alpha, targets, dropout}`.
void describe(Description& d, LoraOptions& options);
// Throws lehr::Error for a target that no layer has, or none.
void check(const LoraOptions& options);
// For trainers that compare the model with itself or with its base, token by token: what a dropout
// changes is noise there (TRL's DPO turns it off). Throws lehr::Error where there is one.
void check_no_dropout(const LoraOptions& options);

// PEFT's names below "base_model.model.": <module>.lora_A.weight [r, in], <module>.lora_B.weight
// [out, r]; for a score head also score.weight, which is trained whole.
std::vector<ParameterSlot> adapter_slots(const ModelConfig& config, const LoraOptions& options);

// Views of such a buffer, in the layers of `trunk`.
void attach_adapter(TrunkWeights& trunk, const at::Tensor& flat, const ModelConfig& config,
                    const LoraOptions& options);

}  // namespace lehr::lm
