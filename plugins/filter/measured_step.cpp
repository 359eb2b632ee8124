#include "measured_step.h"

#include <simdjson.h>
#include <xxhash.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "fineweb_quality.h"
#include "gopher_quality.h"
#include "gopher_repetition.h"
#include "language.h"
#include "length.h"
#include "text_tables.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::string_view kPlugin = "filter.";

// The shortest text that is read back as the same number.
void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "null";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

template <class Step>
std::unique_ptr<MeasuredStep> make(const Value& step) {
  Description with(step["with"]);
  auto made = std::make_unique<Step>();
  made->describe(with);
  made->check();
  return made;
}

}  // namespace

struct ScoreReader::Parser {
  simdjson::dom::parser json;
};

ScoreReader::ScoreReader() : parser_(std::make_unique<Parser>()) {}
ScoreReader::~ScoreReader() = default;
ScoreReader::ScoreReader(ScoreReader&&) noexcept = default;

bool ScoreReader::may_have_scores(std::string_view fields) {
  return fields.find(kScores) != fields.npos;
}

std::span<const Measure> ScoreReader::find(std::string_view fields, std::string_view name,
                                           std::string_view key) {
  found_.clear();
  simdjson::dom::object steps;
  if (parser_->json.parse(fields.data(), fields.size())[kScores].get(steps)) return {};
  for (const auto step : steps) {  // the second of a name is "name#2"
    if (step.key.substr(0, step.key.find('#')) != name) continue;
    std::string_view of;
    simdjson::dom::object members;
    if (step.value["of"].get(of) || of != key || step.value.get(members)) continue;
    for (const auto member : members) {
      double value = std::numeric_limits<double>::quiet_NaN();
      if (member.value.is_null() || !member.value.get(value)) found_.push_back({member.key, value});
    }
    break;
  }
  return found_;
}

MeasuredStep::MeasuredStep(std::string_view name) : name_(name.substr(kPlugin.size())) {}

std::string MeasuredStep::key_of(std::string_view text) {
  if (how_ == 0) {
    const std::string how = measured_by();
    how_ = XXH3_64bits(how.data(), how.size()) | 1;
  }
  const auto [low, high] = TextTables::of(text).hash();
  const std::uint64_t all[] = {low, high, how_};
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(all, sizeof all)));
  return hex;
}

void MeasuredStep::process(Document& document) {
  const std::string_view text = document.text(), fields = document.fields();
  std::span<const Measure> known;
  if (ScoreReader::may_have_scores(fields)) known = scores_.find(fields, name_, key_of(text));
  Judgement judgement(Judgement::Wanted::reason, known);
  judge(text, judgement);
  if (!judgement.reason().empty()) document.drop(judgement.reason());
}

std::string_view MeasuredStep::score(std::string_view text, std::string& members) {
  Judgement judgement(Judgement::Wanted::all_numbers);
  judge(text, judgement);
  members += "\"of\":\"" + key_of(text) + "\"";
  for (const Measure& m : judgement.measured()) {
    ((members += ",\"") += m.name) += "\":";
    append_number(members, m.value);
  }
  return judgement.reason();
}

std::unique_ptr<MeasuredStep> make_measured_step(const Value& step) {
  const std::string_view name = step["name"].string();
  if (name == Length::kName) return make<Length>(step);
  if (name == GopherRepetition::kName) return make<GopherRepetition>(step);
  if (name == GopherQuality::kName) return make<GopherQuality>(step);
  if (name == FinewebQuality::kName) return make<FinewebQuality>(step);
  if (name == Language::kName) return make<Language>(step);
  return nullptr;
}

}  // namespace lehr::plugins::filter
