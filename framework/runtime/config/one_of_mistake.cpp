#include "runtime/config/one_of_mistake.h"

#include <utility>

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

}  // namespace

void report_not_one(const Node& map, const std::string& expected, Diagnostics& diagnostics) {
  if (map.lacks_keys) return;
  std::string got, instead;
  Origin at = map.origin;
  std::vector<Diagnostic::Note> notes;
  for (const Entry& entry : map.entries) {
    got += (got.empty() ? "'" : &entry == &map.entries.back() ? " and '" : ", '") + entry.key + "'";
    if (entry.origin.source && entry.origin.source->is_flag()) {
      at = entry.origin;
      instead = whole_map(at.source->name(), entry.key);
    } else {
      notes.push_back({entry.origin, "'" + entry.key + "' is given here"});
    }
  }
  if (instead.empty()) notes.clear();  // they stand together
  diagnostics.error(at, expected + ", got " + (got.empty() ? "none" : got) + instead).notes =
      std::move(notes);
}

}  // namespace lehr::runtime
