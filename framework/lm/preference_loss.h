// Losses over pairs of answers: the DPO family, and Bradley-Terry for reward models. Tensors are
// [P] float32, one element per pair; differentiable in what comes from the policy. And KTO's, over
// single answers that are good or bad.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace lehr::lm {

enum class PreferenceLoss {
  kSigmoid,  // DPO (Rafailov et al. 2023); with label smoothing cDPO (Mitchell 2023)
  kRobust,   // unbiased under flipped labels (Chowdhury et al. 2024)
  kHinge,    // SLiC (Zhao et al. 2023)
  kIpo,      // Azar et al. 2023, log-probabilities averaged per token
  kOrpo,     // Hong et al. 2024; no reference
  kSimpo,    // Meng et al. 2024; no reference
};
// "sigmoid" | "robust" | "hinge" | "ipo" | "orpo" | "simpo". Throws std::invalid_argument.
PreferenceLoss parse_preference_loss(const std::string& name);
bool needs_reference(PreferenceLoss loss);

struct PreferenceOptions {
  PreferenceLoss loss = PreferenceLoss::kSigmoid;
  double beta = 0.1;
  double label_smoothing = 0;  // e, in [0, 0.5); sigmoid and robust
  double margin = 0.5;         // gamma of simpo
};

// Of the answers: sums of ln p over their tokens, and how many tokens.
struct PairLogprobs {
  at::Tensor chosen, rejected;                      // [P] float32
  at::Tensor reference_chosen, reference_rejected;  // [P]; undefined where not needed
  at::Tensor chosen_tokens, rejected_tokens;        // [P] float32
};

struct PreferenceTerms {
  at::Tensor losses;  // [P], differentiable
  // [P], no gradient: beta * h, of ipo too the sum over tokens; without reference beta * lp.
  at::Tensor chosen_rewards, rejected_rewards;
};

// With h = sum ln pi - sum ln ref and d = h_w - h_l:
//   sigmoid  -(1-e) ln s(beta d) - e ln s(-beta d)
//   robust   [-(1-e) ln s(beta d) + e ln s(-beta d)] / (1-2e)
//   hinge    max(0, 1 - beta d)
//   ipo      (d_avg - 1/(2 beta))^2, h divided by the answer's tokens
//   orpo     -lp_w - beta ln s(log odds_w - log odds_l), lp per token, log odds = lp - ln(1 - e^lp)
//   simpo    -ln s(beta (lp_w - lp_l) - margin), lp per token
PreferenceTerms preference_loss(const PairLogprobs& pairs, const PreferenceOptions& options);

struct KtoOptions {
  double beta = 0.1;
  double desirable_weight = 1, undesirable_weight = 1;
  double weight(bool good) const { return good ? desirable_weight : undesirable_weight; }
};
// h: [P] float32, sum ln pi - sum ln ref of each answer; good: [P]; z0: what h is on average for
// answers to other prompts, at least 0 and held constant. Returns [P], differentiable in h:
//   good  desirable_weight (1 - s(beta (h - z0)))
//   bad   undesirable_weight (1 - s(beta (z0 - h)))
// (Ethayarajh et al. 2024, equation 7)
at::Tensor kto_loss(const at::Tensor& h, const std::vector<bool>& good, double z0,
                    const KtoOptions& options);

// -ln s(chosen - rejected - margin) + centering * (chosen + rejected)^2, per pair: [P].
// margins: [P]. (Bradley-Terry; margin of Touvron et al. 2023; centering of Eisenstein et al. 2023)
at::Tensor bradley_terry_loss(const at::Tensor& chosen, const at::Tensor& rejected,
                              const at::Tensor& margins, double centering);

// values: [M] -> [groups] float32, the sum of the values of each group; differentiable. Groups are
// numbers in [0, groups).
at::Tensor sum_by_group(const at::Tensor& values, const std::vector<int64_t>& group_of,
                        int64_t groups);

}  // namespace lehr::lm
