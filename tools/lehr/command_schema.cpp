// lehr schema: JSON Schema of pipeline files for editors, made from the plugins that are installed.
#include <fstream>
#include <iostream>

#include "command.h"
#include "runtime/config/pipeline_schema.h"

namespace lehr::cli {

void add_schema(Command app, Options& options, int& exit_code) {
  Command command =
      app.add("schema", "Write the JSON Schema of pipeline files, for completion in editors");
  auto output = std::make_shared<std::string>();
  command.option("-o,--output", *output, "File to write (default: standard output)")
      .type_name("FILE");
  add_plugin_path_option(command, options);
  command.footer(example("lehr schema -o schemas/pipeline.schema.json"));
  command.run([&, output] {
    const auto registry = load_plugins(options, std::filesystem::current_path());
    for (const auto& broken : registry->broken()) {
      std::cerr << "lehr: plugin not usable: " << broken.reason << "\n";
      exit_code = kPluginCannotLoad;
    }
    const std::string text = json_text(runtime::pipeline_schema(*registry));
    if (output->empty()) {
      std::cout << text;
      return;
    }
    std::ofstream file(*output, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw CommandError(kUsage, *output + ": cannot be written");
  });
}

}  // namespace lehr::cli
