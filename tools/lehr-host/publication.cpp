#include "publication.h"

#include <algorithm>
#include <ctime>

#include "facets.h"
#include "runtime/store/checked_json.h"

namespace lehr::host {
namespace fs = std::filesystem;
using runtime::Artifact;
using runtime::ArtifactStore;
using runtime::StageResult;
using Json = nlohmann::ordered_json;
namespace {

fs::path intent_path(const ArtifactStore& store, const std::string& key) {
  return store.work_path(key) / "intent.json";
}

// Moves every output that is not in the store yet, then writes the result.
void carry_out(const ArtifactStore& store, const StageResult& result,
               const std::map<std::string, Artifact>& outputs) {
  const auto lock = store.shared_lock();
  for (const auto& [port, artifact] : outputs) {
    const fs::path folder = store.work_path(result.key) / "out" / port;
    if (fs::exists(folder)) store.publish(folder, artifact);
  }
  store.write_result(result);
}

}  // namespace

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

  std::vector<BoundInput> inputs;
  for (const auto& in : context.inputs)
    inputs.push_back({in.port, in.label, in.digest, in.artifact.facets});
  SymbolTable symbols(context.description.at("inputs"), inputs);
  // Outputs that stand for a symbol come first: others may carry it as a facet.
  std::vector<Json> ports(context.description.at("outputs").begin(),
                          context.description.at("outputs").end());
  std::stable_partition(ports.begin(), ports.end(),
                        [](const Json& port) { return port.contains("self"); });

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

  runtime::fsync_tree(store.work_path(spec.key) / "out");
  Json artifacts = Json::object();
  for (const auto& [name, artifact] : outputs) artifacts[name] = artifact.to_json();
  runtime::write_file_durably(
      intent_path(store, spec.key),
      runtime::checked_json({{"result", result.to_json()}, {"artifacts", artifacts}}));
  carry_out(store, result, outputs);
}

bool finish_earlier_publication(const ArtifactStore& store, const std::string& key) try {
  if (!fs::exists(intent_path(store, key))) return false;
  const Json intent = runtime::read_checked_json(intent_path(store, key));
  const StageResult result = StageResult::from_json(intent.at("result"));
  std::map<std::string, Artifact> outputs;
  for (const auto& [port, json] : intent.at("artifacts").items()) {
    outputs[port] = Artifact::from_json(json);
    const fs::path folder = store.work_path(key) / "out" / port,
                   published = store.artifact_path(outputs[port].digest());
    if (!runtime::damage(fs::exists(folder) ? folder : published, outputs[port], true).empty())
      return false;
  }
  carry_out(store, result, outputs);
  return true;
} catch (const Json::exception&) {
  return false;
} catch (const runtime::StoreError&) {
  return false;
}

}  // namespace lehr::host
