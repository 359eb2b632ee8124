#include "options.h"

#include <lehr/mistakes.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace lehr::plugins::ppo {

namespace {

struct CriticParameter {
  const char* name;
  double PpoOptions::*value;
};
constexpr CriticParameter kCriticParameters[] = {
    {"gamma", &PpoOptions::gamma},
    {"lambda", &PpoOptions::lambda},
    {"value_clip", &PpoOptions::value_clip},
    {"value_coefficient", &PpoOptions::value_coefficient},
    {"critic_learning_rate_scale", &PpoOptions::critic_learning_rate_scale},
};

void check_group_parameters(const PpoOptions& o) {
  const PpoOptions defaults;
  const std::pair<const char*, bool> given[] = {
      {"loss_type", o.loss_type != defaults.loss_type},
      {"scale_rewards", o.scale_rewards != defaults.scale_rewards},
      {"importance_sampling_level",
       o.importance_sampling_level != defaults.importance_sampling_level},
      {"use_bias_correction_kl", o.use_bias_correction_kl != defaults.use_bias_correction_kl},
      {"mask_truncated_completions",
       o.mask_truncated_completions != defaults.mask_truncated_completions}};
  for (const auto& [name, is_given] : given)
    if (is_given)
      throw Error(std::string(name) + ": belongs to algorithm 'grpo', not '" + o.algorithm +
                  "'; leave it out");
}

void check_without_critic(const PpoOptions& o) {
  const PpoOptions defaults;
  if (o.critic != defaults.critic)
    throw Error("critic: algorithm '" + o.algorithm +
                "' has none; leave it out, or take algorithm 'ppo'");
  for (const CriticParameter& parameter : kCriticParameters)
    if (o.*parameter.value != defaults.*parameter.value)
      throw Error(std::string(parameter.name) + ": algorithm '" + o.algorithm +
                  "' has no critic that it could shape; leave it out, or take algorithm 'ppo'");
  if (o.group() < 2)
    throw Error("num_generations: algorithm '" + o.algorithm +
                "' compares the answers to a prompt with each other and needs at least 2 of them, "
                "not " +
                std::to_string(o.group()));
}

}  // namespace

const Algorithm& PpoOptions::chosen() const {
  const auto found = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                                  [&](const Algorithm& a) { return algorithm == a.name; });
  if (found == std::end(kAlgorithms))
    throw Error("algorithm: there is no algorithm '" + algorithm + "'");
  return *found;
}

lm::KlEstimator PpoOptions::estimator() const {
  return lm::parse_kl_estimator(kl_estimator.value_or(chosen().kl_estimator));
}

std::int64_t PpoOptions::group() const {
  return num_generations.value_or(chosen().num_generations);
}

bool PpoOptions::ratio_of_answers() const {
  return chosen().ratio_of_answers || importance_sampling_level == "sequence";
}

