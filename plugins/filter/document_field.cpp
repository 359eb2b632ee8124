#include "document_field.h"

#include "text/row_tree.h"

namespace lehr::plugins::filter {

struct FieldReader::Parser {
  text::RowTree json;
};

FieldReader::FieldReader() : parser_(std::make_unique<Parser>()) {}
FieldReader::~FieldReader() = default;
FieldReader::FieldReader(FieldReader&&) noexcept = default;

std::optional<std::string_view> FieldReader::text(std::string_view fields, std::string_view name) {
  std::string_view found;
  simdjson::dom::element row;
  if (fields.empty() || parser_->json.parse(fields, row) || row[name].get(found))
    return std::nullopt;
  return found;
}

}  // namespace lehr::plugins::filter
