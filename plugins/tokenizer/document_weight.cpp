#include "document_weight.h"

#include <lehr/value.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "text/row_tree.h"

namespace lehr::plugins::tokenizer {

struct DocumentWeight::Parser {
  text::RowTree json;
};

DocumentWeight::DocumentWeight(std::string field)
    : field_(std::move(field)), parser_(std::make_unique<Parser>()) {}
DocumentWeight::~DocumentWeight() = default;
DocumentWeight::DocumentWeight(DocumentWeight&&) noexcept = default;

float DocumentWeight::of(const text::Document& document) {
  const auto fail = [&](const std::string& what) {
    throw Error("weight_field: document '" + std::string(document.id) + "' has " + what + " '" +
                field_ +
                "'. Every document needs a number of 0 or more there; the text of one of "
                "weight 2 counts twice, of one of 0 nothing");
  };
  simdjson::dom::element row, value;
  if (document.fields.empty() || parser_->json.parse(document.fields, row) ||
      row[field_].get(value))
    fail("no member");
  double weight = NAN;
  if (std::string_view text; !value.get(text)) {
    const auto end = text.data() + text.size();
    if (std::from_chars(text.data(), end, weight).ptr != end) weight = NAN;
  } else if (value.get(weight)) {
    weight = NAN;
  }
  const auto narrowed = static_cast<float>(weight);
  if (!std::isfinite(narrowed) || narrowed < 0) fail("no such number as its");
  return narrowed;
}

}  // namespace lehr::plugins::tokenizer
