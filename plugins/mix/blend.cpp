#include "blend.h"

#include <lehr/value.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace lehr::plugins::mix {
namespace {

constexpr double kMost = 0x1p62;  // of all together; more would overflow what counts it

double cap_of(const BlendSource& source) {
  const double epochs = static_cast<double>(source.size) * source.max_epochs;
  return source.max_amount ? std::min(epochs, static_cast<double>(*source.max_amount)) : epochs;
}

std::vector<double> weights_of(const std::vector<BlendSource>& sources) {
  std::vector<double> weights;
  std::string with, without;
  double sum = 0;
  for (const BlendSource& source : sources) {
    (source.weight ? with : without) = source.name;
    weights.push_back(source.weight ? *source.weight : cap_of(source));
    sum += weights.back();
  }
  if (!with.empty() && !without.empty())
    throw Error("source '" + with + "' has a weight and '" + without +
                "' has none. Give every source a weight, or none");
  if (sum <= 0) throw Error("the mix is empty: the sources hold nothing, or every weight is 0");
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
  double wanted = 0;
  if (total) {
    wanted = static_cast<double>(*total);
  } else {
    for (std::size_t i = 0; i < sources.size(); ++i)
      if (shares[i] > 0) {
        const double most = cap_of(sources[i]) / shares[i];
        wanted = wanted == 0 ? most : std::min(wanted, most);
      }
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
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (capped[i] && sources[i].weight)
      out.notes.push_back("source '" + sources[i].name + "' reached its limit: " +
                          percent(amounts[i] / sum) + " of the mix instead of " +
                          percent(shares[i]) + ". Raise its max_epochs to keep its share");
  if (total && sum < wanted * (1 - 1e-9))
    out.notes.push_back("the sources give " + std::to_string(static_cast<std::uint64_t>(sum)) +
                        " of the total of " + std::to_string(*total));
  return out;
}

}  // namespace lehr::plugins::mix
