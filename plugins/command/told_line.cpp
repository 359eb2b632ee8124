#include "told_line.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>

namespace lehr::plugins::command {
namespace {

// What Python's json and others write where JSON has no number.
constexpr const char* kNoJson[] = {"NaN", "-Infinity", "Infinity"};

std::string with_quotes_around_those(std::string line) {
  for (const std::string word : kNoJson)
    for (std::size_t at = 0; (at = line.find(word, at)) != std::string::npos; at += word.size()) {
      const std::size_t before = line.find_last_not_of(' ', at - 1);
      const std::size_t behind = line.find_first_of(",} ", at);
      if (line[before] != ':' || behind != at + word.size()) continue;
      line.insert(behind, 1, '"').insert(at, 1, '"');
      at += 2;
    }
  return line;
}

double number(const nlohmann::json& value) {
  const std::string* text = value.get_ptr<const std::string*>();
  const bool known =
      text && std::find(std::begin(kNoJson), std::end(kNoJson), *text) != std::end(kNoJson);
  return known ? std::strtod(text->c_str(), nullptr) : value.get<double>();
}

// `{"lehr": ...`, whatever follows.
bool begins_a_message(std::string_view line) {
  for (const std::string_view part : {"{", "\"lehr\"", ":"}) {
    if (!line.starts_with(part)) return false;
    line.remove_prefix(part.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  }
  return true;
}

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
  auto json = nlohmann::json::parse(line, nullptr, false);
  if (json.is_discarded())
    json = nlohmann::json::parse(with_quotes_around_those(std::string(line)), nullptr, false);
  if (json.is_discarded() && begins_a_message(line))
    throw Error("the program told something that is no JSON object in one line: " +
                std::string(line));
  if (!json.is_object() || !json.contains("lehr")) return false;
  const auto text = [&](const char* member) { return json.value(member, std::string()); };
  try {
    const std::string kind = json.at("lehr");
    if (kind == "metric")
      context.metric(count_of<std::int64_t>(json, "step"), json.at("name").get<std::string>(),
                     number(json.at("value")));
    else if (kind == "result")
      context.result(json.at("name").get<std::string>(), number(json.at("value")));
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
