// Whole numbers out of JSON that others may have written. nlohmann's get() converts what is there,
// and 1e300 to an integer is undefined.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "text/strict_json.h"

namespace lehr::text {

// Throws JsonError: a fraction, no number, or one that T cannot hold.
template <class T, class Json>
T whole_number(const Json& json) {
  const bool fits =
      json.is_number_unsigned()
          ? std::in_range<T>(json.template get<std::uint64_t>())
          : json.is_number_integer() && std::in_range<T>(json.template get<std::int64_t>());
  if (!fits)
    throw JsonError("expected a whole number, got " +
                    json.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80));
  return json.template get<T>();
}

// Of the member `name`; `otherwise` if there is none.
template <class T, class Json>
T whole_number(const Json& object, const char* name, T otherwise) {
  const auto found = object.find(name);
  return found == object.end() ? otherwise : whole_number<T>(*found);
}

}  // namespace lehr::text
