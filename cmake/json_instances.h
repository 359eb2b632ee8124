// nlohmann's classes, compiled once for all that starts from the precompiled headers: without, a
// third of the machine code that a first build makes is copies of them. Small functions are inlined
// all the same.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#ifndef LEHR_JSON_INSTANCE  // json_instances.cpp defines it as nothing
#define LEHR_JSON_INSTANCE extern
#endif

NLOHMANN_JSON_NAMESPACE_BEGIN
LEHR_JSON_INSTANCE template class basic_json<>;
LEHR_JSON_INSTANCE template class basic_json<ordered_map>;

namespace detail {
using Characters = iterator_input_adapter<const char*>;
using StringCharacters = iterator_input_adapter<std::string::const_iterator>;

#define LEHR_JSON_READER(Json, Input)                                       \
  LEHR_JSON_INSTANCE template class lexer<Json, Input>;                     \
  LEHR_JSON_INSTANCE template class parser<Json, Input>;                    \
  LEHR_JSON_INSTANCE template bool parser<Json, Input>::sax_parse_internal( \
      json_sax_dom_parser<Json>*);                                          \
  LEHR_JSON_INSTANCE template bool parser<Json, Input>::sax_parse_internal( \
      json_sax_dom_callback_parser<Json>*);
#define LEHR_JSON_PARTS(Json)                                           \
  LEHR_JSON_INSTANCE template class serializer<Json>;                   \
  LEHR_JSON_INSTANCE template class json_sax_dom_parser<Json>;          \
  LEHR_JSON_INSTANCE template class json_sax_dom_callback_parser<Json>; \
  LEHR_JSON_READER(Json, Characters)                                    \
  LEHR_JSON_READER(Json, StringCharacters)                              \
  LEHR_JSON_READER(Json, input_stream_adapter)

LEHR_JSON_PARTS(json)
LEHR_JSON_PARTS(ordered_json)
#undef LEHR_JSON_PARTS
#undef LEHR_JSON_READER
}  // namespace detail
NLOHMANN_JSON_NAMESPACE_END
