#include "told_line.h"

#include <nlohmann/json.hpp>

namespace lehr::plugins::command {

bool pass_on(std::string_view line, const Context& context) {
  if (!line.starts_with('{') || line.find("\"lehr\"") == std::string_view::npos) return false;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("lehr")) return false;
  const auto text = [&](const char* member) { return json.value(member, std::string()); };
  try {
    const std::string kind = json.at("lehr");
    if (kind == "metric")
      context.metric(json.value("step", std::int64_t{0}), json.at("name").get<std::string>(),
                     json.at("value").get<double>());
    else if (kind == "result")
      context.result(json.at("name").get<std::string>(), json.at("value").get<double>());
    else if (kind == "progress")
      context.progress(json.at("done").get<std::uint64_t>(), json.value("total", std::uint64_t{0}),
                       json.value("unit", std::string("steps")), text("note"));
    else
      throw Error("there is no message '" + kind +
                  "': a program can tell a metric, a result or "
                  "its progress");
  } catch (const nlohmann::json::exception& e) {
    throw Error("the program told something that cannot be understood: " + std::string(line) +
                " (" + e.what() + ")");
  }
  return true;
}

}  // namespace lehr::plugins::command
