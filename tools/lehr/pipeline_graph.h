// A plan as a picture: the drawing of `lehr graph` in a terminal, Graphviz's dot, Mermaid, JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/plan/plan.h"

namespace lehr::cli {

struct GraphStyle {
  bool status = false;     // show each stage's state, as `lehr plan` found it
  bool color = false;      // ANSI colours (terminal drawing only)
  std::size_t width = 80;  // columns of the terminal
};

// One line a stage, in the order data flows. Each output is a rail that runs down to the last stage
// that takes it; a stage's inputs are joined to it by a horizontal line, which jumps over the rails
// it has nothing to do with:
//
//   ●      source     wordnet
//   ├─●    clean      filter            documents ← source
//   ├─┼─●  tokenizer  tokenizer.train   documents ← clean  conversations ← source
//   │ ●─┘  tokens     tokenizer.encode  documents ← clean  tokenizer ← tokenizer
std::string terminal_graph(const runtime::Plan& plan, const GraphStyle& style);

std::string dot_graph(const runtime::Plan& plan, bool status);
std::string mermaid_graph(const runtime::Plan& plan, bool status);
nlohmann::ordered_json json_graph(const runtime::Plan& plan, bool status);

// "dpo" for "dpo.dpo".
std::string short_uses(const runtime::PlannedStage& stage);

// "\033[32m" for a stage that is cached, and so on.
const char* color_of(runtime::StageState state);

}  // namespace lehr::cli
