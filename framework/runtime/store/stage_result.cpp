#include "runtime/store/stage_result.h"

#include "runtime/store/json_member.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {

std::string hashed_key(const KeyPartViews& parts) {
  std::string text = "lehr stage key 1\n";
  text.reserve(1024);
  for (const auto& [name, value] : parts)
    text.append(std::to_string(name.size()))
        .append(":")
        .append(name)
        .append(std::to_string(value.size()))
        .append(":")
        .append(value);
  return sha256_hex(text);
}

std::string stage_key(const KeyParts& parts) {
  return hashed_key(KeyPartViews(parts.begin(), parts.end()));
}

nlohmann::ordered_json StageResult::to_json() const {
  nlohmann::ordered_json outs = nlohmann::ordered_json::object();
  for (const auto& [port, out] : outputs)
    outs[port] = {{"digest", out.digest}, {"type", out.type}, {"facets", out.facets}};
  nlohmann::ordered_json json = {
      {"format", 1},
      {"key", key},
      {"stage", stage},
      {"outputs", outs},
      {"results", runtime::to_json(results)},
      {"key_parts", key_parts},
      {"made",
       {{"run", run}, {"stage_id", stage_id}, {"unix_time", unix_time}, {"seconds", seconds}}}};
  if (!inputs_from.empty()) json["made"]["inputs_from"] = inputs_from;
  if (!adopted_from.empty())
    json["adopted_from"] = {{"key", adopted_from}, {"unix_time", adopted_time}};
  return json;
}

StageResult StageResult::parse(std::string_view json) {
  const JsonObject all = parse_object(json);
  if (const auto format = member<std::int64_t>(all, "format"); format != 1)
    throw StoreError("format " + std::to_string(format) + " is newer than this Lehr knows");
  StageResult out;
  out.key = member<std::string_view>(all, "key");
  out.stage = member<std::string_view>(all, "stage");
  for (const auto [port, element] : member<JsonObject>(all, "outputs")) {
    const auto output = value<JsonObject>(element, port);
    StageOutput& to = out.outputs[std::string(port)];
    to.digest = member<std::string_view>(output, "digest");
    to.type = member<std::string_view>(output, "type");
    for (const auto [facet, text] : member<JsonObject>(output, "facets"))
      to.facets[std::string(facet)] = value<std::string_view>(text, facet);
  }
  for (const auto [name, element] : member<JsonObject>(all, "results")) {
    const auto number = value<JsonObject>(element, name);
    NamedResult& to = out.results[name];
    std::string_view text;  // stays empty where there is none
    to.value = !number["value"].is_null() ? member<double>(number, "value")
               : number["text"].get(text) ? not_finite("")
                                          : not_finite(text);
    to.is_volatile =
        number["volatile"].error() == simdjson::SUCCESS && member<bool>(number, "volatile");
  }
  for (const auto element : member<JsonArray>(all, "key_parts")) {
    const auto part = value<JsonArray>(element, "key_parts");
    out.key_parts.emplace_back(value<std::string_view>(part.at(0), "key_parts"),
                               value<std::string_view>(part.at(1), "key_parts"));
  }
  const auto made = member<JsonObject>(all, "made");
  out.run = member<std::string_view>(made, "run");
  out.stage_id = member<std::string_view>(made, "stage_id");
  out.unix_time = member<std::int64_t>(made, "unix_time");
  out.seconds = member<double>(made, "seconds");
  if (JsonObject from; made["inputs_from"].get(from) == simdjson::SUCCESS)
    for (const auto [part, stage] : from)
      out.inputs_from[std::string(part)] = value<std::string_view>(stage, part);
  if (JsonObject adopted; all["adopted_from"].get(adopted) == simdjson::SUCCESS) {
    out.adopted_from = member<std::string_view>(adopted, "key");
    out.adopted_time = member<std::int64_t>(adopted, "unix_time");
  }
  return out;
}

}  // namespace lehr::runtime
