// Everything a training run needs to go on with the same bits: float32 weights, the optimizer's
// moments, and JSON. One folder per model: model.safetensors, optimizer.safetensors
// (exp_avg.<name>, and exp_avg_sq.<name> of what takes AdamW's steps; more than that is passed over
// in reading). Tokenizer and config are not kept: the stage makes them again from its inputs.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lm/model.h"
#include "lm/optimizer.h"
#include "lm/snapshot.h"

namespace lehr::lm {

// What a checkpoint holds of one model. It shares the tensors.
struct CheckpointPart {
  std::string folder;
  ParameterBuffer parameters;
  at::Tensor exp_avg = {}, exp_avg_sq = {};  // undefined: weights only
  std::vector<ParameterSlot> squared = {};   // the layout of exp_avg_sq
  int64_t updates = 0;

  void add_to(Snapshot& snapshot) const;
};
// optimizer null: weights only.
CheckpointPart checkpoint_part(std::string folder, const ParameterBuffer& parameters,
                               const Optimizer* optimizer);

// Creates part.folder in `dir` and writes the files durably; the values are those of `snapshot`, to
// which the part was added, or, where it is null, those there now.
void save_checkpoint(const std::filesystem::path& dir, const CheckpointPart& part,
                     Snapshot* snapshot);

// Fills weights (and the compute copy), moments and update count. Throws std::runtime_error naming
// the file where a tensor is missing, has another shape or a value that is not finite.
void load_checkpoint(const std::filesystem::path& dir, ParameterBuffer& parameters,
                     Optimizer* optimizer);

// A JSON file written whole; read back with an error that names the file.
void write_state(const std::filesystem::path& file, const nlohmann::json& state);
nlohmann::json read_state(const std::filesystem::path& file);

}  // namespace lehr::lm
