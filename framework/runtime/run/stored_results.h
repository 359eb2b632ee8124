// What the store has for each stage of a run: its key once its inputs are known, a result that is
// there already, and the one that its host has published.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/executor.h"
#include "runtime/store/run_log.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

class StoredResults {
 public:
  // Both outlive it.
  StoredResults(const Plan& plan, const ArtifactStore& store);

  // Of a stage for which planning found none, now that its inputs are known: one digest for each of
  // them. From here on `log` reaches it, so that gc keeps it. Null: it has to run. Throws
  // IoError.
  std::shared_ptr<const StageResult> find(std::size_t index,
                                          const std::vector<std::string>& input_digests,
                                          RunLog& log);
  // Of a stage that find() had nothing for.
  const StageKey& key(std::size_t index) const { return keys_[index]; }
  // What its host has made. Null: it is not there, whatever the host said. Throws IoError.
  std::shared_ptr<const StageResult> published(std::size_t index) const;
  // An input_path whose content is no longer what went into the key. Empty: none. Throws IoError.
  std::string changed_input(std::size_t index) const;
  // The same, and the result, made from something else than its key says, is taken away again; one
  // that was forced gives way to the one before.
  std::string take_back_if_changed(std::size_t index) const;
  // What a run came to, so that the next one need not open it (result_index.h).
  void remember(const std::vector<StageOutcome>& outcomes) const;

 private:
  const Plan& plan_;
  const ArtifactStore& store_;
  std::vector<StageKey> keys_;
  std::vector<std::shared_ptr<const StageResult>> before_;  // of forced stages, where there was one
};

}  // namespace lehr::runtime
