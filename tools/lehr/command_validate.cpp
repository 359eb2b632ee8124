// lehr validate: reports every mistake of a pipeline without reading inputs or the store.
#include <iostream>

#include "command.h"
#include "locked.h"
#include "runtime/plan/planner.h"

namespace lehr::cli {

void add_validate(Command app, Options& options, int& exit_code) {
  Command command =
      app.add("validate", "Report every mistake in a pipeline file, with line and column");
  add_pipeline_options(command, options);
  add_locked_option(command, options);
  add_json_option(command, options, "Mistakes as JSON, for editors ([] if there are none)");
  command.footer(
      example("lehr validate pipelines/quickstart.yaml --set stages.base.with.budget.tokens=1M") +
      "\n\nNo code of a plugin is run: rules that it has across its parameters are asked of it by\n"
      "`lehr plan` and `lehr run`, before anything starts.");
  command.run([&] {
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    if (options.locked) {
      runtime::look_up(loaded->plan, nullptr);
      if (!accept_lock(loaded->plan, nullptr, exit_code)) return;
    }
    if (options.json)
      std::cout << "[]\n";
    else
      std::cout << loaded->plan.name << ": " << loaded->plan.stages.size()
                << (loaded->plan.stages.size() == 1 ? " stage" : " stages") << ", no mistakes\n";
  });
}

}  // namespace lehr::cli
