#include "runtime/report/replicas.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace lehr::runtime {
namespace {

bool begins_axis(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                               text[end] == '_' || text[end] == '-'))
    ++end;
  return end > at && end < text.size() && text[end] == '=';
}

// The name without `axis`, and its value; nullopt: the name has no such axis.
std::optional<std::string> take_axis(StageName& name, const std::string& axis) {
  for (auto it = name.axes.begin(); it != name.axes.end(); ++it)
    if (it->first == axis) {
      std::string value = it->second;
      name.axes.erase(it);
      return value;
    }
  return std::nullopt;
}

std::string axes_text(const StageName& name) {
  std::string out;
  for (const auto& [axis, value] : name.axes) out += (out.empty() ? "" : ",") + axis + "=" + value;
  return out;
}

// If there are enough replicas of both.
void add_pair(ReplicatedResult& result, std::size_t a, std::size_t b) {
  const Sample &of_a = result.variants[a].sample, &of_b = result.variants[b].sample;
  if (of_a.n >= kFewestReplicas && of_b.n >= kFewestReplicas)
    result.pairs.push_back({a, b, welch_test(of_a, of_b), 1, false});
}

// Once all pairs are there.
void judge_pairs(ReplicatedResult& result) {
  std::vector<double> p;
  for (const VariantPair& pair : result.pairs) p.push_back(pair.test.p);
  const auto adjusted = holm_adjusted(p);
  for (std::size_t i = 0; i < result.pairs.size(); ++i) {
    result.pairs[i].adjusted_p = adjusted[i];
    result.pairs[i].exceeds_noise = adjusted[i] < kSignificance;
  }
}

}  // namespace

StageName parse_stage_name(const std::string& id) {
  StageName out;
  const std::size_t at = id.find('@');
  out.base = id.substr(0, at);
  if (at == std::string::npos) return out;
  std::size_t begin = at + 1;
  while (begin < id.size()) {
    std::size_t end = begin;
    do end = id.find(',', end + 1);
    while (end != std::string::npos && !begins_axis(id, end + 1));
    const std::string axis = id.substr(begin, end == std::string::npos ? end : end - begin);
    const std::size_t equals = axis.find('=');
    out.axes.emplace_back(axis.substr(0, equals),
                          equals == std::string::npos ? "" : axis.substr(equals + 1));
    begin = end == std::string::npos ? id.size() : end + 1;
  }
  return out;
}

std::vector<ReplicatedResult> replicated_results(const RunRecord& run, const std::string& axis) {
  std::vector<ReplicatedResult> found;
  const auto add = [&](const std::string& stage, const std::string& result,
                       const std::string& variant, const std::string& replica, double number) {
    auto entry = std::find_if(found.begin(), found.end(), [&](const ReplicatedResult& r) {
      return r.stage == stage && r.result == result;
    });
    if (entry == found.end()) entry = found.insert(found.end(), {stage, result, {}, {}});
    auto& variants = entry->variants;
    auto place = std::find_if(variants.begin(), variants.end(),
                              [&](const Variant& v) { return v.name == variant; });
    if (place == variants.end()) place = variants.insert(variants.end(), {variant, {}, {}, {}});
    place->values.push_back(replica);
    place->numbers.push_back(number);
  };
  for (const StageRecord& stage : run.stages) {
    StageName name = parse_stage_name(stage.id);
    const auto replica = take_axis(name, axis);
    for (const auto& [result, number] : stage.results) {
      if (number.is_volatile || !std::isfinite(number.value)) continue;
      if (replica) {
        add(name.base, result, axes_text(name), *replica, number.value);
        continue;
      }
      const std::size_t at = result.find('@');  // of an evaluation: about which model
      if (at == std::string::npos) continue;
      StageName subject = parse_stage_name(result.substr(at + 1));
      const auto subject_replica = take_axis(subject, axis);
      const std::string axes = axes_text(subject);
      if (subject_replica)
        add(stage.id, result.substr(0, at), subject.base + (axes.empty() ? "" : "@" + axes),
            *subject_replica, number.value);
    }
  }
  std::erase_if(found, [](const ReplicatedResult& result) {
    return std::none_of(result.variants.begin(), result.variants.end(),
                        [](const Variant& v) { return v.numbers.size() > 1; });
  });
  for (ReplicatedResult& result : found) {
    for (Variant& variant : result.variants) variant.sample = sample_of(variant.numbers);
    for (std::size_t a = 0; a < result.variants.size(); ++a)
      for (std::size_t b = a + 1; b < result.variants.size(); ++b) add_pair(result, a, b);
    judge_pairs(result);
  }
  return found;
}

std::vector<ReplicatedResult> replicated_differences(const RunRecord& a, const RunRecord& b,
                                                     const std::string& axis) {
  const std::vector<ReplicatedResult> before = replicated_results(a, axis);
  std::vector<ReplicatedResult> out;
  for (const ReplicatedResult& now : replicated_results(b, axis)) {
    const auto then = std::find_if(before.begin(), before.end(), [&](const ReplicatedResult& r) {
      return r.stage == now.stage && r.result == now.result;
    });
    if (then == before.end()) continue;
    ReplicatedResult both{now.stage, now.result, {}, {}};
    for (const Variant& of_b : now.variants) {
      const auto of_a = std::find_if(then->variants.begin(), then->variants.end(),
                                     [&](const Variant& v) { return v.name == of_b.name; });
      if (of_a == then->variants.end() || of_a->numbers == of_b.numbers) continue;
      for (const auto& [letter, variant] : {std::pair{"a", &*of_a}, {"b", &of_b}}) {
        both.variants.push_back(*variant);
        both.variants.back().name = letter + (variant->name.empty() ? "" : ": " + variant->name);
      }
      add_pair(both, both.variants.size() - 2, both.variants.size() - 1);
    }
    judge_pairs(both);
    if (!both.variants.empty()) out.push_back(std::move(both));
  }
  return out;
}

}  // namespace lehr::runtime
