// lehr lock: writes down what the results of a pipeline were made from, and what came out.
#include <iostream>

#include "command.h"
#include "runtime/plan/lock_file.h"
#include "runtime/plan/planner.h"

namespace lehr::cli {

void add_lock(Command app, Options& options, int& exit_code) {
  Command command =
      app.add("lock", "Write lehr.lock: what the results were made from, and what came out");
  add_pipeline_options(command, options);
  command.footer(
      example("lehr run pipelines/quickstart.yaml && lehr lock pipelines/quickstart.yaml") +
      "\n\nCommit the file. `lehr run --locked` then refuses other parameters, inputs "
      "and plugin versions, and\nsays if anything else comes out; `lehr validate "
      "--locked` does so without running.\nIt holds the code digest of every plugin: with `--allow "
      "lehr.lock` no other is loaded.");
  command.run([&] {
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    const auto store = store_if_there(options);
    runtime::look_up(loaded->plan, store.get());
    if (!store)
      throw CommandError(kStageFailed, "there is no store at '" + store_folder(options).string() +
                                           "': `lehr run " + options.pipeline +
                                           "` has to make the results first");
    const auto locked = runtime::lock(loaded->plan, *store);
    runtime::write_lock(options.pipeline, locked);
    std::cout << runtime::lock_path(options.pipeline).string() << ": " << locked.size()
              << (locked.size() == 1 ? " stage" : " stages") << " of " << loaded->plan.name << "\n";
  });
}

}  // namespace lehr::cli
