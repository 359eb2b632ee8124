#include "runtime/store/stage_result.h"

#include <cmath>
#include <limits>

#include "runtime/store/sha256.h"

namespace lehr::runtime {

std::string stage_key(const KeyParts& parts) {
  Sha256 hash;
  hash.update("lehr stage key 1\n");
  for (const auto& [name, value] : parts)
    hash.update(std::to_string(name.size()) + ":" + name + std::to_string(value.size()) + ":" +
                value);
  return hash.hex();
}

nlohmann::ordered_json StageResult::to_json() const {
  nlohmann::ordered_json outs = nlohmann::ordered_json::object(), numbers = outs;
  for (const auto& [port, out] : outputs)
    outs[port] = {{"digest", out.digest}, {"type", out.type}, {"facets", out.facets}};
  for (const auto& [name, number] : results) {
    numbers[name] = {{"value", number.value}};  // JSON has no NaN: it becomes null
    if (number.is_volatile) numbers[name]["volatile"] = true;
  }
  nlohmann::ordered_json json = {
      {"format", 1},
      {"key", key},
      {"stage", stage},
      {"outputs", outs},
      {"results", numbers},
      {"key_parts", key_parts},
      {"made",
       {{"run", run}, {"stage_id", stage_id}, {"unix_time", unix_time}, {"seconds", seconds}}}};
  if (!adopted_from.empty())
    json["adopted_from"] = {{"key", adopted_from}, {"unix_time", adopted_time}};
  return json;
}

StageResult StageResult::from_json(const nlohmann::json& json) try {
  if (const int format = json.at("format"); format != 1)
    throw StoreError("format " + std::to_string(format) + " is newer than this Lehr knows");
  StageResult out;
  out.key = json.at("key");
  out.stage = json.at("stage");
  for (const auto& [port, o] : json.at("outputs").items())
    out.outputs[port] = {o.at("digest"), o.at("type"), o.at("facets").get<Facets>()};
  for (const auto& [name, number] : json.at("results").items()) {
    const auto& value = number.at("value");
    out.results[name] = {
        value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>(),
        number.value("volatile", false)};
  }
  out.key_parts = json.at("key_parts").get<KeyParts>();
  const auto& made = json.at("made");
  out.run = made.at("run");
  out.stage_id = made.at("stage_id");
  out.unix_time = made.at("unix_time");
  out.seconds = made.at("seconds");
  if (const auto adopted = json.find("adopted_from"); adopted != json.end()) {
    out.adopted_from = adopted->at("key");
    out.adopted_time = adopted->at("unix_time");
  }
  return out;
} catch (const nlohmann::json::exception& e) {
  throw StoreError(std::string("a stage result is malformed: ") + e.what());
}

}  // namespace lehr::runtime
