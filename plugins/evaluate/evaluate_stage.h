// The stage: any number of models before the same probes, each of them once.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examination.h"

namespace lehr::plugins::evaluate {

class EvaluateStage : public Stage {
 public:
  void describe(Description& d) override;
  void check_inputs(const std::vector<Input>& inputs) override;
  void run(Context& context) override;

 private:
  ExaminationOptions options_;
  std::int64_t max_words_ = 8;
  std::int64_t samples_ = 3;
  std::int64_t held_out_tokens_ = 100'000;
  std::string precision_ = "auto";
  std::optional<std::string> against_;
};

}  // namespace lehr::plugins::evaluate
