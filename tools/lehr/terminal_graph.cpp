// The drawing of `lehr graph` in a terminal.
#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "pipeline_graph.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using runtime::PlannedInput;
using runtime::PlannedStage;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
// More rails side by side are no picture, and a matrix of thousands would take gigabytes of them.
constexpr std::size_t kMostRails = 100;

struct Line {
  std::vector<const char*> cells;  // what stands in column 0, between 0 and 1, in column 1, ...
  std::vector<bool> below;         // columns in which a rail goes on
};

// Gives each stage a column, and each column to another stage once its rail has ended. No lines and
// no columns where there would be more than kMostRails.
class Rails {
 public:
  explicit Rails(const runtime::Plan& plan) {
    std::map<std::string, std::size_t> row;
    for (std::size_t i = 0; i < plan.stages.size(); ++i) row[plan.stages[i].id] = i;
    std::vector<std::size_t> last_use(plan.stages.size(), 0);
    for (std::size_t i = 0; i < plan.stages.size(); ++i)
      for (const PlannedInput& input : plan.stages[i].inputs)
        last_use[row.at(input.from_stage)] = i;
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
      std::set<std::size_t> from;
      for (const PlannedInput& input : plan.stages[i].inputs)
        from.insert(column_of(row.at(input.from_stage)));
      std::set<std::size_t> ending;
      for (const std::size_t column : from)
        if (last_use[owners_[column]] == i) ending.insert(column);
      lines_.push_back(line(i, from, ending, last_use[i] > i));
      if (owners_.size() <= kMostRails) continue;
      owners_.clear();
      lines_.clear();
      return;
    }
  }

  const std::vector<Line>& lines() const { return lines_; }
  std::size_t columns() const { return owners_.size(); }

 private:
  std::size_t column_of(std::size_t stage) const {
    return static_cast<std::size_t>(std::find(owners_.begin(), owners_.end(), stage) -
                                    owners_.begin());
  }

  Line line(std::size_t stage, const std::set<std::size_t>& from,
            const std::set<std::size_t>& ending, bool goes_on) {
    std::size_t own = column_of(kNone);
    if (!ending.empty()) own = std::min(own, *ending.begin());
    if (own == owners_.size()) owners_.push_back(kNone);
    const std::size_t low = from.empty() ? own : std::min(own, *from.begin()),
                      high = from.empty() ? own : std::max(own, *from.rbegin());
    Line out;
    for (std::size_t column = 0; column < owners_.size(); ++column) {
      const bool left = column > low && column <= high, right = column >= low && column < high;
      if (column > 0) out.cells.push_back(left ? "─" : " ");
      if (column == own)
        out.cells.push_back("●");
      else if (from.contains(column))
        out.cells.push_back(corner(!ending.contains(column), left, right));
      else if (owners_[column] != kNone)
        out.cells.push_back("│");
      else
        out.cells.push_back(left && right ? "─" : " ");
    }
    for (const std::size_t column : ending) owners_[column] = kNone;
    owners_[own] = goes_on ? stage : kNone;
    for (const std::size_t owner : owners_) out.below.push_back(owner != kNone);
    return out;
  }

  // A rail that comes from above and meets the horizontal line.
  static const char* corner(bool down, bool left, bool right) {
    if (down) return left && right ? "┼" : left ? "┤" : "├";
    return left && right ? "┴" : left ? "┘" : "└";
  }

  std::vector<std::size_t> owners_;  // by column; kNone: free
  std::vector<Line> lines_;
};

using StagesById = std::unordered_map<std::string_view, const PlannedStage*>;

// "documents ← clean", "models ← base," "dpo": what may stand on one line or be broken over
// several.
std::vector<std::string> input_words(const StagesById& stages, const PlannedStage& stage) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
    const PlannedInput& input = stage.inputs[i];
    const bool first = i == 0 || stage.inputs[i - 1].port != input.port;
    const bool last = i + 1 == stage.inputs.size() || stage.inputs[i + 1].port != input.port;
    std::string word = input.from_stage;
    if (stages.at(input.from_stage)->outputs.size() > 1 && input.from_port != input.port)
      word += "." + input.from_port;
    if (first) word = (i == 0 ? "" : " ") + input.port + " ← " + word;
    words.push_back(word + (last ? "" : ","));
  }
  return words;
}

