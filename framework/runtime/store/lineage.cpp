#include "runtime/store/lineage.h"

#include <algorithm>
#include <tuple>

namespace lehr::runtime {

std::vector<ResultInput> inputs_of(const StageResult& result) {
  std::vector<ResultInput> out;
  for (const auto& [name, value] : result.key_parts) {
    if (!name.starts_with("in.")) continue;
    const std::size_t digest = value.rfind(' ') + 1;  // 0: there is no label
    const auto known = result.inputs_from.find(name);
    out.push_back({name.substr(3, name.find('[') - 3),
                   known != result.inputs_from.end() ? known->second
                                                     : value.substr(0, digest > 0 ? digest - 1 : 0),
                   value.substr(digest)});
  }
  return out;
}

Lineage::Lineage(std::vector<StageResult> results) : results_(std::move(results)) {
  for (const StageResult& result : results_) {
    std::set<std::string> made;  // two ports may hold the same
    for (const auto& [port, output] : result.outputs) made.insert(output.digest);
    for (const std::string& digest : made) makers_[digest].push_back(&result);
  }
  for (auto& [digest, makers] : makers_)
    std::sort(makers.begin(), makers.end(), [](const StageResult* a, const StageResult* b) {
      return std::tie(a->unix_time, a->key) > std::tie(b->unix_time, b->key);
    });
}

std::vector<const StageResult*> Lineage::makers(const std::string& digest) const {
  const auto found = makers_.find(digest);
  return found == makers_.end() ? std::vector<const StageResult*>() : found->second;
}

Lineage::Reached Lineage::above(const std::vector<std::string>& digests) const {
  Reached out;
  std::set<std::string> seen;
  std::vector<std::string> to_do = digests;
  while (!to_do.empty()) {
    const std::string digest = to_do.back();
    to_do.pop_back();
    if (!seen.insert(digest).second) continue;
    out.digests.insert(digest);
    for (const StageResult* maker : makers(digest)) {
      if (!out.keys.insert(maker->key).second) continue;
      for (const auto& [port, output] : maker->outputs) out.digests.insert(output.digest);
      for (const ResultInput& input : inputs_of(*maker)) to_do.push_back(input.digest);
    }
  }
  return out;
}

}  // namespace lehr::runtime
