// What differs between two sets of key parts: the reason a stage runs again.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/store/stage_result.h"

namespace lehr::runtime {

struct Difference {
  std::string name;
  std::string before, after;  // empty: the part was not there
  std::string where;          // of the new value
};

// By name. Parts that begin with `ignored_prefix` are left out ("in." while inputs are not known).
std::vector<Difference> differences(const KeyParts& before, const std::vector<KeyPart>& after,
                                    const std::string& ignored_prefix = "");

// "with.vocab_size: 4096 -> 8192 (tiny.yaml:14:9)"; digests are shortened, and of long values is
// shown what is around their first difference.
std::string text(const Difference& difference);

// Both values, cut to so many bytes around their first difference where one is longer.
std::pair<std::string, std::string> around_difference(const std::string& before,
                                                      const std::string& after,
                                                      std::size_t longest = 60);

// The result of an earlier run of the same stage that differs least, the newest of equals; of
// another variant of its matrix only if this one never ran, of another plugin's stage (`uses`) only
// if this one's never did. Of thousands the newest thousand are compared. Null if there is none.
const StageResult* closest_result(const PlannedStage& stage, const std::vector<KeyPart>& parts,
                                  const std::vector<StageResult>& results,
                                  const std::string& ignored_prefix = "");

}  // namespace lehr::runtime
