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
    const double sureness = 1 / (1 + std::exp(-std::abs(p.chosen - p.rejected)));
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

}  // namespace

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i] / n, mean_y += y[i] / n;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

PairTally::Metrics PairTally::metrics() const {
  if (pairs_.empty()) return {};
  const auto n = static_cast<double>(pairs_.size());
  double right = 0, margin = 0, sum = 0;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const ScoredPair& p : pairs_) {
    right += p.chosen > p.rejected ? 1 : 0;
    margin += p.chosen - p.rejected;
    sum += p.chosen + p.rejected;
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
  std::vector<double> scores, lengths;
  std::map<std::string, std::pair<double, double>> by_source;  // right, all
  for (const ScoredPair& p : pairs_) {
    scores.insert(scores.end(), {p.chosen, p.rejected});
    lengths.push_back(static_cast<double>(p.chosen_tokens));
    lengths.push_back(static_cast<double>(p.rejected_tokens));
    auto& [right, all] = by_source[p.source];
    right += p.chosen > p.rejected ? 1 : 0;
    all += 1;
  }
  Metrics out = {{"reward_length_correlation", correlation(scores, lengths)},
                 {"calibration_error", calibration_error(pairs_)}};
  for (const auto& [source, counts] : by_source)
    if (!source.empty()) out.emplace_back("accuracy/" + source, counts.first / counts.second);
  return out;
}

}  // namespace lehr::plugins::reward
