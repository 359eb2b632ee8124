// The stage `wordnet`: reads the WordNet database and writes documents, conversations, preferences,
// prompts and probes about the chosen topics. The same seed and parameters give the same bytes
// everywhere.
#pragma once

#include <lehr/plugin.h>

#include <string>
#include <vector>

#include "curriculum.h"

namespace lehr::plugins::wordnet {

class WordNetStage : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::string path_ = "/usr/share/wordnet";
  CurriculumOptions options_;
};

}  // namespace lehr::plugins::wordnet
