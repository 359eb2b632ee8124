#include "runtime/plan/differences.h"

#include <algorithm>
#include <map>

namespace lehr::runtime {
namespace {

// Long values are recognisable by their beginning; digests need no more.
std::string shortened(const std::string& value) {
  std::string out;
  for (std::size_t i = 0; i < value.size();) {
    std::size_t end = i;
    while (end < value.size() &&
           std::string_view("0123456789abcdef").find(value[end]) != std::string_view::npos)
      ++end;
    if (end - i >= 40) {
      out += value.substr(i, 10) + "...";
      i = end;
    } else {
      end = std::max(end, i + 1);
      out += value.substr(i, end - i);
      i = end;
    }
  }
  return out.size() > 120 ? out.substr(0, 117) + "..." : out;
}

std::string base_of(const std::string& stage_id) { return stage_id.substr(0, stage_id.find('@')); }

}  // namespace

std::vector<Difference> differences(const KeyParts& before, const std::vector<KeyPart>& after,
                                    const std::string& ignored_prefix) {
  std::map<std::string, Difference> found;
  const auto ignored = [&](const std::string& name) {
    return !ignored_prefix.empty() && name.starts_with(ignored_prefix);
  };
  for (const auto& [name, value] : before)
    if (!ignored(name)) found[name] = {name, value, "", ""};
  for (const KeyPart& part : after) {
    if (ignored(part.name)) continue;
    Difference& d = found[part.name];
    d.name = part.name;
    d.after = part.value;
    d.where = part.where;
  }
  std::vector<Difference> out;
  for (auto& [name, d] : found)
    if (d.before != d.after) out.push_back(std::move(d));
  return out;
}

std::string text(const Difference& d) {
  std::string out = d.name + ": " + (d.before.empty() ? "(none)" : shortened(d.before)) + " -> " +
                    (d.after.empty() ? "(none)" : shortened(d.after));
  return d.where.empty() ? out : out + " (" + d.where + ")";
}

const StageResult* closest_result(const PlannedStage& stage, const std::vector<KeyPart>& parts,
                                  const std::vector<StageResult>& results,
                                  const std::string& ignored_prefix) {
  const StageResult* best = nullptr;
  std::size_t best_count = 0;
  for (const StageResult& result : results) {
    if (result.stage != stage.uses || base_of(result.stage_id) != base_of(stage.id)) continue;
    const std::size_t count = differences(result.key_parts, parts, ignored_prefix).size();
    if (!best || count < best_count || (count == best_count && result.unix_time > best->unix_time))
      best = &result, best_count = count;
  }
  return best;
}

}  // namespace lehr::runtime
