// What the steps of a stage that scores say to a document, written down in its field
// "filter_scores" (see measured_step.h). Every step sees the text as the ones before it leave it,
// also behind one that would drop the document; the document itself keeps its text.
#pragma once

#include <lehr/plugin.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measured_step.h"

namespace lehr::text {
class RowTree;
}

namespace lehr::plugins::filter {

// One object per thread.
class DocumentScorer {
 public:
  // steps: the parameter of the stage; none that is decided in order.
  DocumentScorer(const Context& context, const Value& steps);
  ~DocumentScorer();
  DocumentScorer(DocumentScorer&&) noexcept;

  struct Score {
    std::string_view reason;  // of the first step that would drop it; empty: none would
    std::string_view fields;  // the document's, with its scores
  };
  // Valid until the next call.
  Score score(const lehr_document& document);

 private:
  struct Step {
    std::string key;  // its name in the scores
    std::unique_ptr<MeasuredStep> measured;
    std::optional<StepInstance> other;
  };
  // Appends the members that `step` has in the scores; text: rewritten if it does that.
  std::string_view ask(Step& step, const lehr_document& document, std::string_view& text);
  void begin_fields(std::string_view fields);

  std::vector<Step> steps_;
  std::string scores_, members_, fields_;
  std::unique_ptr<text::RowTree> tree_;
};

}  // namespace lehr::plugins::filter
