#include "runtime/config/one_of_mistake.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace lehr::runtime {
namespace {

// What the flag "--set x.budget.epochs=3" should have been: "--set 'x.budget={epochs: 3}'".
std::string whole_map(const std::string& flag, const std::string& key) {
  const std::string member = "." + key + "=";
  const std::size_t path = flag.find(' ') + 1, dot = flag.find(member, path);
  if (dot == std::string::npos) return "";
  return ". To replace the other: --set '" + flag.substr(path, dot - path) + "={" + key + ": " +
         flag.substr(dot + member.size()) + "}'";
}

// Where a file gives one and what it extends another: how to do without the latter. place: gets
// that of the former.
std::string not_inherited(const std::vector<const Entry*>& given, Origin& place) {
  const auto rank = [](const Entry* entry) {
    return entry->origin.source ? entry->origin.source->rank() : 0;
  };
  const auto [own, inherited] = std::minmax_element(
      given.begin(), given.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  if (given.empty() || rank(*own) == rank(*inherited)) return "";
  place = (*own)->origin;
  return ". To do without the one that is inherited, write '" + (*inherited)->key +
         ": null' beside '" + (*own)->key + "'";
}

}  // namespace

void report_not_one(const Node& map, const std::string& expected, Diagnostics& diagnostics) {
  if (map.lacks_keys) return;
  std::string got, instead;
  Origin at = map.origin;
  std::vector<Diagnostic::Note> notes;
  std::vector<const Entry*> given;
  for (const Entry& entry : map.entries)
    if (!entry.value->is_null()) given.push_back(&entry);
  for (const Entry* one : given) {
    const Entry& entry = *one;
    got += (got.empty() ? "'" : one == given.back() ? " and '" : ", '") + entry.key + "'";
    if (entry.origin.source && entry.origin.source->is_flag()) {
      at = entry.origin;
      instead = whole_map(at.source->name(), entry.key);
    } else {
      notes.push_back({entry.origin, "'" + entry.key + "' is given here"});
    }
  }
  if (instead.empty()) instead = not_inherited(given, at);
  if (instead.empty()) notes.clear();  // they stand together
  diagnostics.error(at, expected + ", got " + (got.empty() ? "none" : got) + instead).notes =
      std::move(notes);
}

}  // namespace lehr::runtime
