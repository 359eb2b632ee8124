// Tells a loss that must not become an update: one that is not finite, and a spike, far above the
// losses before it. Far is both many deviations and more than double, so that neither a steady loss
// with a tiny deviation nor a noisy one makes an ordinary batch a spike. Before there are losses
// enough for that, far is what no warm-up does: several times the first loss and several times that
// of guessing. A function of the losses alone, so that resuming repeats its judgement.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lehr::lm {

class LossGuard {
 public:
  // deviations 0: nothing is a spike. of_guessing: the loss of a model that knows nothing, as ln V;
  // 0: it has no such scale, and the first losses are not judged.
  explicit LossGuard(double deviations, double of_guessing = 0)
      : deviations_(deviations), of_guessing_(of_guessing) {}

  // Empty: fine. Else what is wrong with it: "loss 9.31 is a spike: the 64 before were 2.41 +-
  // 0.05".
  std::string fault(double loss) const;
  // Of an update that was made.
  void accept(double loss);
  // Empty: fine. Else that the last losses, on average, are far above the first one.
  std::string divergence() const;

  nlohmann::json state() const;
  void restore(const nlohmann::json& state);

 private:
  double deviations_, of_guessing_;
  std::optional<double> first_;
  std::vector<double> recent_;  // a ring
  std::size_t next_ = 0;
};

}  // namespace lehr::lm
