#include "publication.h"

#include <algorithm>
#include <ctime>

#include "facets.h"

namespace lehr::host {
namespace fs = std::filesystem;
using runtime::Artifact;
using runtime::ArtifactStore;
using runtime::StageResult;
using Json = nlohmann::ordered_json;

void publish_outputs(lehr_context& context, const ArtifactStore& store, double seconds) {
  const auto& spec = context.spec;
  StageResult result;
  result.key = spec.key;
  result.stage = spec.full_name;
  result.results = context.results;
  result.key_parts = spec.key_parts;
  result.run = spec.run;
  result.stage_id = spec.stage_id;
  result.unix_time = std::time(nullptr);
  result.seconds = seconds;

  std::map<std::string, std::size_t> seen;
  for (const auto& in : spec.inputs)
    result.inputs_from["in." + in.port + "[" + std::to_string(seen[in.port]++) + "]"] = in.from;

  std::vector<BoundInput> inputs;
  for (const auto& in : context.inputs)
    inputs.push_back({in.port, "", in.digest, in.artifact.facets});
  SymbolTable symbols(context.description.at("inputs"), inputs);
  // Outputs that stand for a symbol come first: others may carry it as a facet.
  std::vector<Json> ports(context.description.at("outputs").begin(),
                          context.description.at("outputs").end());
  std::stable_partition(ports.begin(), ports.end(),
                        [](const Json& port) { return port.contains("self"); });

  const fs::path out = store.work_path(spec.key) / "out";
  std::future<void> on_disk = runtime::start_fsync_tree(out);
  std::map<std::string, Artifact> outputs;
  for (const Json& port : ports) {
    const std::string name = port.at("name");
    const fs::path folder = context.outputs.at(name);
    Artifact artifact = runtime::describe_folder(folder, port.at("type"),
                                                 symbols.of_output(port, context.facets_set[name]),
                                                 std::max(1u, spec.threads));
    if (artifact.files.empty())
      throw runtime::StoreError("the stage left its output '" + name + "' empty");
    const std::string digest = artifact.digest();
    if (port.contains("self")) symbols.bind(port["self"], digest);
    result.outputs[name] = {digest, artifact.type, artifact.facets};
    outputs[name] = std::move(artifact);
  }

  on_disk.get();
  store.publish(out, result, outputs);
}

}  // namespace lehr::host