// Up to the text beside it.
std::string rails_text(const Line& line, std::size_t columns, const char* color) {
  std::string out;
  std::size_t width = 0;
  for (const std::string_view cell : line.cells) {
    const bool colored = cell == "●" && color != nullptr;
    out.append(colored ? color : "").append(cell).append(colored ? "\033[0m" : "");
    ++width;
  }
  return out + std::string(2 * columns + 1 - width, ' ');
}

std::string rails_below(const Line& line, std::size_t columns) {
  std::string out;
  for (std::size_t column = 0; column < columns; ++column)
    out += std::string(column > 0 ? 1 : 0, ' ') +
           (column < line.below.size() && line.below[column] ? "│" : " ");
  return out + "  ";
}

}  // namespace

std::string short_uses(const runtime::PlannedStage& stage) {
  const std::size_t dot = stage.uses.find('.');
  return stage.uses.substr(0, dot) == stage.uses.substr(dot + 1) ? stage.uses.substr(0, dot)
                                                                 : stage.uses;
}

const char* color_of(runtime::StageState state) {
  return state == runtime::StageState::cached ? "\033[32m"
         : state == runtime::StageState::run  ? "\033[33m"
         : state == runtime::StageState::skip ? "\033[2m"
                                              : "\033[36m";
}

std::string terminal_graph(const runtime::Plan& plan, const GraphStyle& style) {
  const Rails rails(plan);
  const bool drawn = rails.columns() > 0;
  StagesById by_id;
  std::size_t id_width = 0, uses_width = 0;
  for (const PlannedStage& stage : plan.stages) {
    by_id[stage.id] = &stage;
    id_width = std::max(id_width, text_width(stage.id));
    uses_width = std::max(uses_width, text_width(short_uses(stage)));
  }
  const std::size_t state_width = style.status ? 8 : 0;
  const std::size_t beside = drawn ? 2 * rails.columns() + 1 : 0;
  const std::size_t indent = beside + state_width + id_width + 2 + uses_width + 2;
  std::string out;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const PlannedStage& stage = plan.stages[i];
    const char* color = style.status && style.color ? color_of(stage.state) : nullptr;
    std::string text = drawn ? rails_text(rails.lines()[i], rails.columns(), color) : "";
    if (style.status)
      text += (color ? color : "") + padded(name(stage.state), 6) + (color ? "\033[0m" : "") + "  ";
    text += padded(stage.id, id_width) + "  " + padded(short_uses(stage), uses_width) + "  ";
    std::size_t used = indent;
    for (const std::string& word : input_words(by_id, stage)) {
      const std::size_t width = text_width(word) + (used > indent ? 1 : 0);
      if (used > indent && used + width > style.width) {
        out += without_trailing_spaces(text) + "\n";
        text = (drawn ? rails_below(rails.lines()[i], rails.columns()) : "") +
               std::string(indent - beside, ' ');
        used = indent;
      }
      const bool begins_line = used == indent;
      const std::string shown = begins_line && word.starts_with(' ') ? word.substr(1) : word;
      text += (begins_line ? "" : " ") + shown;
      used += text_width(shown) + (begins_line ? 0 : 1);
    }
    out += without_trailing_spaces(text) + "\n";
  }
  if (!drawn && !plan.stages.empty())
    out += "\nmore than " + std::to_string(kMostRails) +
           " outputs run side by side: too many to draw them here; --format dot can be drawn\n";
  for (const auto& output : plan.outputs)
    out += "\noutput " + output.name + " ← " + output.stage + "." + output.port;
  return plan.outputs.empty() ? out : out + "\n";
}

}  // namespace lehr::cli
