// What all readers of the pipeline's keys do alike: take a key's value with its references
// replaced, and say in the same words what was expected instead.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/diagnostics.h"
#include "runtime/config/interpolation.h"
#include "runtime/config/literal.h"
#include "runtime/config/node.h"
#include "runtime/config/suggestion.h"

namespace lehr::runtime {

class KeyReader {
 protected:
  KeyReader(Interpolation& interpolation, Diagnostics& diagnostics)
      : interpolation_(interpolation), diagnostics_(diagnostics) {}

  // Letters, digits, '_' and '-', a letter first; at most kLongestName of them.
  static constexpr std::size_t kLongestName = 100;
  static bool is_identifier(std::string_view text) {
    if (text.empty() || text.size() > kLongestName) return false;
    if (!std::isalpha(static_cast<unsigned char>(text[0])) && text[0] != '_') return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    });
  }
  static std::string identifier_advice(std::string_view text) {
    return text.size() > kLongestName
               ? "use at most " + std::to_string(kLongestName) + " characters"
               : "use letters, digits, '_' and '-', a letter first";
  }
  // where: begins the message, "stage 'base': ".
  void expected(const Node& node, const std::string& where, const std::string& what) {
    if (!node.bad) diagnostics_.error(node.origin, where + what + ", got " + describe(node));
  }
  void known_keys(const Node& map, const std::string& where, const std::vector<std::string>& keys) {
    for (const Entry& entry : map.entries)
      if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
        diagnostics_.error(
            entry.origin, where + "unknown key '" + entry.key + "'." + suggestion(entry.key, keys));
  }
  // Why there is no `key` has been told: one that is most likely meant for it is no key, or was
  // refused.
  static bool is_explained(const Node& map, const std::string& key,
                           const std::vector<std::string>& keys) {
    return map.lacks_keys || mistyped(map, key, keys);
  }
  // The entry that is most likely meant for `key`, as its own key is none; null: there is none.
  static const Entry* mistyped(const Node& map, const std::string& key,
                               const std::vector<std::string>& keys) {
    const auto found = std::find_if(map.entries.begin(), map.entries.end(), [&](const Entry& e) {
      return std::find(keys.begin(), keys.end(), e.key) == keys.end() &&
             nearest_name(e.key, keys) == key;
    });
    return found == map.entries.end() ? nullptr : &*found;
  }
  // Null if there is no such key or its value is bad.
  NodePtr value(const Node& map, std::string_view key) {
    const Entry* entry = map.find(key);
    if (!entry) return nullptr;
    const NodePtr node = interpolation_.resolve(entry->value);
    return node->bad ? nullptr : node;
  }
  // A number between two bounds into `out`, which stays as it is if that is a mistake. `read`: one
  // of literal.h; `what`: "'threads' expects a whole number from 1 to 4096".
  template <class Read, class Out>
  void number(const Node& node, const std::string& where, const std::string& what, Read read,
              double low, double high, Out& out) {
    const auto found = read(node.is_scalar() ? std::string_view(node.text) : std::string_view());
    if (node.is_scalar() && found && *found >= low && *found <= high) {
      out = static_cast<Out>(*found);
    } else if (!node.bad) {
      const std::string why = found ? "" : found.reason();
      const std::size_t meant = std::min(why.find(". Did you mean"), why.size());
      diagnostics_.error(node.origin, where + what + ", got " + describe(node) + why.substr(meant));
    }
  }

  Interpolation& interpolation_;
  Diagnostics& diagnostics_;
};

}  // namespace lehr::runtime
