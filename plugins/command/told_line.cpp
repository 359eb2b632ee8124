#include "told_line.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

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

// Why a message cannot be understood.
using Refused = std::invalid_argument;

const nlohmann::json& needed(const nlohmann::json& message, const char* member) {
  const auto found = message.find(member);
  if (found == message.end()) throw Refused("it has no '" + std::string(member) + "'");
  return *found;
}

// Python's True is 1.
void expect_number(const nlohmann::json& value, const char* member) {
  if (!value.is_number() && !value.is_boolean())
    throw Refused("its '" + std::string(member) + "' is no number: " + value.dump());
}

double number(const nlohmann::json& value, const char* member) {
  const std::string* text = value.get_ptr<const std::string*>();
  if (text && std::find(std::begin(kNoJson), std::end(kNoJson), *text) != std::end(kNoJson))
    return std::strtod(text->c_str(), nullptr);
  expect_number(value, member);
  return value.get<double>();
}

std::string text_of(const nlohmann::json& value, const char* member) {
  if (!value.is_string())
    throw Refused("its '" + std::string(member) + "' is no text: " + value.dump());
  return value.get<std::string>();
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
T count_of(const nlohmann::json& number, const char* member) {
  expect_number(number, member);
  const double value = number.get<double>();
  if (!(value >= (std::is_signed_v<T> ? -0x1p63 : 0) && value < 0x1p63))
    throw Error("the program told the count " + number.dump() + ", which cannot be");
  return number.is_number_float() ? static_cast<T>(value) : number.get<T>();
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
  const auto text = [&](const char* member) { return text_of(needed(json, member), member); };
  const auto text_or = [&](const char* member, const char* otherwise) {
    return json.contains(member) ? text(member) : otherwise;
  };
  try {
    const std::string kind = text("lehr");
    if (kind == "metric")
      context.metric(json.contains("step") ? count_of<std::int64_t>(json["step"], "step") : 0,
                     text("name"), number(needed(json, "value"), "value"));
    else if (kind == "result")
      context.result(text("name"), number(needed(json, "value"), "value"));
    else if (kind == "progress")
      context.progress(count_of<std::uint64_t>(needed(json, "done"), "done"),
                       json.contains("total") ? count_of<std::uint64_t>(json["total"], "total") : 0,
                       text_or("unit", "steps"), text_or("note", ""));
    else
      throw Error("there is no message '" + kind +
                  "': a program can tell a metric, a result or "
                  "its progress");
  } catch (const Refused& e) {
    throw Error("the program told something that cannot be understood: " + std::string(line) +
                " (" + e.what() + ")");
  }
  return true;
}

}  // namespace lehr::plugins::command
