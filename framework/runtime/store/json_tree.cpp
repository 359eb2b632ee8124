#include "runtime/store/json_tree.h"

#include <cstdint>
#include <string>

#include "runtime/store/json_member.h"
#include "text/strict_json.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using simdjson::dom::element;

// What is larger or deeper, the strict parser counts.
constexpr std::size_t kMostMembers = 100, kDeepest = 16;

// False: the strict parser is to judge.
bool build(element from, std::size_t depth, Json& to) {
  using Type = simdjson::dom::element_type;
  switch (from.type()) {
    case Type::OBJECT: {
      const JsonObject object = from.get<JsonObject>().value_unsafe();
      if (depth == kDeepest || object.size() > kMostMembers) return false;
      to = Json::object();
      auto& members = to.get_ref<Json::object_t&>();
      members.reserve(object.size());
      for (const auto [name, value] : object) {
        const auto [member, fresh] = members.emplace(std::string(name), nullptr);
        if (!fresh || !build(value, depth + 1, member->second)) return false;
      }
      return true;
    }
    case Type::ARRAY: {
      const JsonArray array = from.get<JsonArray>().value_unsafe();
      if (depth == kDeepest) return false;
      to = Json::array();
      auto& items = to.get_ref<Json::array_t&>();
      items.reserve(array.size());
      for (const element value : array)
        if (!build(value, depth + 1, items.emplace_back())) return false;
      return true;
    }
    case Type::STRING:
      to = std::string(from.get<std::string_view>().value_unsafe());
      return true;
    case Type::INT64: {
      const std::int64_t number = from.get<std::int64_t>().value_unsafe();
      to = number < 0 ? Json(number) : Json(static_cast<std::uint64_t>(number));
      return true;
    }
    case Type::UINT64:
      to = from.get<std::uint64_t>().value_unsafe();
      return true;
    case Type::DOUBLE:
      to = from.get<double>().value_unsafe();
      return true;
    case Type::BOOL:
      to = from.get<bool>().value_unsafe();
      return true;
    case Type::NULL_VALUE:
      return true;
  }
  return false;
}

}  // namespace

Json parse_json_tree(std::string_view text) {
  constexpr std::size_t kLongest = 1 << 20;  // so its values are not too many
  Json out;
  element root;
  if (text.size() <= kLongest && !parse(text).get(root) && build(root, 0, out)) return out;
  return text::parse_json<Json>(text);  // which says what is wrong, if something is
}

}  // namespace lehr::runtime
