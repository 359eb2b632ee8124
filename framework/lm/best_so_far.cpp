#include "lm/best_so_far.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "lm/checkpoint.h"

namespace lehr::lm {

nlohmann::json to_json(const Metrics& metrics) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, value] : metrics) list.push_back({name, value});
  return list;
}

Metrics to_metrics(const nlohmann::json& list) {
  Metrics metrics;
  for (const auto& item : list)
    metrics.emplace_back(item.at(0).get<std::string>(),
                         item.at(1).is_number() ? item.at(1).get<double>() : std::nan(""));
  return metrics;
}

bool BestSoFar::is_better(const Metrics& evaluation) const {
  if (evaluation.empty() || !std::isfinite(evaluation.front().second)) return false;
  if (evaluation_.empty()) return true;
  const double value = evaluation.front().second, best = evaluation_.front().second;
  return higher_ ? value > best : value < best;
}

void BestSoFar::judge(const Metrics& evaluation, int64_t step, const ParameterBuffer& weights) {
  if (!is_better(evaluation)) {
    ++no_better_since_;
    return;
  }
  no_better_since_ = 0;
  evaluation_ = evaluation;
  step_ = step;
  weights_.reset();  // never two of them
  if (keeps_weights_) weights_ = weights.copy();
}

void BestSoFar::save(nlohmann::json& state) const {
  state["best_evaluation"] = to_json(evaluation_);
  state["best_step"] = step_;
  state["evaluations_since_best"] = no_better_since_;
}

void BestSoFar::restore(const nlohmann::json& state, const std::filesystem::path& folder,
                        const ParameterBuffer& trained) {
  evaluation_ = to_metrics(state.at("best_evaluation"));
  step_ = state.at("best_step");
  no_better_since_ = state.at("evaluations_since_best");
  if (!keeps_weights_ || evaluation_.empty()) return;
  weights_ = trained.copy();
  load_checkpoint(folder, *weights_, nullptr);
}

}  // namespace lehr::lm
