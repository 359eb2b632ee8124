// JSON from files that may be damaged or hostile. nlohmann's parse() alone takes any depth
// (copying, comparing or writing the value then recurses until the stack is gone), gives the last
// of two equal keys, and makes as many values as there is memory for. Header-only, so that rooms
// that link nothing of text may use it.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::text {

struct JsonLimits {
  std::size_t depth = 64;
  // A value takes up to about 100 bytes besides its text: 64 MiB at most.
  std::size_t values = 600'000;
};

// "it is not JSON", "'x' is given twice", ...; names no file.
struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Json: nlohmann::json or ordered_json. Throws JsonError.
template <class Json>
Json parse_json(std::string_view text, const JsonLimits& limits = {}) {
  // nlohmann takes a NUL byte for the end, whatever stands behind it.
  if (text.find('\0') != std::string_view::npos) throw JsonError("it is not JSON: a NUL byte");
  // ordered_json looks through all members before it adds one.
  constexpr std::size_t kMostSearched = std::size_t{1} << 28;
  constexpr bool ordered = std::is_same_v<Json, nlohmann::ordered_json>;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::size_t open = 0, values = 0, searched = 0;
  const auto look = [&](int, typename Json::parse_event_t event, Json& parsed) {
    using Event = typename Json::parse_event_t;
    if (++values > 3 * limits.values)  // a member is a key and a value, a list its two ends
      throw JsonError("it holds more than " + std::to_string(limits.values) + " values");
    if (event == Event::object_start || event == Event::array_start) {
      if (++open > limits.depth)
        throw JsonError("it is nested deeper than " + std::to_string(limits.depth) + " levels");
      if (event == Event::object_start) keys.emplace_back();
    } else if (event == Event::object_end || event == Event::array_end) {
      --open;
      if (event == Event::object_end) keys.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.template get_ref<const std::string&>();
      searched += keys.back().size();
      if (!keys.back().insert(key).second) throw JsonError("'" + key + "' is given twice");
      if (ordered && searched > kMostSearched) throw JsonError("an object has too many members");
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), look);
  } catch (const nlohmann::detail::exception& e) {
    const std::string_view what = e.what();  // "[json.exception...] parse error at line 1, ..."
    const std::size_t end = what.find("] ");
    throw JsonError("it is not JSON: " +
                    std::string(end == std::string_view::npos ? what : what.substr(end + 2)));
  }
}

}  // namespace lehr::text
