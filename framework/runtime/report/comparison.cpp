#include "runtime/report/comparison.h"

#include <cmath>
#include <set>

#include "runtime/plan/differences.h"

namespace lehr::runtime {
namespace {

std::string where_of(const StageRecord& stage, const std::string& part) {
  for (const KeyPart& p : stage.parts)
    if (p.name == part) return p.where;
  return "";
}

std::vector<PartChange> changes_of(const StageRecord& a, const StageRecord& b) {
  KeyParts before;
  for (const KeyPart& part : a.parts) before.emplace_back(part.name, part.value);
  // Inputs can be compared only where both results are still known.
  const bool inputs = !a.outputs.empty() && !b.outputs.empty();
  std::vector<PartChange> out;
  for (const Difference& d : differences(before, b.parts, inputs ? "" : "in."))
    out.push_back({d.name, d.before, d.after, where_of(a, d.name), d.where});
  return out;
}

template <class A, class B>
std::set<std::string> names_of(const A& a, const B& b) {
  std::set<std::string> out;
  for (const auto& [name, value] : a) out.insert(name);
  for (const auto& [name, value] : b) out.insert(name);
  return out;
}

void compare(StageComparison& out, const std::filesystem::path& store_root) {
  const StageRecord &a = *out.a, &b = *out.b;
  out.changes = changes_of(a, b);
  for (const std::string& name : names_of(a.results, b.results)) {
    ResultPair pair{name, std::nullopt, std::nullopt, false};
    for (const auto& [stage, value] : {std::pair{&a, &pair.a}, {&b, &pair.b}})
      if (const auto found = stage->results.find(name); found != stage->results.end()) {
        *value = found->second.value;
        pair.is_volatile |= found->second.is_volatile;
      }
    out.results.push_back(std::move(pair));
  }
  auto of_a = read_metrics(store_root, a.made_in, a.made_as),
       of_b = read_metrics(store_root, b.made_in, b.made_as);
  for (const std::string& name : names_of(of_a, of_b))
    out.metrics.push_back({name, std::move(of_a[name]), std::move(of_b[name])});
  for (const std::string& port : names_of(a.outputs, b.outputs)) {
    const auto of = [&](const StageRecord& stage) {
      const auto found = stage.outputs.find(port);
      return found == stage.outputs.end() ? std::string() : found->second;
    };
    out.outputs.push_back({port, of(a), of(b)});
  }
}

}  // namespace

bool ResultPair::differs() const {
  if (a.has_value() != b.has_value()) return true;
  return a && *a != *b && !(std::isnan(*a) && std::isnan(*b));
}

std::vector<StageComparison> compare_runs(const RunRecord& a, const RunRecord& b,
                                          const std::filesystem::path& store_root) {
  std::vector<StageComparison> out;
  for (const StageRecord& stage : b.stages) {
    StageComparison pair;
    pair.id = stage.id;
    pair.a = a.find(stage.id);
    pair.b = &stage;
    pair.same = pair.a && !stage.key.empty() && pair.a->key == stage.key;
    if (pair.a && !pair.same) compare(pair, store_root);
    out.push_back(std::move(pair));
  }
  for (const StageRecord& stage : a.stages)
    if (!b.find(stage.id)) {
      StageComparison pair;
      pair.id = stage.id;
      pair.a = &stage;
      out.push_back(std::move(pair));
    }
  return out;
}

}  // namespace lehr::runtime
