// Collects every mistake of a configuration and prints them in one go, sorted by position: place,
// what happened, the source line with a caret, and how to fix it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/config/source.h"

namespace lehr::runtime {

// 'text', as messages show names.
inline std::string quoted(const std::string& text) { return "'" + text + "'"; }

struct Diagnostic {
  struct Note {
    Origin origin;
    std::string text;
  };
  Origin origin;
  std::string message;  // lower case, quotes the value, says how to fix it
  std::vector<Note> notes;
};

class Diagnostics {
 public:
  // Notes may be added to the returned reference until the next error is.
  Diagnostic& error(Origin origin, std::string message);
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

  // Sorted by position, each mistake once.
  std::vector<Diagnostic> sorted() const;
  // `tiny.yaml:14:9: error: ...` with source line and caret; `color`: ANSI colours.
  std::string text(bool color = false) const;
  // [{"file", "line", "column", "end_column", "severity", "message", "notes": [{"file", ...}]}];
  // `line` 0: from a flag.
  nlohmann::ordered_json json() const;

 private:
  std::vector<Diagnostic> items_;
};

}  // namespace lehr::runtime
