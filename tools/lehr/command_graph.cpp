// lehr graph: the pipeline as a picture.
#include <unistd.h>

#include <iostream>

#include "command.h"
#include "pipeline_graph.h"
#include "runtime/plan/planner.h"
#include "terminal_text.h"

namespace lehr::cli {

void add_graph(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* command = app.add_subcommand("graph", "Draw the pipeline: stages and what they take");
  add_pipeline_options(*command, options);
  auto format = std::make_shared<std::string>("text");
  auto status = std::make_shared<bool>(false);
  command
      ->add_option("--format", *format,
                   "text (a drawing for the terminal), dot (Graphviz), mermaid or json")
      ->check(CLI::IsMember({"text", "dot", "mermaid", "json"}))
      ->capture_default_str()
      ->type_name("FORMAT");
  command->add_flag("--json", options.json, "The same as --format json");
  command->add_flag("--status", *status,
                    "Show what is cached, what will run, and what runs unless its inputs come out "
                    "as before");
  command->footer(
      example("lehr graph pipelines/quickstart.yaml --status\n"
              "  lehr graph pipelines/quickstart.yaml --format dot | dot -Tsvg -o pipeline.svg"));
  command->callback([&, format, status] {
    if (*format == "json") options.json = true;
    auto loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    if (*status) {
      std::optional<runtime::ArtifactStore> store;
      if (std::filesystem::is_directory(store_folder(options)))
        store.emplace(store_folder(options));
      runtime::look_up(loaded->plan, store ? &*store : nullptr);
    }
    const runtime::Plan& plan = loaded->plan;
    if (options.json)
      std::cout << json_graph(plan, *status).dump(2) << "\n";
    else if (*format == "dot")
      std::cout << dot_graph(plan, *status);
    else if (*format == "mermaid")
      std::cout << mermaid_graph(plan, *status);
    else
      std::cout << terminal_graph(
          plan, {*status, use_color(STDOUT_FILENO), terminal_width(STDOUT_FILENO)});
  });
}

}  // namespace lehr::cli
