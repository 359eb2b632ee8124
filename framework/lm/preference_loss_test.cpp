#include "lm/preference_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace lehr::lm {
namespace {

struct Pair {
  double w, l, ref_w, ref_l, n_w, n_l;
};
const std::vector<Pair> kPairs = {
    {-12, -15, -13, -14, 6, 5}, {-3, -2, -2.5, -2.5, 2, 4}, {-7, -7, -7, -7, 3, 3}};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The formulas of the papers as they stand, in double.
double slow_loss(const Pair& p, const PreferenceOptions& o) {
  const double b = o.beta, e = o.label_smoothing;
  const double d = (p.w - p.ref_w) - (p.l - p.ref_l);
  const double lp_w = p.w / p.n_w, lp_l = p.l / p.n_l;
  switch (o.loss) {
    case PreferenceLoss::kSigmoid:
      return -(1 - e) * std::log(sigmoid(b * d)) - e * std::log(sigmoid(-b * d));
    case PreferenceLoss::kRobust:
      return ((1 - e) * -std::log(sigmoid(b * d)) + e * std::log(sigmoid(-b * d))) / (1 - 2 * e);
    case PreferenceLoss::kHinge:
      return std::max(0.0, 1 - b * d);
    case PreferenceLoss::kIpo: {
      const double average = (p.w - p.ref_w) / p.n_w - (p.l - p.ref_l) / p.n_l;
      return std::pow(average - 1 / (2 * b), 2);
    }
    case PreferenceLoss::kOrpo: {
      const auto odds = [](double lp) { return std::exp(lp) / (1 - std::exp(lp)); };
      return -lp_w - b * std::log(sigmoid(std::log(odds(lp_w) / odds(lp_l))));
    }
    case PreferenceLoss::kSimpo:
      return -std::log(sigmoid(b * (lp_w - lp_l) - o.margin));
  }
  return NAN;
}

PairLogprobs tensors(const std::vector<Pair>& pairs) {
  const auto column = [&](double Pair::*member) {
    std::vector<float> values;
    for (const Pair& p : pairs) values.push_back(static_cast<float>(p.*member));
    return at::tensor(values);
  };
  return {column(&Pair::w),     column(&Pair::l),   column(&Pair::ref_w),
          column(&Pair::ref_l), column(&Pair::n_w), column(&Pair::n_l)};
}

class EveryLoss : public testing::TestWithParam<const char*> {
 protected:
  PreferenceOptions options() const { return {parse_preference_loss(GetParam()), 0.3, 0.1, 0.5}; }
};

TEST_P(EveryLoss, EqualsItsFormula) {
  const PreferenceTerms terms = preference_loss(tensors(kPairs), options());
  for (size_t i = 0; i < kPairs.size(); ++i)
    EXPECT_NEAR(terms.losses[static_cast<int64_t>(i)].item<float>(),
                slow_loss(kPairs[i], options()), 1e-5)
        << i;
}

// Central differences of the slow formula in double: error O(h^2) = 1e-8.
TEST_P(EveryLoss, HasTheGradientOfItsFormula) {
  PairLogprobs pairs = tensors(kPairs);
  pairs.chosen.set_requires_grad(true);
  pairs.rejected.set_requires_grad(true);
  preference_loss(pairs, options()).losses.sum().backward();
  constexpr double h = 1e-4;
  for (size_t i = 0; i < kPairs.size(); ++i) {
    const auto slope = [&](double Pair::*member) {
      Pair up = kPairs[i], down = kPairs[i];
      up.*member += h;
      down.*member -= h;
      return (slow_loss(up, options()) - slow_loss(down, options())) / (2 * h);
    };
    const auto k = static_cast<int64_t>(i);
    EXPECT_NEAR(pairs.chosen.grad()[k].item<float>(), slope(&Pair::w), 2e-5) << i;
    EXPECT_NEAR(pairs.rejected.grad()[k].item<float>(), slope(&Pair::l), 2e-5) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(PreferenceLoss, EveryLoss,
                         testing::Values("sigmoid", "robust", "hinge", "ipo", "orpo", "simpo"),
                         [](const auto& info) { return std::string(info.param); });

TEST(PreferenceLoss, IsLnTwoWhereThePolicyIsTheReference) {
  PairLogprobs pairs = tensors(kPairs);
  pairs.reference_chosen = pairs.chosen;
  pairs.reference_rejected = pairs.rejected;
  const at::Tensor losses = preference_loss(pairs, {}).losses;
  for (int64_t i = 0; i < 3; ++i) EXPECT_NEAR(losses[i].item<float>(), std::log(2.0), 1e-7);
}

TEST(PreferenceLoss, RewardsAreBetaTimesTheLogRatio) {
  const PreferenceTerms terms = preference_loss(tensors(kPairs), {.beta = 0.3});
  EXPECT_NEAR(terms.chosen_rewards[0].item<float>(), 0.3, 1e-6);
  EXPECT_NEAR(terms.rejected_rewards[0].item<float>(), -0.3, 1e-6);
  // The loss of ipo averages over tokens, its rewards do not.
  const PreferenceTerms ipo =
      preference_loss(tensors(kPairs), {.loss = PreferenceLoss::kIpo, .beta = 0.3});
  EXPECT_NEAR(ipo.chosen_rewards[0].item<float>(), 0.3, 1e-6);
}

TEST(PreferenceLoss, SaysWhichNameItDoesNotKnow) {
  EXPECT_THROW(parse_preference_loss("sigmoidal"), std::invalid_argument);
}

struct Answer {
  double h;
  bool good;
};
const std::vector<Answer> kAnswers = {{1.5, true}, {-2, true}, {40, true}, {3, false}, {-1, false}};
constexpr KtoOptions kKto = {0.3, 1.5, 0.7};

double slow_kto(const Answer& a, double z0) {
  return a.good ? 1.5 * (1 - sigmoid(0.3 * (a.h - z0))) : 0.7 * (1 - sigmoid(0.3 * (z0 - a.h)));
}

// The gradient by central differences of the formula in double: error O(h^2) = 1e-8.
TEST(KtoLoss, EqualsItsFormulaAndHasItsGradient) {
  std::vector<float> h;
  std::vector<bool> good;
  for (const Answer& a : kAnswers) h.push_back(static_cast<float>(a.h)), good.push_back(a.good);
  for (const double z0 : {0.0, 0.8}) {
    at::Tensor x = at::tensor(h).set_requires_grad(true);
    const at::Tensor losses = kto_loss(x, good, z0, kKto);
    losses.sum().backward();
    for (size_t i = 0; i < kAnswers.size(); ++i) {
      const auto k = static_cast<int64_t>(i);
      const Answer& a = kAnswers[i];
      constexpr double d = 1e-4;
      const double up = slow_kto({a.h + d, a.good}, z0), down = slow_kto({a.h - d, a.good}, z0);
      EXPECT_NEAR(losses[k].item<float>(), slow_kto(a, z0), 1e-6) << i;
      EXPECT_NEAR(x.grad()[k].item<float>(), (up - down) / (2 * d), 1e-6) << i;
    }
  }
}

TEST(PreferenceLoss, BradleyTerryWithMarginAndCentering) {
  const at::Tensor loss = bradley_terry_loss(at::tensor(std::vector<float>{1.0f, -0.5f}),
                                             at::tensor(std::vector<float>{0.2f, 0.5f}),
                                             at::tensor(std::vector<float>{0.0f, 0.3f}), 0.01);
  EXPECT_NEAR(loss[0].item<float>(), -std::log(sigmoid(0.8)) + 0.01 * 1.44, 1e-6);
  EXPECT_NEAR(loss[1].item<float>(), -std::log(sigmoid(-1.3)), 1e-6);
}

TEST(PreferenceLoss, SumsByGroupAndSpreadsTheGradient) {
  const at::Tensor values = at::tensor(std::vector<float>{1, 2, 3, 4}).set_requires_grad(true);
  const at::Tensor sums = sum_by_group(values, {1, 0, 1, 2}, 4);
  EXPECT_EQ(sums[0].item<float>(), 2);
  EXPECT_EQ(sums[1].item<float>(), 4);
  EXPECT_EQ(sums[3].item<float>(), 0);
  (sums[1] * 5 + sums[2]).backward();
  EXPECT_EQ(values.grad()[0].item<float>(), 5);
  EXPECT_EQ(values.grad()[1].item<float>(), 0);
  EXPECT_EQ(values.grad()[3].item<float>(), 1);
}

// An answer of one token that the model is sure of has probability 1 in float32.
TEST(PreferenceLoss, OfCertainAnswersIsFiniteInOrpo) {
  for (const float certain : {0.0f, -1e-9f}) {
    PairLogprobs pairs = tensors({{certain, -2, 0, 0, 1, 1}, {-2, certain, 0, 0, 1, 1}});
    pairs.chosen.set_requires_grad(true);
    pairs.rejected.set_requires_grad(true);
    const at::Tensor loss = preference_loss(pairs, {PreferenceLoss::kOrpo, 0.3}).losses.sum();
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>()));
    for (const at::Tensor& gradient : {pairs.chosen.grad(), pairs.rejected.grad()})
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

}  // namespace
}  // namespace lehr::lm
