// Tells a loss that must not become an update: one that is not finite, and a spike, far above the
// losses before it. Far is both many deviations and more than double, so that neither a steady loss
// with a tiny deviation nor a noisy one makes an ordinary batch a spike. A function of the losses
// alone, so that resuming repeats its judgement.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace lehr::lm {

class LossGuard {
 public:
  // deviations 0: nothing is a spike.
  explicit LossGuard(double deviations) : deviations_(deviations) {}

  // Empty: fine. Else what is wrong with it: "loss 9.31 is a spike: the 64 before were 2.41 +-
  // 0.05".
  std::string fault(double loss) const;
  // Of an update that was made.
  void accept(double loss);

  nlohmann::json state() const;
  void restore(const nlohmann::json& state);

 private:
  double deviations_;
  std::vector<double> recent_;  // a ring
  std::size_t next_ = 0;
};

}  // namespace lehr::lm
