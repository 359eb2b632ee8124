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

// The text's tree, or what is wrong with the text; it lives until `parser` parses again: this
// thread's, or one of its own for a text whose size should not stay in memory. Throws
// std::bad_alloc, which says nothing of the text.
inline simdjson::simdjson_result<simdjson::dom::element> parse(
    std::string_view text, simdjson::dom::parser& parser = json_parser()) {
  auto out = parser.parse(text.data(), text.size());
  if (out.error() == simdjson::MEMALLOC) {
    parser = simdjson::dom::parser();  // simdjson 3.0 would go on in memory that it has not got
    throw std::bad_alloc();
  }
  return out;
}

// The JSON object that `text` is, as parse() gives it. Throws StoreError; std::bad_alloc.
inline JsonObject parse_object(std::string_view text,
                               simdjson::dom::parser& parser = json_parser()) {
  JsonObject out;
  if (parse(text, parser).get(out)) throw StoreError("it is not a JSON object");
  return out;
}

}  // namespace lehr::runtime
