#include "replica_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "runtime/run/human_text.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;
using runtime::number_text;
using runtime::ReplicatedResult;
using runtime::Variant;
using runtime::VariantPair;

constexpr std::size_t kMostPairs = 10;  // of variants, that a result is told of

std::string p_text(double p) {
  char text[24];
  std::snprintf(text, sizeof text, "%.2g", p);
  return p < 0.0001 ? "p < 0.0001" : "p = " + std::string(text);
}

std::string shown_name(const Variant& variant) {
  return variant.name.empty() ? "(all)" : variant.name;
}

std::string signed_text(double value) {
  return (value < 0 ? "-" : "+") + number_text(std::fabs(value));
}

std::string verdict(const ReplicatedResult& result, const VariantPair& pair) {
  const Variant &a = result.variants[pair.a], &b = result.variants[pair.b];
  std::string out =
      shown_name(b) + " - " + shown_name(a) + " = " + signed_text(pair.test.difference) + ": ";
  if (a.sample.deviation == 0 && b.sample.deviation == 0)
    return out + (pair.test.difference == 0 ? "the same in every replica"
                                            : "no noise at all, so the difference is real");
  return out + (pair.exceeds_noise ? "exceeds the noise (" : "within the noise (") +
         p_text(pair.adjusted_p) + ")";
}

// The same number everywhere: how many steps were set, say. It tells nothing.
bool is_constant(const ReplicatedResult& result) {
  const double first = result.variants.front().sample.mean;
  return std::all_of(result.variants.begin(), result.variants.end(), [&](const Variant& v) {
    return v.sample.mean == first && v.sample.deviation == 0;
  });
}

// Of many pairs, which are as the square of the variants, those least likely to be noise.
void add_verdicts(std::string& out, const ReplicatedResult& result, std::size_t width) {
  std::vector<VariantPair> pairs = result.pairs;
  const auto line = [&](const std::string& text) {
    out += (width > 0 ? shortened("    " + text, width) : "    " + text) + "\n";
  };
  if (pairs.size() > kMostPairs)
    std::stable_sort(pairs.begin(), pairs.end(), [](const VariantPair& a, const VariantPair& b) {
      return a.test.p < b.test.p;
    });
  const std::size_t shown = std::min(pairs.size(), kMostPairs);
  for (std::size_t i = 0; i < shown; ++i) line(verdict(result, pairs[i]));
  if (shown == pairs.size()) return;
  const auto exceeding = std::count_if(pairs.begin() + kMostPairs, pairs.end(),
                                       [](const VariantPair& pair) { return pair.exceeds_noise; });
  line("and " + std::to_string(pairs.size() - shown) + " more pairs, " +
       (exceeding == 0 ? "none" : std::to_string(exceeding)) +
       " of them beyond the noise (--json has all)");
}

}  // namespace

std::string replica_text(const std::vector<ReplicatedResult>& results, const std::string& axis,
                         std::size_t width) {
  if (results.empty()) return "";
  std::string out = "\nreplicas over " + axis + ": mean ± standard deviation\n";
  bool tested = false, too_few = false;
  std::string stage;
  std::size_t constant = 0;
  for (const ReplicatedResult& result : results) {
    if (is_constant(result)) {
      ++constant;
      continue;
    }
    if (result.stage != stage) out += "\n" + (stage = result.stage) + "\n";
    TextTable table("llrlrl");
    for (const Variant& variant : result.variants)
      table.row({&variant == &result.variants.front() ? result.result : "", shown_name(variant),
                 number_text(variant.sample.mean), "±", number_text(variant.sample.deviation),
                 "n = " + std::to_string(variant.sample.n)});
    out += table.text("  ", width);
    add_verdicts(out, result, width);
    tested |= !result.pairs.empty();
    too_few |= result.variants.size() > 1 &&
               std::any_of(result.variants.begin(), result.variants.end(),
                           [](const Variant& v) { return v.sample.n < runtime::kFewestReplicas; });
  }
  if (constant > 0)
    out += "\n" + std::to_string(constant) + (constant == 1 ? " result is" : " results are") +
           " the same in every replica and variant\n";
  if (tested)
    out +=
        "\nA difference exceeds the noise where Welch's t-test (two-sided) gives p < 0.05, after\n"
        "Holm's correction for the number of pairs of the same result.\n";
  if (too_few)
    out +=
        "\nWith fewer than 3 replicas of a variant there is no telling its noise: whether it\n"
        "differs from another is left open. Add values to '" +
        axis + "' in the matrix.\n";
  return out;
}

Json replica_json(const std::vector<ReplicatedResult>& results) {
  Json out = Json::array();
  for (const ReplicatedResult& result : results) {
    Json item = {{"stage", result.stage}, {"result", result.result}};
    item["variants"] = item["pairs"] = Json::array();
    for (const Variant& v : result.variants)
      item["variants"].push_back({{"name", v.name},
                                  {"replicas", v.values},
                                  {"numbers", v.numbers},
                                  {"n", v.sample.n},
                                  {"mean", v.sample.mean},
                                  {"deviation", v.sample.deviation}});
    for (const VariantPair& p : result.pairs)
      item["pairs"].push_back({{"a", result.variants[p.a].name},
                               {"b", result.variants[p.b].name},
                               {"difference", p.test.difference},
                               {"t", p.test.t},
                               {"degrees", p.test.degrees},
                               {"p", p.test.p},
                               {"adjusted_p", p.adjusted_p},
                               {"exceeds_noise", p.exceeds_noise}});
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace lehr::cli
