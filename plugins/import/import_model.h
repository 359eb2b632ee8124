// Models from outside: a Hugging Face folder, taken over byte by byte once it is known that Lehr
// computes it exactly, or a GGUF file, whose weights become float32.
#pragma once

#include <lehr/plugin.h>

#include <optional>
#include <string>
#include <vector>

namespace lehr::plugins::import {

class ImportModel : public Stage {
 public:
  void describe(Description& d) override;
  void check_inputs(const std::vector<Input>& inputs) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::string path_;
  std::optional<std::string> adapter_, role_;
  std::string chat_ = "own";
};

class ImportRewardModel : public Stage {
 public:
  void describe(Description& d) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::string path_;
};

}  // namespace lehr::plugins::import
