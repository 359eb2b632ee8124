// What a run is going to do: the stages in the order data flows, each with its plugin, its
// parameters in canonical form, its connected ports, and every part of its key. Made by make_plan
// (planner.h); read by the executor, `lehr plan` and `lehr explain`. A Plan borrows the plugins: it
// must not outlive the PluginRegistry it was made with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/source.h"
#include "runtime/plugin/plugin_file.h"
#include "runtime/store/stage_result.h"

namespace lehr::runtime {

// One thing a stage's result depends on. `name` is stable and readable ("with.vocab_size",
// "code.tokenizer", "library.libtorch_cpu.so", "in.documents[0]", "content.path", "seed",
// "threads"); `where` is the place in the YAML
// ("tiny.yaml:14:9", "--set stages.base.with.lr=1") or empty for what no one wrote.
struct KeyPart {
  std::string name, value, where;
  friend bool operator==(const KeyPart& a, const KeyPart& b) {
    return a.name == b.name && a.value == b.value;
  }
};

struct StageKey {
  std::string key;             // SHA-256, 64 hex digits
  std::vector<KeyPart> parts;  // sorted by name; what the key was made from
};

struct PlannedInput {
  std::string port;
  // In a list port, what the stage can tell its artifacts apart by: the stage that makes it, as
  // named in the pipeline ("dpo@beta=0.1"). Empty in others: a stage does not hear what someone
  // calls what it reads, so that another name for it reruns nothing.
  std::string label;
  std::string from_stage, from_port;
  std::string type;
  // As the port declares them: facet -> symbol ("T") or "=constant"; `self` is the symbol the
  // artifact itself stands for (its value: the artifact's digest). When the stage starts, all
  // inputs that bind one symbol must give one value; that value is also what output facets bound to
  // the symbol get.
  std::map<std::string, std::string> facets;
  std::string self;
  std::string where;
  Origin origin;       // the same, with the source, for diagnostics
  std::string digest;  // when known while planning, else empty
};

// Its label as the stage sees it: that of an artifact that has none is the name of its port.
inline const std::string& label_for_stage(const PlannedInput& input) {
  return input.label.empty() ? input.port : input.label;
}

struct PlannedOutput {
  std::string port, type;
  std::map<std::string, std::string> facets;  // see PlannedInput
  std::string self;
  std::string digest;  // when the stage is cached, else empty
  std::string where;   // if the pipeline declares the port (`out:`), not the plugin; else empty
  nlohmann::ordered_json facts = {};  // what its stage's estimate tells of it; null: nothing
};

// A document step or reward that a parameter of the stage names, in the order of that parameter's
// list.
struct ItemUse {
  std::string parameter;  // "steps"; nested: "data.steps"
  std::size_t index;
  std::string full_name;  // "acme.no_shouting"
  const PluginFile* plugin;
};

// A parameter that names files outside the store. Their content is part of the key, their folder is
// not.
struct InputPath {
  std::string parameter, pattern,
      where;  // pattern: an absolute file, folder or glob; where: empty for a default
};

// Where the pipeline gives a parameter, for diagnostics: "model.width", "steps[0].name".
struct WrittenParameter {
  std::string path;
  Origin origin;
};

// The result `metric` must compare with `limit` as `op` says: ">=", ">", "<=", "<", "==", "!=".
struct Gate {
  std::string metric, op;
  double limit;
  std::string where;
  std::string stage;  // whose result; empty: that of the stage that has the gate

