#include "measured_step.h"

#include <xxhash.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <new>

#include "fineweb_quality.h"
#include "gopher_quality.h"
#include "gopher_repetition.h"
#include "language.h"
#include "length.h"
#include "text/row_tree.h"
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

struct Scores::Parsed {
  text::RowTree tree;
  simdjson::dom::object steps;
  std::size_t size = 0;  // of the fields, and their hash
  XXH128_hash_t hash{};
  bool some = false;
};

Scores::Scores() : parsed_(std::make_unique<Parsed>()) {}
Scores::~Scores() = default;

Scores* Scores::of(std::string_view fields) {
  if (fields.find(kScores) == fields.npos) return nullptr;
  thread_local Scores scores;
  Parsed& p = *scores.parsed_;
  const XXH128_hash_t hash = XXH3_128bits(fields.data(), fields.size());
  if (fields.size() != p.size || hash.low64 != p.hash.low64 || hash.high64 != p.hash.high64) {
    p.size = fields.size();
    p.hash = hash;
    simdjson::dom::element row;
    p.some = !p.tree.parse(fields, row) && !row[kScores].get(p.steps);
  }
  return p.some ? &scores : nullptr;
}

std::span<const Measure> Scores::find(std::string_view name, std::string_view key) {
  found_.clear();
  for (const auto step : parsed_->steps) {  // the second of a name is "name#2"
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

void MeasuredStep::look(std::string_view text, Judgement& judgement) {
  judge(text, judgement);
  if (text.size() > TextTables::kHugeText) let_go();
}

void MeasuredStep::process(Document& document) try {
  const std::string_view text = document.text();
  std::span<const Measure> known;
  if (Scores* scores = Scores::of(document.fields())) known = scores->find(name_, key_of(text));
  Judgement judgement(Judgement::Wanted::reason, known);
  look(text, judgement);
  if (!judgement.reason().empty()) document.drop(judgement.reason());
} catch (const std::bad_alloc&) {
  throw Error("there is not enough memory for its " + std::to_string(document.text().size()) +
              " bytes. As a step before this one, 'length: {max_characters: ...}' drops those " +
              "that are too long");
}

std::string_view MeasuredStep::score(std::string_view text, std::string& members) {
  Judgement judgement(Judgement::Wanted::all_numbers);
  look(text, judgement);
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
