// Data-flow order of the stages, and cycles among them.
#include <functional>
#include <queue>

#include "runtime/plan/draft.h"

namespace lehr::runtime {
namespace {

// All that a stage waits for.
std::vector<Draft::Input> needs(const Draft& draft) {
  std::vector<Draft::Input> out = draft.inputs;
  out.insert(out.end(), draft.after.begin(), draft.after.end());
  return out;
}

// One mistake for each cycle among the stages that never became ready.
void report_cycles(const std::vector<Draft>& drafts, const std::vector<std::size_t>& waiting,
                   Diagnostics& diagnostics) {
  enum class Mark { fresh, on_path, done };
  std::vector<Mark> marks(drafts.size(), Mark::fresh);
  for (std::size_t start = 0; start < drafts.size(); ++start) {
    if (waiting[start] == 0 || marks[start] != Mark::fresh) continue;
    // Every waiting stage has a waiting producer, so walking up must come round.
    std::vector<std::size_t> path;
    std::vector<Origin> through;
    std::size_t at = start;
    while (marks[at] == Mark::fresh) {
      marks[at] = Mark::on_path;
      path.push_back(at);
      for (const Draft::Input& input : needs(drafts[at]))
        if (waiting[input.producer] > 0) {
          through.push_back(input.origin);
          at = input.producer;
          break;
        }
    }
    if (marks[at] == Mark::on_path) {
      std::size_t begin = 0;
      while (path[begin] != at) ++begin;
      std::string ring;
      for (std::size_t i = path.size(); i-- > begin;) ring += drafts[path[i]].config->id + " -> ";
      ring = drafts[at].config->id + " -> " + ring;
      ring.resize(ring.size() - 4);
      auto& error =
          diagnostics.error(through[begin], "stages need each other in a circle: " + ring);
      for (std::size_t i = begin + 1; i < path.size() && i < begin + 8; ++i)
        error.notes.push_back({through[i], "'" + drafts[path[i]].config->id + "' needs this"});
    }
    for (const std::size_t stage : path) marks[stage] = Mark::done;
  }
}

}  // namespace

std::vector<std::size_t> data_flow_order(const std::vector<Draft>& drafts,
                                         Diagnostics& diagnostics) {
  std::vector<std::size_t> waiting(drafts.size());
  std::vector<std::vector<std::size_t>> consumers(drafts.size());
  for (std::size_t i = 0; i < drafts.size(); ++i)
    for (const Draft::Input& input : needs(drafts[i])) {
      ++waiting[i];
      consumers[input.producer].push_back(i);
    }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < drafts.size(); ++i)
    if (waiting[i] == 0) ready.push(i);
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t stage = ready.top();
    ready.pop();
    order.push_back(stage);
    for (const std::size_t consumer : consumers[stage])
      if (--waiting[consumer] == 0) ready.push(consumer);
  }
  if (order.size() < drafts.size()) report_cycles(drafts, waiting, diagnostics);
  return order;
}

}  // namespace lehr::runtime
