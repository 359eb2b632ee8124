#include "pair_tally.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

namespace lehr::plugins::reward {
namespace {

constexpr std::size_t kBins = 10;

// Mean distance between how sure the model is of its order, s(|difference|) in [0.5, 1], and how
// often that order is right, over equal bins of sureness weighted by their size (expected
// calibration error, Guo et al. 2017).
double calibration_error(const std::vector<ScoredPair>& pairs) {
  struct Bin {
    double sureness = 0, right = 0, count = 0;
  };
  std::array<Bin, kBins> bins;
  for (const ScoredPair& p : pairs) {
    const double difference = double{p.chosen} - p.rejected;
    const double sureness = 1 / (1 + std::exp(-std::abs(difference)));
    const auto index = static_cast<std::size_t>((sureness - 0.5) * 2 * kBins);
    Bin& bin = bins[std::min(index, kBins - 1)];
    bin.sureness += sureness;
    bin.right += p.chosen > p.rejected ? 1 : 0;
    bin.count += 1;
  }
  double error = 0;
  for (const Bin& bin : bins) error += std::abs(bin.sureness - bin.right);
  return error / static_cast<double>(pairs.size());
}

// Pearson's, of scores and lengths of all answers; 0 where one of them does not vary.
double length_correlation(const std::vector<ScoredPair>& pairs) {
  const double n = 2 * static_cast<double>(pairs.size());
  double mean_score = 0, mean_length = 0, both = 0, scores = 0, lengths = 0;
  for (const ScoredPair& p : pairs)
    for (const auto& [score, tokens] :
         {std::pair{p.chosen, p.chosen_tokens}, {p.rejected, p.rejected_tokens}})
      mean_score += score / n, mean_length += tokens / n;
  for (const ScoredPair& p : pairs)
    for (const auto& [score, tokens] :
         {std::pair{p.chosen, p.chosen_tokens}, {p.rejected, p.rejected_tokens}}) {
      const double x = score - mean_score, y = tokens - mean_length;
      both += x * y;
      scores += x * x;
      lengths += y * y;
    }
  return scores > 0 && lengths > 0 ? both / std::sqrt(scores * lengths) : 0;
}

}  // namespace

PairTally::Metrics PairTally::metrics() const {
  if (pairs_.empty()) return {};
  const auto n = static_cast<double>(pairs_.size());
  double right = 0, margin = 0, sum = 0;
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (const ScoredPair& p : pairs_) {
    right += p.chosen > p.rejected ? 1 : 0;
    margin += double{p.chosen} - p.rejected;
    sum += double{p.chosen} + p.rejected;
    low = std::min({low, p.chosen, p.rejected});
    high = std::max({high, p.chosen, p.rejected});
  }
  return {{"accuracy", right / n},
          {"margin", margin / n},
          {"min_reward", low},
          {"mean_reward", sum / (2 * n)},
          {"max_reward", high}};
}

PairTally::Metrics PairTally::analysis() const {
  if (pairs_.empty()) return {};
  std::map<std::string_view, std::pair<double, double>> by_source;  // right, all
  for (const ScoredPair& p : pairs_) {
    auto& [right, all] = by_source[p.source];
    right += p.chosen > p.rejected ? 1 : 0;
    all += 1;
  }
  Metrics out = {{"reward_length_correlation", length_correlation(pairs_)},
                 {"calibration_error", calibration_error(pairs_)}};
  for (const auto& [source, counts] : by_source)
    if (!source.empty())
      out.emplace_back("accuracy/" + std::string(source), counts.first / counts.second);
  return out;
}

}  // namespace lehr::plugins::reward
