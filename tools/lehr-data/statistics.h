// What a page says about an artifact: numbers, distributions, shares, drops, a few examples.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answer_lengths.h"
#include "distribution.h"
#include "field_statistics.h"
#include "request.h"
#include "sample.h"
#include "text/document_summary.h"

namespace lehr::data {

struct Panel {
  std::string title, unit;
  std::vector<std::pair<std::string, Distribution>> splits;  // those that hold anything
};

struct TextTable {
  std::string title, names;  // names: what those of the rows are
  std::vector<TextRow> rows;
};

struct Statistics {
  std::vector<std::pair<std::string, std::string>> facts;  // name, value
  std::vector<Panel> panels;
  std::vector<TextTable> amounts;  // with bytes per token, where there are tokens
  std::vector<ScoreRow> scores;
  std::vector<LengthRow> lengths;  // of preferences: all of them, then by source
  std::vector<ShownDocument> examples;
  std::optional<text::DocumentSummary> summary;
};

// Reads the whole artifact. Throws Error for a type that it does not know.
Statistics collect_statistics(const Request& request);

}  // namespace lehr::data
