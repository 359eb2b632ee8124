#include "document_field.h"

#include <simdjson.h>

namespace lehr::plugins::filter {

struct FieldReader::Parser {
  simdjson::dom::parser json;
};

FieldReader::FieldReader() : parser_(std::make_unique<Parser>()) {}
FieldReader::~FieldReader() = default;
FieldReader::FieldReader(FieldReader&&) noexcept = default;

std::optional<std::string_view> FieldReader::text(std::string_view fields, std::string_view name) {
  std::string_view found;
  if (fields.empty() || parser_->json.parse(fields.data(), fields.size())[name].get(found))
    return std::nullopt;
  return found;
}

}  // namespace lehr::plugins::filter
