#include "runtime/plan/differences.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "runtime/plan/stage_name.h"

namespace lehr::runtime {
namespace {

// A sweep of thousands over years of sweeps would compare for minutes.
constexpr std::size_t kMostCompared = 1000;

// Digests are recognisable by their beginning.
std::string with_short_digests(const std::string& value) {
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
  return out;
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

const std::string& name_of(const std::pair<std::string, std::string>& part) { return part.first; }
const std::string& name_of(const KeyPart& part) { return part.name; }

// Parts sorted by name, as they are in a key, without those that begin with `ignored_prefix`.
template <class Parts>
auto by_name(const Parts& parts, const std::string& ignored_prefix) {
  std::vector<const typename Parts::value_type*> out;
  out.reserve(parts.size());
  for (const auto& part : parts)
    if (ignored_prefix.empty() || !name_of(part).starts_with(ignored_prefix)) out.push_back(&part);
  const auto less = [](const auto* a, const auto* b) { return name_of(*a) < name_of(*b); };
  if (!std::is_sorted(out.begin(), out.end(), less)) std::stable_sort(out.begin(), out.end(), less);
  return out;
}

// Calls visit(before, after), one of them null if it was not there, for each name whose values
// differ; until it returns false.
template <class Visit>
void for_each_difference(const KeyParts& before, const std::vector<KeyPart>& after,
                         const std::string& ignored_prefix, Visit visit) {
  const auto old = by_name(before, ignored_prefix);
  const auto now = by_name(after, ignored_prefix);
  auto b = old.begin();
  auto a = now.begin();
  while (b != old.end() || a != now.end()) {
    const int order = b == old.end() ? 1 : a == now.end() ? -1 : (*b)->first.compare((*a)->name);
    const auto* was = order <= 0 ? *b++ : nullptr;
    const auto* is = order >= 0 ? *a++ : nullptr;
    const bool same =
        was && is ? was->second == is->value : (was ? was->second : is->value).empty();
    if (!same && !visit(was, is)) return;
  }
}

}  // namespace

std::vector<Difference> differences(const KeyParts& before, const std::vector<KeyPart>& after,
                                    const std::string& ignored_prefix) {
  std::vector<Difference> out;
  for_each_difference(before, after, ignored_prefix, [&](const auto* was, const auto* is) {
    out.push_back({is ? is->name : was->first, was ? was->second : "", is ? is->value : "",
                   is ? is->where : ""});
    return true;
  });
  return out;
}

std::pair<std::string, std::string> around_difference(const std::string& before,
                                                      const std::string& after,
                                                      std::size_t longest) {
  if (std::max(before.size(), after.size()) <= longest) return {before, after};
  std::size_t same = 0;
  while (same < before.size() && same < after.size() && before[same] == after[same]) ++same;
  std::size_t begin = same > longest / 3 ? same - longest / 3 : 0;
  while (begin > 0 && begin < before.size() && !begins_character(before[begin])) --begin;
  const auto cut = [&](const std::string& value) {
    const std::string rest = value.substr(std::min(begin, value.size()));
    std::size_t end = rest.size() <= longest ? rest.size() : longest - 1;
    while (end > 0 && end < rest.size() && !begins_character(rest[end])) --end;
    return (begin > 0 ? "…" : "") + rest.substr(0, end) + (end < rest.size() ? "…" : "");
  };
  return {cut(before), cut(after)};
}

std::string text(const Difference& d) {
  const auto [before, after] =
      around_difference(d.before.empty() ? "(none)" : with_short_digests(d.before),
                        d.after.empty() ? "(none)" : with_short_digests(d.after));
  std::string out = d.name + ": " + before + " -> " + after;
  return d.where.empty() ? out : out + " (" + d.where + ")";
}

const StageResult* closest_result(const PlannedStage& stage, const std::vector<KeyPart>& parts,
                                  const std::vector<StageResult>& results,
                                  const std::string& ignored_prefix) {
  std::vector<const StageResult*> candidates;
  const auto collect = [&](bool same_plugin_stage, bool same_variant) {
    for (const StageResult& result : results)
      if ((!same_plugin_stage || result.stage == stage.uses) &&
          (same_variant ? result.stage_id == stage.id
                        : base_name(result.stage_id) == base_name(stage.id)))
        candidates.push_back(&result);
    return !candidates.empty();
  };
  if (!collect(true, true) && !collect(true, false)) collect(false, false);
  if (candidates.size() == 1) return candidates[0];
  if (candidates.size() > kMostCompared) {
    const auto newer = [](const StageResult* a, const StageResult* b) {
      return std::tie(a->unix_time, a->key) > std::tie(b->unix_time, b->key);
    };
    std::nth_element(candidates.begin(), candidates.begin() + kMostCompared, candidates.end(),
                     newer);
    candidates.resize(kMostCompared);
  }
  const StageResult* best = nullptr;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const StageResult* result : candidates) {
    std::size_t count = 0;
    for_each_difference(result->key_parts, parts, ignored_prefix,
                        [&](const auto*, const auto*) { return ++count <= least; });
    if (count < least || (count == least && result->unix_time > best->unix_time))
      best = result, least = count;
  }
  return best;
}

}  // namespace lehr::runtime
