// Keeps a share of the documents, chosen by their text and a seed, so that the choice depends on
// neither order nor what else there is. Equal texts are chosen alike.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>

namespace lehr::plugins::filter {

class Sample : public DocumentStep {
 public:
  void describe(Description& d) override;
  void process(Document& document) override;

 private:
  double rate_ = 0.5;
  std::int64_t seed_ = 0;
};

}  // namespace lehr::plugins::filter
