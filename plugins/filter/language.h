// Keeps documents in some languages, as a fastText model tells them (a supervised .bin or .ftz,
// such as lid.176): with the meaning of datatrove's language filter. Any classifier of that form
// will do; its labels are the "languages".
#pragma once

#include <lehr/plugin.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "measured_step.h"

namespace lehr::plugins::filter {

class Language : public MeasuredStep {
 public:
  static constexpr const char* kName = "filter.language";
  Language();
  ~Language() override;
  void describe(Description& d) override;
  void check() override;

 protected:
  void judge(std::string_view text, Judgement& judgement) override;
  std::string measured_by() override;

 private:
  struct Model;
  // The highest score of a language that is asked for; NaN: the model knows none of them.
  double score_of(std::string_view text);

  std::string model_path_;
  std::vector<std::string> languages_;
  double min_score_ = 0.65;
  std::shared_ptr<const Model> model_;  // since check(), so that planning tells of a bad one
  std::string line_;
};

}  // namespace lehr::plugins::filter
