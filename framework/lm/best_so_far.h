// The best evaluation of a training run: what it measured, at which step, how many came after it
// that were no better, and, for `save: best`, the weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lm/parameters.h"

namespace lehr::lm {

using Metrics = std::vector<std::pair<std::string, double>>;

nlohmann::json to_json(const Metrics& metrics);
Metrics to_metrics(const nlohmann::json& list);

class BestSoFar {
 public:
  explicit BestSoFar(bool keeps_weights) : keeps_weights_(keeps_weights) {}

  void keep_weights() { keeps_weights_ = true; }
  // The first value of an evaluation decides: lower is better unless told otherwise. One that is
  // not finite is never best.
  void prefer_higher(bool higher) { higher_ = higher; }
  // weights: those that were evaluated; copied where it is the best and weights are kept.
  void judge(const Metrics& evaluation, int64_t step, const ParameterBuffer& weights);

  const Metrics& evaluation() const { return evaluation_; }  // empty: none yet
  int64_t step() const { return step_; }
  int64_t no_better_since() const { return no_better_since_; }  // evaluations in a row
  const ParameterBuffer* weights() const { return weights_ ? &*weights_ : nullptr; }  // null: none

  // Into and from a checkpoint's JSON; the weights lie in `folder`, laid out like `trained`.
  void save(nlohmann::json& state) const;
  void restore(const nlohmann::json& state, const std::filesystem::path& folder,
               const ParameterBuffer& trained);

 private:
  bool is_better(const Metrics& evaluation) const;

  bool keeps_weights_;
  bool higher_ = false;
  Metrics evaluation_;
  int64_t step_ = 0;
  int64_t no_better_since_ = 0;
  std::optional<ParameterBuffer> weights_;
};

}  // namespace lehr::lm
