#include "runtime/run/stage_spec.h"

#include "text/whole_number.h"

namespace lehr::runtime {

std::string StageSpec::planned_code(std::string_view plugin_name) const {
  const std::string part = "code." + std::string(plugin_name);
  for (const auto& [name, value] : key_parts)
    if (name == part) return value;
  return "";
}

nlohmann::ordered_json StageSpec::to_json() const {
  nlohmann::ordered_json ins = nlohmann::ordered_json::array(),
                         items = nlohmann::ordered_json::object(),
                         outs = nlohmann::ordered_json::object();
  for (const auto& in : inputs)
    ins.push_back({{"port", in.port},
                   {"label", in.label},
                   {"from", in.from},
                   {"digest", in.digest},
                   {"check", in.check}});
  for (const auto& [port, type] : declared_outputs) outs[port] = type;
  for (const auto& [name, path] : item_plugins) items[name] = path.string();
  return {{"format", 1},
          {"store", store.string()},
          {"run", run},
          {"stage_id", stage_id},
          {"plugin", plugin.string()},
          {"stage", stage},
          {"full_name", full_name},
          {"key", key},
          {"force", force},
          {"spare_work", spare_work.string()},
          {"key_parts", key_parts},
          {"parameters", parameters},
          {"seed", seed},
          {"threads", threads},
          {"device", device},
          {"gpus", gpus},
          {"disk_bytes", disk_bytes},
          {"inputs", ins},
          {"declared_outputs", outs},
          {"item_plugins", items},
          {"kill_after_commits", kill_after_commits},
          {"stop_after_commits", stop_after_commits},
          {"watch_descriptors", watch_descriptors}};
}

StageSpec StageSpec::from_json(const nlohmann::ordered_json& json) try {
  if (const int format = text::whole_number<int>(json.at("format")); format != 1)
    throw StoreError("stage specification format " + std::to_string(format) +
                     " is newer than this host knows");
  StageSpec out;
  out.store = json.at("store").get<std::string>();
  out.run = json.at("run");
  out.stage_id = json.at("stage_id");
  out.plugin = json.at("plugin").get<std::string>();
  out.stage = json.at("stage");
  out.full_name = json.at("full_name");
  out.key = json.at("key");
  out.force = json.value("force", false);
  out.spare_work = json.value("spare_work", "");
  out.key_parts = json.at("key_parts").get<KeyParts>();
  out.parameters = json.at("parameters");
  out.seed = text::whole_number<std::uint64_t>(json.at("seed"));
  out.threads = text::whole_number<std::uint32_t>(json.at("threads"));
  out.device = json.at("device");
  out.gpus = json.value("gpus", "");
  out.disk_bytes = text::whole_number<std::uint64_t>(json, "disk_bytes", 0);
  for (const auto& in : json.at("inputs"))
    out.inputs.push_back(
        {in.at("port"), in.at("label"), in.at("from"), in.at("digest"), in.at("check")});
  if (json.contains("declared_outputs"))
    for (const auto& [port, type] : json["declared_outputs"].items())
      out.declared_outputs.emplace_back(port, type);
  for (const auto& [name, path] : json.at("item_plugins").items())
    out.item_plugins[name] = path.get<std::string>();
  out.kill_after_commits = text::whole_number<std::int64_t>(json, "kill_after_commits", 0);
  out.stop_after_commits = text::whole_number<std::int64_t>(json, "stop_after_commits", -1);
  out.watch_descriptors = json.value("watch_descriptors", false);
  return out;
} catch (const text::JsonError& e) {
  throw StoreError(std::string("the stage specification is malformed: ") + e.what());
} catch (const nlohmann::json::exception& e) {
  throw StoreError(std::string("the stage specification is malformed: ") + e.what());
}

}  // namespace lehr::runtime
