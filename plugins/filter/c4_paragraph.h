// mC4's rule: a document needs three lines of at least 200 characters.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>

namespace lehr::plugins::filter {

class C4Paragraph : public DocumentStep {
 public:
  void describe(Description& d) override;
  void process(Document& document) override;

 private:
  std::int64_t min_paragraphs_ = 3, min_characters_ = 200;
};

}  // namespace lehr::plugins::filter
