// Rewrites text to a Unicode normal form: NFC composes (é as one character), NFKC also folds
// compatibility forms (ﬁ to fi, full-width letters to ASCII).
#pragma once

#include <lehr/plugin.h>

#include <string>

namespace lehr::plugins::filter {

class Normalize : public DocumentStep {
 public:
  void describe(Description& d) override;
  void process(Document& document) override;

 private:
  std::string form_ = "NFC";
};

}  // namespace lehr::plugins::filter
