#include "runtime/config/node.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "runtime/config/literal.h"
#include "runtime/config/utf8.h"

namespace lehr::runtime {

const Entry* Node::find(std::string_view key) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::list:
      return node.items.empty() ? "an empty list" : "a list";
    case Node::Kind::map:
      return node.entries.empty() ? "an empty map" : "a map";
    case Node::Kind::scalar:
      break;
  }
  const std::string shown =
      node.text.size() > 60 ? std::string(utf8_beginning(node.text, 57)) + "..." : node.text;
  const std::string means = node.plain ? mistakable_for(node.text) : "";
  if (means == "a number") return "the number " + shown;
  if (means == "true or false") return "'" + shown + "'";
  return "text '" + shown + "'";
}

NodePtr used_at(const NodePtr& node, Origin use) {
  auto copy = std::make_shared<Node>(*node);
  if (!copy->definition.source) copy->definition = copy->origin;
  copy->origin = std::move(use);
  return copy;
}

NodePtr merged(const NodePtr& base, const NodePtr& over) {
  if (!base->is_map() || !over->is_map()) return over;
  auto out = std::make_shared<Node>(*base);
  std::unordered_map<std::string_view, std::size_t> at;
  for (std::size_t i = 0; i < base->entries.size(); ++i) at.emplace(base->entries[i].key, i);
  out->origin = over->origin;
  for (const Entry& entry : over->entries) {
    if (const auto old = at.find(entry.key); old != at.end()) {
      Entry& target = out->entries[old->second];
      target = {entry.key, entry.origin, merged(target.value, entry.value)};
    } else {
      out->entries.push_back(entry);
    }
  }
  out->weight = 1;
  for (const Entry& entry : out->entries) out->weight += entry.value->weight;
  return out;
}

}  // namespace lehr::runtime
