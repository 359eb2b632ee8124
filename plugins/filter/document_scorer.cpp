#include "document_scorer.h"

#include <map>

#include "text/json_lines.h"
#include "text/raw_members.h"
#include "text/row_tree.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::string_view kPlugin = "filter.";

}  // namespace

DocumentScorer::DocumentScorer(const Context& context, const Value& steps)
    : tree_(std::make_unique<text::RowTree>()) {
  std::map<std::string, int> times;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::string name(steps.at(i)["name"].string());
    if (name.starts_with(kPlugin)) name.erase(0, kPlugin.size());
    Step& step = steps_.emplace_back();
    const int time = ++times[name];
    step.key = time == 1 ? name : name + "#" + std::to_string(time);
    step.measured = make_measured_step(steps.at(i));
    if (!step.measured) step.other.emplace(context.open_step("steps", i));
  }
}

DocumentScorer::~DocumentScorer() = default;
DocumentScorer::DocumentScorer(DocumentScorer&&) noexcept = default;

std::string_view DocumentScorer::ask(Step& step, const lehr_document& document,
                                     std::string_view& text) {
  std::string_view reason, verdict = "keep";
  members_.clear();
  if (step.measured) {
    members_ += ',';
    reason = step.measured->score(text, members_);
  } else {
    lehr_document seen{};
    seen.id = document.id;
    seen.text = borrow(text);
    seen.fields = document.fields;
    step.other->process({&seen, 1});
    if (seen.verdict == LEHR_DROP)
      reason = view(seen.reason).empty() ? step.other->name() : view(seen.reason);
    if (seen.verdict == LEHR_REWRITE && view(seen.rewritten) != text) {
      verdict = "rewrite";
      text = view(seen.rewritten);  // lives until the step is asked about the next document
    }
  }
  text::append_json_string(scores_, step.key);
  scores_ += ":{\"verdict\":";
  text::append_json_string(scores_, reason.empty() ? verdict : reason);
  scores_ += members_;
  scores_ += '}';
  return reason;
}

// The fields, without the scores that may be among them, up to the place for further ones.
void DocumentScorer::begin_fields(std::string_view fields) {
  fields_ = "{";
  simdjson::dom::element row;
  simdjson::dom::object members;
  if (fields.empty() || tree_->parse(fields, row) || row.get(members)) return;
  if (simdjson::dom::element scores; members[kScores].get(scores) != simdjson::SUCCESS) {
    fields_ = fields.substr(0, fields.rfind('}'));
    fields_ += members.size() > 0 ? "," : "";
    return;
  }
  text::RawMembers raw(fields);
  for (const auto member : members) {
    std::size_t value = 0;
    const std::string_view written = raw.next(value);
    if (member.key != kScores) (fields_ += written) += ',';
  }
}

DocumentScorer::Score DocumentScorer::score(const lehr_document& document) {
  std::string_view text = view(document.text), first;
  scores_.clear();
  for (Step& step : steps_) {
    scores_ += ',';
    const std::string_view reason = ask(step, document, text);
    if (first.empty()) first = reason;
  }
  begin_fields(view(document.fields));
  ((fields_ += '"') += kScores) += "\":{\"verdict\":";
  text::append_json_string(fields_, first.empty() ? "keep" : first);
  (fields_ += scores_) += "}}";
  return {first, fields_};
}

}  // namespace lehr::plugins::filter
