#include "lm/reward_scores.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "lm/checkpoint.h"
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
  out.scores = scalar_head(model.forward_hidden(row.batch), model.head(), rows);
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

void write_reward_scale(const std::filesystem::path& model_dir, const RewardScale& scale) {
  write_state(model_dir / "reward.json", {{"mean", scale.mean}, {"std", scale.deviation}});
}

RewardScale read_reward_scale(const std::filesystem::path& model_dir) {
  const std::filesystem::path file = model_dir / "reward.json";
  if (!std::filesystem::exists(file))
    throw std::runtime_error(file.string() +
                             ": is not there, as with reward models that Lehr has not trained, so "
                             "the scale of the scores is not known; set normalize_reward: false");
  const nlohmann::json json = read_state(file);
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

}  // namespace lehr::lm
