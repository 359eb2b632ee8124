// lehr graph: the pipeline as a picture.
#include <unistd.h>

#include <iostream>

#include "command.h"
#include "pipeline_graph.h"
#include "runtime/plan/planner.h"
#include "terminal_text.h"

namespace lehr::cli {

void add_graph(Command app, Options& options, int& exit_code) {
  Command command = app.add("graph", "Draw the pipeline: stages and what they take");
  add_pipeline_options(command, options);
  auto format = std::make_shared<std::string>("text");
  auto status = std::make_shared<bool>(false);
  command
      .option("--format", *format,
              "text (a drawing for the terminal), dot (Graphviz), mermaid or json")
      .one_of({"text", "dot", "mermaid", "json"})
      .show_default()
      .type_name("FORMAT");
  command.flag("--json", options.json, "The same as --format json");
  command.flag("--status", *status,
               "Show what is cached, what will run, and what runs unless its inputs come out "
               "as before");
  command.footer(
      example("lehr graph pipelines/quickstart.yaml --status\n"
              "  lehr graph pipelines/quickstart.yaml --format dot | dot -Tsvg -o pipeline.svg"));
  command.run([&, format, status] {
    if (*format == "json") options.json = true;
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    if (*status) runtime::look_up(loaded->plan, store_if_there(options).get());
    const runtime::Plan& plan = loaded->plan;
    if (options.json)
      std::cout << json_text(json_graph(plan, *status));
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
