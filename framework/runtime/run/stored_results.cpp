#include "runtime/run/stored_results.h"

#include <algorithm>

#include "runtime/plan/input_content.h"
#include "runtime/store/result_index.h"

namespace lehr::runtime {

StoredResults::StoredResults(const Plan& plan, const ArtifactStore& store)
    : plan_(plan), store_(store), keys_(plan.stages.size()), before_(plan.stages.size()) {}

std::shared_ptr<const StageResult> StoredResults::find(
    std::size_t index, const std::vector<std::string>& input_digests, RunLog& log) {
  const PlannedStage& stage = plan_.stages[index];
  keys_[index] = stage_key(stage, input_digests);
  // gc must see the key before it may take the result away.
  const FileDescriptor lock = store_.shared_lock();
  log.add_keys({keys_[index].key});
  auto result = published(index);
  if (stage.forced) {
    before_[index] = std::move(result);
    return nullptr;
  }
  const bool whole = result && std::all_of(stage.outputs.begin(), stage.outputs.end(),
                                           [&](const PlannedOutput& output) {
                                             return result->outputs.contains(output.port);
                                           });
  return whole ? result : nullptr;
}

std::shared_ptr<const StageResult> StoredResults::published(std::size_t index) const {
  auto result = store_.find_result(keys_[index].key);
  return result ? std::make_shared<const StageResult>(std::move(*result)) : nullptr;
}

std::string StoredResults::changed_input(std::size_t index) const {
  if (plan_.stages[index].input_paths.empty()) return "";
  ContentDigests contents(&store_);
  for (const InputPath& input : plan_.stages[index].input_paths)
    for (const KeyPart& part : keys_[index].parts)
      if (part.name == "content." + input.parameter &&
          part.value != contents.describe(input.pattern))
        return input.pattern;
  return "";
}

std::string StoredResults::take_back_if_changed(std::size_t index) const {
  std::string changed = changed_input(index);
  if (changed.empty()) return changed;
  if (before_[index])
    store_.write_result(*before_[index]);
  else
    store_.discard(store_.result_path(keys_[index].key));
  return changed;
}

void StoredResults::remember(const std::vector<StageOutcome>& outcomes) const try {
  const FileDescriptor lock = store_.shared_lock();
  ResultIndex index(store_, plan_.name);
  for (const StageOutcome& outcome : outcomes)
    if (outcome.result) index.find(outcome.result->key);
  index.save();
} catch (const IoError&) {  // then the next run opens them
}

}  // namespace lehr::runtime
