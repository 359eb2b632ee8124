// JSON appended to text, for what is written by the thousand: a tree that is built only to be
// dumped takes ten times as long.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace lehr::runtime {

// Whether JSON can carry it as it is.
bool is_utf8(std::string_view text);
// `text` in quotes; what is not UTF-8 is replaced.
void append_json(std::string& out, std::string_view text);
// As dump() writes it.
void append_json(std::string& out, double value);
// The same text as dump() gives, where most of it is plain strings.
void append_dump(std::string& out, const nlohmann::ordered_json& json);
// "name":"text", with a comma before it unless it is the first of its object.
void append_member(std::string& out, std::string_view name, std::string_view text);
// "name": alone, likewise.
void append_name(std::string& out, std::string_view name);

}  // namespace lehr::runtime
