// Members of the store's JSON files, read with simdjson: thousands of them are opened by a run that
// finds nothing to do.
#pragma once

#include <simdjson.h>

#include <new>
#include <string>
#include <string_view>

#include "runtime/store/artifact.h"

namespace lehr::runtime {

using JsonObject = simdjson::dom::object;
using JsonArray = simdjson::dom::array;

// `found` as a T; throws StoreError naming the member `name` if it is none.
template <class T>
T value(simdjson::simdjson_result<simdjson::dom::element> found, std::string_view name) {
  T out;
  if (std::move(found).get<T>().get(out))
    throw StoreError("member '" + std::string(name) + "' is missing or malformed");
  return out;
}
template <class T>
T value(simdjson::dom::element element, std::string_view name) {
  return value<T>(simdjson::simdjson_result<simdjson::dom::element>(std::move(element)), name);
}

template <class T>
T member(const JsonObject& object, std::string_view name) {
  return value<T>(object[name], name);
}

// What it has parsed lives until it parses again.
inline simdjson::dom::parser& json_parser() {
  static thread_local simdjson::dom::parser parser;
  return parser;
}

// The JSON object that `text` is; views into it live until `parser` parses again: this thread's, or
// one of its own for a text whose size should not stay in memory. Throws StoreError;
// std::bad_alloc, which says nothing of the text.
inline JsonObject parse_object(std::string_view text,
                               simdjson::dom::parser& parser = json_parser()) {
  JsonObject out;
  const simdjson::error_code error = parser.parse(text.data(), text.size()).get(out);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error) throw StoreError("it is not a JSON object");
  return out;
}

}  // namespace lehr::runtime
