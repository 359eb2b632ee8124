// The record of a run: keys, plan.json, run.json, events.ndjson and a stage's metrics, as `lehr
// runs`, `compare` and `report` read them.
#include "cut_input.h"
#include "runtime/report/artifact_name.h"
#include "runtime/report/run_record.h"
#include "runtime/store/artifact.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string run = "runs/20260101-000000-x-0000/";
  static const fuzz::InputFolder store({run + "keys", run + "plan.json", run + "run.json",
                                        run + "events.ndjson", run + "stages/a/metrics.jsonl"});
  store.fill(data, size);
  for (const runtime::RunEntry& entry : runtime::list_runs(store.path())) {
    runtime::stages_of_run(entry);
    runtime::read_metrics(store.path(), entry.id, "a");
    try {
      runtime::read_run(store.path(), entry);
    } catch (const runtime::StoreError&) {
    }
  }
  return 0;
}
