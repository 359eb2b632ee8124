#include "runtime/config/stage_reader.h"

namespace lehr::runtime {

const std::vector<std::string> StageReader::kKeys = {
    "uses", "in", "out", "with", "require", "matrix", "when", "resources", "retries", "timeout"};

void StageReader::read(const Node& map, const Resources& pipeline, StageConfig& stage) {
  const std::string where = "stage '" + stage.base + "': ";
  uses(map, where, stage);
  resources(map, where, stage.resources);
  within(where, pipeline, stage.resources);
  const Entry* in = map.find("in");
  const NodePtr inputs = value(map, "in");
  stage.inputs_known = in ? inputs && (inputs->is_null() || inputs->is_map()) && !inputs->lacks_keys
                          : !is_explained(map, "in", kKeys);
  if (inputs && !inputs->is_null()) this->inputs(*inputs, where, stage);
  if (const NodePtr out = value(map, "out"); out && !out->is_null()) outputs(*out, where, stage);
  stage.with = value(map, "with");
  if (stage.with && !stage.with->is_map() && !stage.with->is_null()) {
    expected(*stage.with, where, "'with' expects a map of parameters");
    stage.with = nullptr;
  }
  if (const NodePtr require = value(map, "require"); require && !require->is_null())
    stage.require = conditions_.results(*require, where, "require", false);
  if (const Entry* entry = map.find("when"); entry && !entry->value->is_null())
    when(*entry, where, stage);
  if (const NodePtr retries = value(map, "retries"))
    number(*retries, where, "'retries' expects a whole number from 0 to 100", read_int, 0, 100,
           stage.retries);
  if (const NodePtr node = value(map, "timeout")) timeout(*node, where, stage.timeout);
}

void StageReader::uses(const Node& map, const std::string& where, StageConfig& stage) {
  const Entry* uses = map.find("uses");
  if (!uses) {
    if (!is_explained(map, "uses", kKeys))
      diagnostics_.error(
          stage.origin,
          where + "'uses' is missing: name the plugin that does the work, as in 'uses: filter'");
    uses = mistyped(map, "uses", kKeys);  // so that what else is wrong is found
    if (!uses) return;
  }
  const NodePtr node = value(map, uses->key);
  stage.uses_origin = uses->value->origin;
  if (node && (!node->is_scalar() || node->text.empty()))
    expected(*node, where, "'uses' expects the name of a plugin or stage");
  else if (node)
    stage.uses = node->text;
}

void StageReader::seed(const Node& node, const std::string& where, std::uint64_t& seed,
                       Origin& origin) {
  origin = node.origin;
  number(node, where, "'seed' expects a whole number from 0 on", read_int, 0, 9.3e18, seed);
}

void StageReader::resources(const Node& map, const std::string& where, Resources& out) {
  const NodePtr resources = value(map, "resources");
  if (!resources || resources->is_null()) return;
  if (!resources->is_map()) return expected(*resources, where, "'resources' expects a map");
  known_keys(*resources, where, {"threads", "memory", "gpu", "device"});
  if (const Entry* entry = resources->find("threads")) {
    out.threads_origin = entry->value->origin;
    number(*entry->value, where, "'threads' expects a whole number from 1 to 4096", read_int, 1,
           4096, out.threads);
  }
  if (const Entry* entry = resources->find("memory")) memory(*entry->value, where, out);
  if (const Entry* entry = resources->find("gpu")) {
    out.gpus_origin = entry->value->origin;
    number(*entry->value, where, "'gpu' expects how many, a whole number from 0 to 1024", read_int,
           0, 1024, out.gpus);
  }
  if (const Entry* entry = resources->find("device")) {
    const Node& device = *entry->value;
    if (device.is_scalar() &&
        (device.text == "cpu" || device.text == "cuda" || device.text == "auto"))
      out.device = device.text, out.device_origin = device.origin;
    else
      expected(device, where, "'device' expects cpu, cuda or auto");
  }
}

void StageReader::memory(const Node& node, const std::string& where, Resources& out) {
  constexpr std::int64_t kLeast = 1 << 20;  // what is less lacks its unit
  out.memory_text = node.text;
  out.memory_origin = node.origin;
  const auto bytes =
      read_bytes(node.is_scalar() ? std::string_view(node.text) : std::string_view());
  if (read_int(node.text) && bytes && *bytes > 0 && *bytes < kLeast)
    diagnostics_.error(node.origin, where + "'memory: " + node.text + "' is in bytes. Write " +
                                        node.text + "MiB or " + node.text + "GiB");
  else
    number(node, where, "'memory' expects a size from 1MiB on, such as 512MiB or 16GiB", read_bytes,
           kLeast, 9e18, out.memory);
}

// What wants more than there is for all would never fit.
void StageReader::within(const std::string& where, const Resources& pipeline,
                         const Resources& stage) {
  const auto refuse = [&](const std::string& wanted, const Origin& at, const std::string& all,
                          const Origin& given) {
    diagnostics_
        .error(at, where + "it takes " + wanted +
                       ", more than the pipeline's 'resources' has for " + "all stages, " + all +
                       ". Give it less, or the pipeline more")
        .notes.push_back({given, "the pipeline's is given here"});
  };
  const auto gpus = [](std::uint32_t count) {
    return std::to_string(count) + (count == 1 ? " GPU" : " GPUs");
  };
  if (pipeline.memory > 0 && stage.memory > pipeline.memory)
    refuse(stage.memory_text + " of memory", stage.memory_origin, pipeline.memory_text,
           pipeline.memory_origin);
  if (pipeline.gpus > 0 && stage.gpus > pipeline.gpus)
    refuse(gpus(stage.gpus), stage.gpus_origin, std::to_string(pipeline.gpus),
           pipeline.gpus_origin);
}

bool StageReader::reference(const Node& node, const std::string& where, Reference& out) {
  if (!node.is_scalar() || node.text.empty()) {
    expected(node, where, "expected 'STAGE' or 'STAGE.OUTPUT'");
    return false;
  }
  out = {node.text, node.origin};
  return true;
}

void StageReader::inputs(const Node& map, const std::string& where, StageConfig& stage) {
  if (!map.is_map())
    return expected(map, where, "'in' expects a map, as in {documents: source.documents}");
  for (const Entry& entry : map.entries) {
    InputConfig input{entry.key, entry.origin, entry.value->is_list(), {}};
    Reference reference;
    const std::string port = where + "input '" + entry.key + "': ";
    if (entry.value->is_list()) {
      for (const NodePtr& item : entry.value->items)
        if (this->reference(*item, port, reference)) input.references.push_back(reference);
    } else if (this->reference(*entry.value, port, reference)) {
      input.references.push_back(reference);
    }
    stage.inputs.push_back(std::move(input));
  }
}

void StageReader::outputs(const Node& map, const std::string& where, StageConfig& stage) {
  if (!map.is_map())
    return expected(map, where, "'out' expects a map of artifact types, as in {report: documents}");
  for (const Entry& entry : map.entries) {
    const Node& type = *entry.value;
    if (!is_identifier(entry.key))
      diagnostics_.error(entry.origin, where + "'" + entry.key + "' cannot name an output: " +
                                           identifier_advice(entry.key));
    else if (!type.is_scalar() || !is_identifier(type.text))
      expected(type, where + "output '" + entry.key + "': ",
               "expected an artifact type such as documents");
    else
      stage.outputs.push_back({entry.key, type.text, entry.origin});
  }
}

// A duration, or {after, grace}.
void StageReader::timeout(const Node& node, const std::string& where, Timeout& out) {
  const auto duration = [&](const Node& text, const std::string& key, double& seconds) {
    number(text, where, "'" + key + "' expects a duration from 1ms to 366d, such as 90s or 30m",
           read_duration, 1e-3, 366 * 86400.0, seconds);
  };
  out.origin = node.origin;
  if (!node.is_map()) return duration(node, "timeout", out.seconds);
  const std::vector<std::string> keys = {"after", "grace"};
  known_keys(node, where + "timeout: ", keys);
  if (const Entry* grace = node.find("grace")) duration(*grace->value, "grace", out.grace_seconds);
  if (const Entry* after = node.find("after"))
    duration(*after->value, "after", out.seconds);
  else if (!is_explained(node, "after", keys))
    diagnostics_.error(node.origin, where +
                                        "'timeout' does not say after what time. Write 30m, or "
                                        "{after: 30m, grace: 1m}");
}

void StageReader::when(const Entry& entry, const std::string& where, StageConfig& stage) {
  if (entry.value->is_map()) {
    const NodePtr map = interpolation_.resolve(entry.value);
    stage.when = conditions_.results(*map, where, "when", true);
    return;
  }
  const auto holds = conditions_.holds(entry.value, where);
  if (holds && !*holds)
    stage.unwanted =
        "'" + entry.value->text + "' does not hold (" + entry.value->origin.text() + ")";
}

}  // namespace lehr::runtime
