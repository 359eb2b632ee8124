#include "blend.h"

#include <lehr/value.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

namespace lehr::plugins::mix {
namespace {

constexpr double kMost = 0x1p62;      // of all together; more would overflow what counts it
constexpr double kLeastLoss = 5e-5;   // of a share: less is not shown
constexpr double kEndless = 0x1p200;  // of one source: more is not told apart, and sums are finite

double cap_of(const BlendSource& source) {
  const double epochs = std::min(static_cast<double>(source.size) * source.max_epochs, kEndless);
  return source.max_amount ? std::min(epochs, static_cast<double>(*source.max_amount)) : epochs;
}

std::vector<double> weights_of(const std::vector<BlendSource>& sources) {
  std::vector<double> weights;
  std::string with, without;
  for (const BlendSource& source : sources) {
    (source.weight ? with : without) = source.name;
    if (source.weight && !std::isfinite(*source.weight))
      throw Error("source '" + source.name + "': its weight is no finite number");
    weights.push_back(source.weight ? *source.weight : cap_of(source));
  }
  if (!with.empty() && !without.empty())
    throw Error("source '" + with + "' has a weight and '" + without +
                "' has none. Give every source a weight, or none");
  const double most = weights.empty() ? 0 : *std::max_element(weights.begin(), weights.end());
  if (most <= 0) throw Error("the mix is empty: the sources hold nothing, or every weight is 0");
  for (double& weight : weights) weight /= most;  // so that their sum is finite
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (sources[i].size == 0 && weights[i] > 0)
      throw Error("source '" + sources[i].name + "' holds nothing to train on");
  return weights;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * share);
  return text;
}

}  // namespace

Blend blend(const std::vector<BlendSource>& sources, std::optional<std::uint64_t> total) {
  const std::vector<double> shares = weights_of(sources);
  std::vector<double> amounts(sources.size(), 0);
  std::vector<bool> capped(sources.size(), false);
  double wanted = total ? static_cast<double>(*total) : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < sources.size() && !total; ++i) {
    if (shares[i] == 0) continue;
    wanted = std::min(wanted, cap_of(sources[i]) / shares[i]);
    if (wanted == 0)
      throw Error("the mix is empty: source '" + sources[i].name +
                  "' has a share of it and may give nothing. Raise its limit, or give it weight 0");
  }
  double left = wanted;
  for (bool again = true; again;) {  // ends: every round but the last caps one source more
    again = false;
    double open = 0;
    for (std::size_t i = 0; i < sources.size(); ++i)
      if (!capped[i]) open += shares[i];
    if (open <= 0) break;
    const double to_share = left;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (capped[i]) continue;
      amounts[i] = to_share * shares[i] / open;
      if (amounts[i] <= cap_of(sources[i]) * (1 + 1e-12)) continue;
      amounts[i] = cap_of(sources[i]);
      left -= amounts[i];
      capped[i] = again = true;
    }
  }
  Blend out;
  const double sum = std::accumulate(amounts.begin(), amounts.end(), 0.0);
  if (!(sum < kMost))
    throw Error("the mix would be larger than can be counted. Lower max_epochs, or give a total");
  for (const double amount : amounts)
    out.amounts.push_back(static_cast<std::uint64_t>(amount + 0.5));
  for (std::size_t i = 0; i < sources.size(); ++i) {
    // Where others gave even less, a source at its limit has its share or more.
    if (!capped[i] || !sources[i].weight || amounts[i] / sum > shares[i] - kLeastLoss) continue;
    const bool by_epochs =
        !sources[i].max_amount || amounts[i] < static_cast<double>(*sources[i].max_amount);
    out.notes.push_back("source '" + sources[i].name +
                        "' reached its limit: " + percent(amounts[i] / sum) +
                        " of the mix instead of " + percent(shares[i]) + ". Raise its " +
                        (by_epochs ? "max_epochs" : "limit") + " to keep its share");
  }
  if (total && sum < wanted * (1 - 1e-9))
    out.notes.push_back("the sources give " + std::to_string(static_cast<std::uint64_t>(sum)) +
                        " of the total of " + std::to_string(*total));
  return out;
}

}  // namespace lehr::plugins::mix
