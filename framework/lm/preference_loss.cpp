#include "lm/preference_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/square.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <stdexcept>

namespace lehr::lm {
namespace {

constexpr double kMostCertain = -1e-7;  // lp whose e^lp float32 still tells from 1

// ln(p / (1 - p)) of an answer's mean token probability p = e^lp. An answer that is certain has
// finite odds, and no gradient but the NLL's: a NaN would be no update at all.
at::Tensor log_odds(const at::Tensor& lp) {
  const at::Tensor uncertain = at::clamp_max(lp, kMostCertain);
  return uncertain - at::log(-at::expm1(uncertain));
}

}  // namespace

PreferenceLoss parse_preference_loss(const std::string& name) {
  if (name == "sigmoid") return PreferenceLoss::kSigmoid;
  if (name == "robust") return PreferenceLoss::kRobust;
  if (name == "hinge") return PreferenceLoss::kHinge;
  if (name == "ipo") return PreferenceLoss::kIpo;
  if (name == "orpo") return PreferenceLoss::kOrpo;
  if (name == "simpo") return PreferenceLoss::kSimpo;
  throw std::invalid_argument("there is no preference loss '" + name + "'");
}

bool needs_reference(PreferenceLoss loss) {
  return loss != PreferenceLoss::kOrpo && loss != PreferenceLoss::kSimpo;
}

PreferenceTerms preference_loss(const PairLogprobs& p, const PreferenceOptions& o) {
  const double beta = o.beta, e = o.label_smoothing;
  at::Tensor h_w = p.chosen, h_l = p.rejected;
  if (needs_reference(o.loss)) {
    h_w = h_w - p.reference_chosen;
    h_l = h_l - p.reference_rejected;
  }
  at::Tensor reward_w = h_w, reward_l = h_l;
  if (o.loss == PreferenceLoss::kIpo || !needs_reference(o.loss)) {
    h_w = h_w / p.chosen_tokens;
    h_l = h_l / p.rejected_tokens;
  }
  if (!needs_reference(o.loss)) {
    reward_w = h_w;
    reward_l = h_l;
  }
  const at::Tensor d = h_w - h_l;
  at::Tensor losses;
  switch (o.loss) {
    case PreferenceLoss::kSigmoid:
      losses = -at::log_sigmoid(beta * d) * (1 - e) - at::log_sigmoid(-beta * d) * e;
      break;
    case PreferenceLoss::kRobust:
      losses =
          (-at::log_sigmoid(beta * d) * (1 - e) + at::log_sigmoid(-beta * d) * e) / (1 - 2 * e);
      break;
    case PreferenceLoss::kHinge:
      losses = at::relu(1 - beta * d);
      break;
    case PreferenceLoss::kIpo:
      losses = at::square(d - 1 / (2 * beta));
      break;
    case PreferenceLoss::kOrpo:
      losses = -h_w - beta * at::log_sigmoid(log_odds(h_w) - log_odds(h_l));
      break;
    case PreferenceLoss::kSimpo:
      losses = -at::log_sigmoid(beta * d - o.margin);
      break;
  }
  return {losses, (beta * reward_w).detach(), (beta * reward_l).detach()};
}

at::Tensor kto_loss(const at::Tensor& h, const std::vector<bool>& good, double z0,
                    const KtoOptions& options) {
  std::vector<float> slopes, weights;
  for (const bool is_good : good) {
    slopes.push_back(static_cast<float>(is_good ? -options.beta : options.beta));
    weights.push_back(static_cast<float>(options.weight(is_good)));
  }
  // 1 - s(x) = s(-x), without the difference of two numbers close to 1.
  return at::tensor(weights) * at::sigmoid(at::tensor(slopes) * (h - z0));
}

at::Tensor bradley_terry_loss(const at::Tensor& chosen, const at::Tensor& rejected,
                              const at::Tensor& margins, double centering) {
  return -at::log_sigmoid(chosen - rejected - margins) + centering * at::square(chosen + rejected);
}

at::Tensor sum_by_group(const at::Tensor& values, const std::vector<int64_t>& group_of,
                        int64_t groups) {
  return at::index_add(at::zeros({groups}, values.options().requires_grad(false)), 0,
                       at::tensor(group_of), values);
}

}  // namespace lehr::lm
