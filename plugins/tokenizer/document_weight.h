// The weight of a document, a number among its other members.
#pragma once

#include <memory>
#include <string>

#include "text/documents.h"

namespace lehr::plugins::tokenizer {

// One object per thread.
class DocumentWeight {
 public:
  explicit DocumentWeight(std::string field);
  ~DocumentWeight();
  DocumentWeight(DocumentWeight&&) noexcept;
  // Throws lehr::Error where it has none, or one that is no finite number of 0 or more. A text that
  // is a number is one: so columns of CSV files are.
  float of(const text::Document& document);

 private:
  struct Parser;
  std::string field_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace lehr::plugins::tokenizer
