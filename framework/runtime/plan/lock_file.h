// lehr.lock, beside the pipeline files: what their results were made from and what came out, so
// that someone else, or a later day, can tell whether it comes out again. JSON, sorted, one value a
// line: made to be committed and read as a difference.
//
//   {"format": 1, "pipelines": {"tiny.yaml": {"base": {
//       "uses": "pretrain.pretrain", "determinism": "machine", "key": "...",
//       "plugins": {"pretrain": "1.0.0"},            versions, of steps and rewards too
//       "parts": {"code.pretrain": "...", "in.tokens[0]": "<digest>", "with.width": "256"},
//       "inputs": {"in.tokens[0]": "tokens.tokens"},  what is connected; not in the first locks,
//                                                    whose parts say "tokens <digest>" instead
//       "files": {"train": {"a.jsonl": "<sha256>"}}, of input_path parameters
//       "outputs": {"model": "<digest>"}}}}}
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

struct LockedStage {
  std::string uses, determinism, key;
  std::map<std::string, std::string> plugins, parts, inputs, outputs;
  std::map<std::string, std::map<std::string, std::string>> files;  // parameter -> name -> SHA-256
};
using LockedPipeline = std::map<std::string, LockedStage>;  // by stage

// The pipeline has changed, was not run, or has no lock; the message says how to go on.
struct LockError : StoreError {
  using StoreError::StoreError;
};

// Beside the pipeline file.
std::filesystem::path lock_path(const std::filesystem::path& pipeline_file);
// Throws LockError (no file, nothing of this pipeline in it), StoreError (damaged).
LockedPipeline read_lock(const std::filesystem::path& pipeline_file);
// Replaces what the file says of this pipeline and keeps what it says of others. Durable.
void write_lock(const std::filesystem::path& pipeline_file, const LockedPipeline& locked);

// The code digests of all plugins that the stages in a lock file were made with. Throws StoreError,
// IoError.
std::set<std::string> locked_code(const std::filesystem::path& lock_file);

// Of a plan that was looked up in `store`. Throws LockError if a stage has no result yet.
LockedPipeline lock(const Plan& plan, const ArtifactStore& store);

struct LockComparison {
  std::vector<std::string> refused;   // what someone wrote or gave: parameters, inputs, versions
  std::vector<std::string> reported;  // code and machine: the outputs will tell
};
// What the plan, looked up, has other than the lock: "stage 'base': with.width: 256 -> 512
// (tiny.yaml:14:9)". Digests of intermediate artifacts are left to compare_outputs.
LockComparison compare(const LockedPipeline& locked, const Plan& plan, const ArtifactStore* store);

// A line for each output of `result` that is not the locked one.
std::vector<std::string> compare_outputs(const LockedPipeline& locked, const std::string& stage,
                                         const StageResult& result);

}  // namespace lehr::runtime