  bool passes(double value) const;
  std::string name() const;  // "eval/accuracy", "judge:eval/accuracy"
  std::string text() const;  // ">= 0.7"
  // Of stage `id`, which has these and not that: "'exam' has no result 'eval/acuracy' (x.yaml:4:5).
  // Did you mean 'eval/accuracy'?"
  std::string missing(const std::string& id, const NamedResults& results) const;
};

enum class StageState {
  cached,  // the result is in the store
  run,     // no stored result can fit
  maybe,   // runs unless its inputs come out as before
  skip,    // left alone: not wanted (`when`) or not selected
};

struct PlannedStage {
  std::string id;    // as in the pipeline
  std::string uses;  // always in full: "tokenizer.train"
  std::string uses_where;
  const PluginFile* plugin = nullptr;
  nlohmann::ordered_json parameters;  // every one, canonical: see description.md
  std::vector<PlannedInput>
      inputs;  // list ports: one entry for each artifact, in the pipeline's order
  std::vector<PlannedOutput> outputs;
  std::vector<ItemUse> steps, rewards;
  std::vector<InputPath> input_paths;
  std::vector<WrittenParameter> written;  // as far as they affect the output
  std::vector<Gate> gates;
  std::vector<Gate> conditions;  // on results of other stages: run only if all hold
  bool wanted = true;            // not: `reason` says why; what needs it is not wanted either
  std::string determinism;       // "exact", "machine", "none"
  bool uses_seed = false;
  std::uint64_t seed = 0;
  std::uint32_t threads = 1;
  std::string device = "cpu";                           // or "cuda"
  std::string seed_where, threads_where, device_where;  // in the YAML; empty for the default
  // How it runs, not what comes out: no part of the key.
  std::uint64_t memory = 0;                       // bytes it promises to stay below
  std::uint32_t gpus = 0;                         // handed to it for itself; on cuda at least 1
  std::uint32_t retries = 0;                      // more attempts after one that failed
  double timeout_seconds = 0, grace_seconds = 0;  // of an attempt; 0: none
  std::string timeout_where;
  std::string where;  // of the stage's name in the file
  Origin origin;      // the same, with the source, for diagnostics

  // What the command line asked for (selection.h). forced: it runs although its result is there.
  bool selected = true, forced = false;

  std::vector<KeyPart> static_parts;  // of the key: all but the inputs' digests, sorted by name
  StageState state = StageState::run;
  std::string
      reason;  // why it is not cached: "with.vocab_size changed: 4096 -> 8192 (tiny.yaml:14:9)"
  std::string key;                        // when all input digests are known, else empty
  std::optional<std::string> checkpoint;  // the tag of the one it goes on from
  // Of a stage that is cached, without its key parts. Shared with the outcome of the run: results
  // never change.
  std::shared_ptr<const StageResult> result;
  std::optional<double> last_seconds;  // what the nearest earlier result took
  // {"steps", "tokens", "parameters", "flops", "memory", "disk", "seconds"} as far as the plugin
  // knows, with the names of those that may well turn out to be less as "at_most": [...];
  // {"error"}; or null
  nlohmann::ordered_json estimate;
};

// The key of `stage` once the digests of its inputs are known: one for each of stage.inputs, in
// that order.
StageKey stage_key(const PlannedStage& stage, const std::vector<std::string>& input_digests);
// The same without its parts, which need not be copied then.
std::string bare_stage_key(const PlannedStage& stage,
                           const std::vector<std::string>& input_digests);

// Something the pipeline hands out when a run ends: `outputs: {final: dpo}`. See output_folder.h.
struct PipelineOutput {
  std::string name, stage, port, where;
  std::filesystem::path to;  // absolute
  bool link = false;         // to the artifact in the store, instead of a copy
};

struct Plan {
  std::string name;  // of the pipeline
  std::filesystem::path pipeline_file;
  std::uint64_t seed = 0;
  std::uint32_t threads = 1;         // for all stages that run at one time
  std::uint64_t memory = 0;          // the same; 0: what the machine has
  std::uint32_t gpus = 0;            // the same
  std::vector<PlannedStage> stages;  // topological order; among equals the order of the file
  std::vector<PipelineOutput> outputs;

  // What a stage needs directly, by position: the makers of its inputs, and the stages whose
  // results its gates and conditions look at. All of it comes before the stage.
  std::vector<std::vector<std::size_t>> needs() const;
  const PlannedStage* find(std::string_view id) const;
  std::string json() const;  // `lehr plan --json`, runs/<run>/plan.json: a line for each stage
};

const char* name(StageState state);  // "cached", "run", "maybe", "skip"

// Why a stage is started: of one that was to run only if its inputs came out differently, that they
// did.
std::string reason_to_start(const PlannedStage& stage);

}  // namespace lehr::runtime
