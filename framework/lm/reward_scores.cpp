#include "lm/reward_scores.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "lm/checkpoint.h"
#include "lm/finite.h"
#include "lm/operators.h"

namespace lehr::lm {

BranchScores branch_scores(const Model& model, const Packed& row) {
  BranchScores out;
  std::vector<int32_t> rows;
  for (size_t i = 0; i < row.owners.size(); ++i) {
    if (row.owners[i].branch < 0) continue;
    const Segment& branch = row.batch.segments[i];
    rows.push_back(branch.end - 1);
    out.owners.push_back(row.owners[i]);
    out.tokens.push_back(branch.end - branch.begin);
  }
  const at::Tensor hidden = model.forward_hidden(row.batch);
  for (int64_t k = 0; k < model.config().score_heads; ++k)
    out.heads.push_back(scalar_head(hidden, model.score_head(k), rows));
  out.scores = out.heads.size() == 1 ? out.heads.front() : at::stack(out.heads).mean(0);
  return out;
}

std::vector<double> score_sequences(const Model& model,
                                    std::span<const std::vector<int32_t>> sequences,
                                    int64_t row_tokens) {
  const at::NoGradGuard no_gradients;
  std::vector<int64_t> lengths;
  for (const auto& ids : sequences) lengths.push_back(static_cast<int64_t>(ids.size()));
  std::vector<double> scores(sequences.size());
  for (const auto& bin : first_fit_decreasing(lengths, row_tokens)) {
    Packed row;
    std::vector<int32_t> last_rows;
    for (const int32_t i : bin) {
      append(row, Sequence{{sequences[static_cast<size_t>(i)], {}}, {}}, i);
      last_rows.push_back(row.batch.segments.back().end - 1);
    }
    const at::Tensor found =
        scalar_head(model.forward_hidden(row.batch), model.head(), last_rows).contiguous();
    for (size_t k = 0; k < bin.size(); ++k)
      scores[static_cast<size_t>(bin[k])] = found.const_data_ptr<float>()[k];
  }
  return scores;
}

RewardScale scale_of(std::span<const double> scores) {
  const auto n = static_cast<double>(scores.size());
  RewardScale scale;
  for (const double s : scores) scale.mean += s / n;
  double squares = 0;
  for (const double s : scores) squares += (s - scale.mean) * (s - scale.mean);
  if (n > 1 && squares > 0) scale.deviation = std::sqrt(squares / (n - 1));
  return scale;
}

namespace {

constexpr const char* kScaleFile = "reward.json";
constexpr const char* kHeadsFile = "heads.safetensors";

nlohmann::json to_json(const RewardScale& scale) {
  return {{"mean", scale.mean}, {"std", scale.deviation}};
}

RewardScale to_scale(const nlohmann::json& json, const std::filesystem::path& file) {
  const auto number = [&](const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number())
      throw std::runtime_error(file.string() + ": '" + name + "' is missing or not a number");
    return found->get<double>();
  };
  const RewardScale scale{number("mean"), number("std")};
  if (!(scale.deviation > 0)) throw std::runtime_error(file.string() + ": 'std' must be above 0");
  return scale;
}

}  // namespace

void write_reward_scale(const std::filesystem::path& model_dir, const RewardScale& scale) {
  write_state(model_dir / kScaleFile, to_json(scale));
}

RewardScale read_reward_scale(const std::filesystem::path& model_dir) {
  const std::filesystem::path file = model_dir / kScaleFile;
  if (!std::filesystem::exists(file))
    throw std::runtime_error(file.string() +
                             ": is not there, as with reward models that Lehr has not trained, so "
                             "the scale of the scores is not known; set normalize_reward: false");
  return to_scale(read_state(file), file);
}

double disagreement(std::span<const RewardScale> scales,
                    const std::vector<std::vector<double>>& scores) {
  const size_t heads = scores.size(), answers = scores.front().size();
  double sum = 0;
  for (size_t i = 0; i < answers; ++i) {
    double mean = 0, squares = 0;
    for (size_t k = 0; k < heads; ++k)
      mean += scales[k].normalized(scores[k][i]) / static_cast<double>(heads);
    for (size_t k = 0; k < heads; ++k) {
      const double apart = scales[k].normalized(scores[k][i]) - mean;
      squares += apart * apart;
    }
    sum += std::sqrt(squares / static_cast<double>(heads - 1));
  }
  return answers > 0 ? sum / static_cast<double>(answers) : 0;
}

void write_reward_heads(const std::filesystem::path& model_dir, const RewardHeads& heads,
                        const RewardScale& scale_of_mean) {
  write_safetensors(model_dir / kHeadsFile, {tensor_entry("score.weight", heads.weights)});
  nlohmann::json json = to_json(scale_of_mean);
  for (const RewardScale& scale : heads.scales) json["heads"].push_back(to_json(scale));
  write_state(model_dir / kScaleFile, json);
}

std::optional<RewardHeads> read_reward_heads(const std::filesystem::path& model_dir) {
  if (!std::filesystem::exists(model_dir / kHeadsFile)) return std::nullopt;
  const SafetensorsFile file(model_dir / kHeadsFile);
  const TensorEntry& stored = file.at("score.weight");
  const std::filesystem::path scales = model_dir / kScaleFile;
  const nlohmann::json json = read_state(scales);
  const auto listed = json.find("heads");
  if (stored.dtype != DType::kF32 || stored.shape.size() != 2 || stored.shape[0] < 2)
    throw std::runtime_error(file.path().string() +
                             ": 'score.weight' must be float32 of [heads, width], two or more");
  check_finite(file, stored);
  if (listed == json.end() || !listed->is_array() ||
      static_cast<int64_t>(listed->size()) != stored.shape[0])
    throw std::runtime_error(scales.string() +
                             ": 'heads' must be a list of a scale for each of the " +
                             std::to_string(stored.shape[0]) + " heads in " + kHeadsFile);
  RewardHeads heads{at::empty(stored.shape, at::kFloat), {}};
  std::memcpy(heads.weights.data_ptr(), stored.data, stored.bytes);
  for (const nlohmann::json& scale : *listed) heads.scales.push_back(to_scale(scale, scales));
  return heads;
}

}  // namespace lehr::lm