void describe(Description& d, PpoOptions& o) {
  d.choice("algorithm", o.algorithm, {"ppo", "grpo", "rloo"})
      .help("what an answer is compared with: a critic (ppo) or other answers to its prompt");
  d.count("iterations", o.iterations).at_least(0).help("0: evaluate and stop");
  d.count("samples", o.samples).at_least(2).help("answers per iteration");
  d.count("num_generations", o.num_generations)
      .at_least(1)
      .help("answers to each prompt of an iteration; null: 1 with ppo, 8 with grpo, 2 with rloo");
  d.count("epochs", o.epochs).at_least(1).help("passes over an iteration's answers");
  d.count("minibatches", o.minibatches).at_least(1).help("updates per pass");
  d.count("max_new_tokens", o.max_new_tokens).at_least(1).unit("tokens").help("per answer");
  d.count("decoding_batch", o.decoding_batch).at_least(1).help("answers decoded together");
  d.count("eval_samples", o.eval_samples).at_least(1).help("held-out prompts at an evaluation");
  d.real("temperature", o.temperature).range(0.01, 10).help("of sampling and of all log-probs");
  d.real("gamma", o.gamma).range(0, 1).help("of generalized advantage estimation (ppo)");
  d.real("lambda", o.lambda).range(0, 1).help("of generalized advantage estimation (ppo)");
  d.real("clip", o.clip).range(0, 1).help("of the ratio");
  d.real("epsilon_high", o.epsilon_high)
      .at_least(0)
      .help("how far above 1 the ratio may be; null: as far as below, `clip`");
  d.real("dual_clip", o.dual_clip).at_least(0).help("bound for bad tokens, above 1; 0: off");
  d.choice("critic", o.critic, {"separate", "shared"})
      .help(
          "a model of its own that starts as the reward model, or a head on the policy's trunk, "
          "which saves a model and half of the work (ppo)");
  d.real("value_clip", o.value_clip).at_least(0).help("of the critic (ppo)");
  d.real("value_coefficient", o.value_coefficient).at_least(0).help("of the critic's loss (ppo)");
  d.real("entropy_coefficient", o.entropy_coefficient).at_least(0);
  d.real("critic_learning_rate_scale", o.critic_learning_rate_scale)
      .at_least(0)
      .help("a separate critic's learning rate as a multiple of the policy's (ppo)");
  d.choice("kl_estimator", o.kl_estimator, {"k1", "k2", "k3"})
      .help("null: k1, taken from the rewards; with grpo always k3, in the loss");
  d.real("kl_coefficient", o.kl_coefficient).at_least(0).help("beta: the price of a nat of KL");
  d.real("kl_target", o.kl_target)
      .at_least(1e-6)
      .unit("nats per answer")
      .help("adapts kl_coefficient so that the KL stays near it");
  d.real("kl_horizon", o.kl_horizon).at_least(1).unit("answers").help("how fast it adapts");
  d.real("missing_end_penalty", o.missing_end_penalty)
      .help("taken from the score of an answer that does not end its turn");
  d.real("reward_weight", o.reward_weight).help("of the reward model's score");
  d.boolean("normalize_reward", o.normalize_reward)
      .help("brings the reward model's scores to mean 0 and deviation 1 over good answers");
  d.choice("loss_type", o.loss_type, {"dapo", "grpo", "dr_grpo"})
      .help(
          "grpo's loss: mean over tokens (dapo), mean over answers of means over their tokens "
          "(grpo), sum over tokens / (answers * max_new_tokens) (dr_grpo)");
  d.choice("scale_rewards", o.scale_rewards, {"group", "batch", "none"})
      .help("grpo: rewards are divided by the deviation over the prompt's answers, or over all");
  d.choice("importance_sampling_level", o.importance_sampling_level, {"token", "sequence"})
      .help(
          "grpo: a ratio for each token, or one for an answer, its tokens' geometric mean (GSPO)");
  d.boolean("use_bias_correction_kl", o.use_bias_correction_kl)
      .help("grpo: the KL in the loss counts by the ratio, so that its gradient is the KL's own");
  d.boolean("mask_truncated_completions", o.mask_truncated_completions)
      .help("grpo: answers that do not end their turn leave the loss");
}

void check(const PpoOptions& o) {
  Mistakes mistakes;
  if (o.dual_clip > 0 && o.dual_clip <= 1)
    mistakes.add("dual_clip: " + json_number(o.dual_clip) + " must be 0 or above 1");
  if (!o.kl_target && o.kl_horizon != PpoOptions().kl_horizon)
    mistakes.add(
        "kl_horizon: says how fast kl_coefficient adapts to kl_target, and there is none. Give "
        "one, or leave it out");
  if (o.kl_target && 5 * o.kl_horizon <= static_cast<double>(o.samples))
    mistakes.add("kl_horizon: " + json_number(o.kl_horizon) + " answers are too few for samples " +
                 std::to_string(o.samples) +
                 ": one step could take all of kl_coefficient away. Give at least as many");
  mistakes.of([&] {
    if (o.algorithm != "grpo") check_group_parameters(o);
  });
  mistakes.of([&] {
    if (!o.chosen().has_critic()) check_without_critic(o);
  });
  if (o.shared_critic() && o.critic_learning_rate_scale != PpoOptions().critic_learning_rate_scale)
    mistakes.add(
        "critic_learning_rate_scale: a shared critic learns with the policy, at its rate; leave it "
        "out, or weigh its loss by value_coefficient");
  if (o.chosen().kl_in_loss && o.estimator() != lm::KlEstimator::k3)
    mistakes.add("kl_estimator: algorithm '" + o.algorithm +
                 "' has the KL in its loss, by k3 alone, not '" + *o.kl_estimator +
                 "'; leave it out");
  if (o.samples % o.group() != 0)
    mistakes.add("num_generations: samples " + std::to_string(o.samples) +
                 " cannot be divided into groups of " + std::to_string(o.group()));
  const std::int64_t prompts = o.samples / o.group();
  if (o.minibatches > prompts)
    mistakes.add("minibatches: " + std::to_string(o.minibatches) + " exceed the " +
                 std::to_string(prompts) + " prompts of an iteration (" +
                 std::to_string(o.samples) + " samples, " + std::to_string(o.group()) +
                 " to a prompt), and a prompt's answers stay together");
  mistakes.report();
}

}  // namespace lehr::plugins::ppo
