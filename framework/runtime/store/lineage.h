// Which results made an artifact, and from what: the store's results, indexed by what they made.
// Lineage is not part of an artifact's identity, so one artifact may have several makers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/stage_result.h"

namespace lehr::runtime {

// An artifact that a stage read, as its key says: "in.documents[0]" = "<digest>", in a list port
// "clean <digest>". from: the stage that made it as the pipeline named it then; empty: not known.
struct ResultInput {
  std::string port, from, digest;
};
std::vector<ResultInput> inputs_of(const StageResult& result);  // in the order of the key

class Lineage {
 public:
  explicit Lineage(std::vector<StageResult> results);
  Lineage(const Lineage&) = delete;
  Lineage& operator=(const Lineage&) = delete;

  const std::vector<StageResult>& results() const { return results_; }
  // Results that have the artifact among their outputs, newest first.
  std::vector<const StageResult*> makers(const std::string& digest) const;

  // What artifacts stand on: themselves, the results that made them, everything those results made
  // (a result is a hit only with all its outputs), and all that they read, upward.
  struct Reached {
    std::set<std::string> keys, digests;
  };
  Reached above(const std::vector<std::string>& digests) const;

 private:
  std::vector<StageResult> results_;
  std::map<std::string, std::vector<const StageResult*>> makers_;
};

}  // namespace lehr::runtime
