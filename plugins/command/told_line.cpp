#include "told_line.h"

#include <nlohmann/json.hpp>

namespace lehr::plugins::command {
namespace {

// A count as a program may tell it: `total / 2` is 5.0 to some.
template <class T>
T count_of(const nlohmann::json& number) {
  const double value = number.get<double>();
  if (!(value >= (std::is_signed_v<T> ? -0x1p63 : 0) && value < 0x1p63))
    throw Error("the program told the count " + number.dump() + ", which cannot be");
  return number.is_number_float() ? static_cast<T>(value) : number.get<T>();
}

template <class T>
T count_of(const nlohmann::json& message, const char* member) {
  const auto found = message.find(member);
  return found == message.end() ? T{0} : count_of<T>(*found);
}

}  // namespace

bool pass_on(std::string_view line, const Context& context) {
  if (!line.starts_with('{') || line.find("\"lehr\"") == std::string_view::npos) return false;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("lehr")) return false;
  const auto text = [&](const char* member) { return json.value(member, std::string()); };
  try {
    const std::string kind = json.at("lehr");
    if (kind == "metric")
      context.metric(count_of<std::int64_t>(json, "step"), json.at("name").get<std::string>(),
                     json.at("value").get<double>());
    else if (kind == "result")
      context.result(json.at("name").get<std::string>(), json.at("value").get<double>());
    else if (kind == "progress")
      context.progress(count_of<std::uint64_t>(json.at("done")),
                       count_of<std::uint64_t>(json, "total"),
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
