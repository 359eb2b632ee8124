#include "field_statistics.h"

#include <algorithm>
#include <utility>

#include "text/row_tree.h"

namespace lehr::data {
namespace {

constexpr const char* kScores = "filter_scores";  // the field that plugins/filter writes
constexpr std::size_t kMostValues = 1000, kShownValues = 40, kSampled = 20000;
constexpr std::size_t kMostOthers = 100;
constexpr const char* kOthers = "(others)";
constexpr const char* kWithout = "(without)";

}  // namespace

struct FieldStatistics::Parser {
  text::RowTree json;
};

FieldStatistics::FieldStatistics(std::string by, std::uint64_t seed)
    : by_(std::move(by)), seed_(seed), parser_(std::make_unique<Parser>()) {}
FieldStatistics::~FieldStatistics() = default;

void FieldStatistics::add_value(const std::string& value, const text::Document& document,
                                std::uint64_t tokens) {
  const bool room = values_.size() < kMostValues || values_.contains(value);
  TextRow& row = values_[room ? value : kOthers];
  ++row.documents;
  row.bytes += document.text.size();
  row.tokens += tokens;
}

void FieldStatistics::add(const text::Document& document, std::uint64_t tokens) {
  simdjson::dom::element row;
  simdjson::dom::object fields;
  if (document.fields.empty() || parser_->json.parse(document.fields, row) || row.get(fields))
    return add_value(kWithout, document, tokens);
  simdjson::dom::element value;
  if (fields[by_].get(value) == simdjson::SUCCESS) {
    has_values_ = true;
    std::string_view text;
    add_value(value.get(text) ? std::string(simdjson::minify(value)) : std::string(text), document,
              tokens);
  } else {
    add_value(kWithout, document, tokens);
    for (const auto member : fields)
      if (!has_values_ && others_.size() < kMostOthers) others_.emplace(member.key);
  }
  simdjson::dom::object steps, members;
  if (fields[kScores].get(steps)) return;
  for (const auto step : steps) {
    if (step.value.get(members)) continue;
    for (const auto member : members) {
      double number = 0;
      if (member.value.get(number)) continue;
      const std::string name = std::string(step.key) + "." + std::string(member.key);
      scores_.try_emplace(name, kSampled, seed_).first->second.offer([&] { return number; });
    }
  }
}

std::vector<TextRow> FieldStatistics::by_value() const {
  std::vector<TextRow> out;
  if (!has_values_) return out;
  for (const auto& [value, row] : values_) {
    out.push_back(row);
    out.back().name = value;
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const TextRow& a, const TextRow& b) { return a.bytes > b.bytes; });
  if (out.size() <= kShownValues) return out;
  TextRow& others = out[kShownValues - 1];
  for (std::size_t i = kShownValues; i < out.size(); ++i) {
    others.documents += out[i].documents;
    others.bytes += out[i].bytes;
    others.tokens += out[i].tokens;
  }
  others.name = kOthers;
  out.resize(kShownValues);
  return out;
}

std::vector<ScoreRow> FieldStatistics::scores() const {
  std::vector<ScoreRow> out;
  for (const auto& [name, sample] : scores_) {
    std::vector<double> values = sample.rows();
    std::sort(values.begin(), values.end());
    ScoreRow& row = out.emplace_back();
    row.name = name;
    row.documents = sample.seen();
    for (std::size_t q = 0; q < kScoreQuantiles.size(); ++q)
      row.quantiles[q] = values[static_cast<std::size_t>(
          kScoreQuantiles[q] * static_cast<double>(values.size() - 1) + 0.5)];
  }
  return out;
}

}  // namespace lehr::data
