// M tokens of all answers of an iteration, flat (see rollouts.h).
#include "train_ppo.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradients.h"
#include "lm/devices.h"
#include "lm/model.h"
#include "lm/model_folder.h"
#include "lm/optimizer.h"
#include "lm/ppo_math.h"
#include "lm/random.h"
#include "lm/reward_scores.h"
#include "lm/runtime.h"
#include "lm/training_estimate.h"
#include "objective.h"
#include "questions.h"
#include "rollouts.h"
#include "scored_answers.h"
#include "text/tokenizer.h"
#include "work.h"

namespace lehr::plugins::ppo {

namespace {

constexpr std::uint64_t kEvaluationSamples = std::uint64_t{1} << 40;  // their first stream number
constexpr auto kMinibatchOrder = static_cast<lm::Purpose>(64);

}  // namespace

lm::TrainOptions ppo_defaults() {
  lm::TrainOptions options;
  options.schedule.kind = "linear";
  options.schedule.learning_rate = 3e-5;
  options.schedule.warmup = 0;  // one step is a whole iteration, and the clip bounds the first
  options.optimizer.beta2 = 0.999;
  options.optimizer.weight_decay = 0;
  return options;
}

void TrainPpo::describe(Description& d) {
  PpoOptions& o = options_;
  d.summary("aligns a policy with rewards of its own answers by proximal policy optimization");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("policy", "model").facet("tokenizer", "T").help("where it starts; also the reference");
  d.input("reward", "reward_model").optional().facet("tokenizer", "T").help("scores answers");
  d.input("prompts", "prompts");
  d.output("model", "model").facet("tokenizer", "T").facet("role", "=aligned");
  d.count("iterations", o.iterations).at_least(0).help("0: evaluate and stop");
  d.count("samples", o.samples).at_least(2).help("answers per iteration");
  d.count("epochs", o.epochs).at_least(1).help("passes over an iteration's answers");
  d.count("minibatches", o.minibatches).at_least(1).help("updates per pass");
  d.count("max_new_tokens", o.max_new_tokens).at_least(1).unit("tokens").help("per answer");
  d.count("decoding_batch", o.decoding_batch).at_least(1).help("answers decoded together");
  d.count("eval_samples", o.eval_samples).at_least(1).help("held-out prompts at an evaluation");
  d.real("temperature", o.temperature).range(0.01, 10).help("of sampling and of all log-probs");
  d.real("gamma", o.gamma).range(0, 1);
  d.real("lambda", o.lambda).range(0, 1).help("of generalized advantage estimation");
  d.real("clip", o.clip).range(0, 1).help("of the ratio");
  d.real("dual_clip", o.dual_clip).at_least(0).help("bound for bad tokens, above 1; 0: off");
  d.real("value_clip", o.value_clip).at_least(0);
  d.real("value_coefficient", o.value_coefficient).at_least(0);
  d.real("entropy_coefficient", o.entropy_coefficient).at_least(0);
  d.real("critic_learning_rate_scale", o.critic_learning_rate_scale)
      .at_least(0)
      .help("the critic's learning rate as a multiple of the policy's");
  d.choice("kl_estimator", o.kl_estimator, {"k1", "k2", "k3"});
  d.real("kl_coefficient", o.kl_coefficient).at_least(0).help("beta: the price of a nat of KL");
  d.real("kl_target", o.kl_target)
      .at_least(1e-6)
      .unit("nats per answer")
      .help("adapts kl_coefficient so that the KL stays near it");
  d.real("kl_horizon", o.kl_horizon).at_least(1).unit("answers").help("how fast it adapts");
  d.real("max_kl", o.max_kl)
      .at_least(0)
      .unit("nats per answer")
      .help("training stops before an update where the KL exceeds it");
  d.real("missing_end_penalty", o.missing_end_penalty)
      .help("taken from the score of an answer that does not end its turn");
  d.real("reward_weight", o.reward_weight).help("of the reward model's score");
  d.boolean("normalize_reward", o.normalize_reward)
      .help("brings the reward model's scores to mean 0 and deviation 1 over good answers");
  d.rewards("rewards", reward_weights_).help("added to the reward model's score by weight");
  lm::describe_training(d, training_);
  lm::describe(d, training_.lora);
}

void TrainPpo::check() {
  lm::check(training_);
  if (options_.dual_clip > 0 && options_.dual_clip <= 1)
    throw Error("dual_clip " + json_number(options_.dual_clip) + " must be 0 or above 1");
  if (options_.minibatches > options_.samples)
    throw Error("minibatches " + std::to_string(options_.minibatches) + " exceed samples " +
                std::to_string(options_.samples));
}

// Beside policy, reference (the policy's own weights where an adapter is trained), critic and
// judge, what the hungriest of decoding, scoring and updating needs: samples are decoded, scored
// and evaluated all together, and updated by minibatches.
double TrainPpo::most_bytes(const lm::ModelConfig& policy, const lm::ModelConfig& critic,
                            bool judged, double length) const {
  const PpoOptions& o = options_;
  const lm::Precision precision = lm::parse_precision(training_.precision);
  const double models = lm::trained_bytes(policy, training_) + lm::best_bytes(policy, training_) +
                        lm::trained_bytes(critic, training_) +
                        (training_.lora.rank ? 0 : lm::frozen_bytes(policy, precision)) +
                        (judged ? lm::frozen_bytes(critic, precision) : 0);
  const auto row = [&](std::int64_t answers) {
    const double tokens = std::ceil(static_cast<double>(answers) * length);
    return static_cast<std::int64_t>(
        std::min(tokens, static_cast<double>(training_.micro_batch_tokens)));
  };
  const std::int64_t together = std::max(o.samples, o.eval_samples);
  return lm::kProcessBytes + models +
         std::max({lm::generation_bytes(policy, training_, std::min(together, o.decoding_batch),
                                        static_cast<std::int64_t>(std::ceil(length))),
                   lm::pass_bytes(policy, training_, row(together)),
                   lm::step_bytes(policy, training_,
                                  row((o.samples + o.minibatches - 1) / o.minibatches))});
}

void TrainPpo::estimate(const std::vector<Input>& inputs, Estimate& out) {
  out.steps = static_cast<double>(options_.iterations);
  if (options_.max_kl) out.at_most |= LEHR_AT_MOST_STEPS;
  const std::filesystem::path start = lm::made(inputs, "policy");
  const std::filesystem::path prompts = lm::made(inputs, "prompts");
  const auto known = lm::known_config(inputs, "policy");
  if (!known) return;
  const lm::ModelConfig& policy = *known;
  lm::ModelConfig critic = policy;
  critic.head = lm::HeadKind::kScore;
  const bool judged = std::any_of(inputs.begin(), inputs.end(),
                                  [](const Input& in) { return in.port == "reward"; });
  const std::int64_t context_length = policy.max_position_embeddings;
  std::vector<Question> questions;
  if (!start.empty() && !prompts.empty() && lm::is_quick_to_read(prompts))
    questions = read_questions(prompts, "train", text::Tokenizer::load(start),
                               longest_prompt(context_length, options_.max_new_tokens))
                    .list;
  const double length = questions.empty() ? static_cast<double>(context_length)
                                          : most_tokens(options_, questions, context_length);

  out.parameters = static_cast<double>(lm::trained_elements(policy, training_.lora));
  out.memory_bytes = most_bytes(policy, critic, judged, length);
  out.disk_bytes = lm::disk_bytes(
      policy, training_,
      lm::checkpoint_bytes(policy, training_) + lm::checkpoint_bytes(critic, training_));
  out.outputs["model"] = lm::model_facts(policy);
  const Work work = most_work(options_, length, policy, critic, judged);
  out.tokens = work.tokens;
  out.flops = work.decoding_flops + work.other_flops;
  out.seconds =
      work.other_flops / lm::training_flops_per_second(training_) +
      work.decoding_flops / lm::decoding_flops_per_second(
                                training_, std::min(options_.samples, options_.decoding_batch));
  // Answers may end early; prompts that are not known yet may fill the context.
  out.at_most |=
      LEHR_AT_MOST_TOKENS | LEHR_AT_MOST_FLOPS | LEHR_AT_MOST_MEMORY | LEHR_AT_MOST_SECONDS;
}

void TrainPpo::run(Context& context) {
  lm::start_runtime(context);
  const lm::Precision precision = lm::parse_precision(training_.precision);
  const PpoOptions& o = options_;
  const Input start = context.input("policy");
  const auto tokenizer = text::Tokenizer::load(start.path);
  if (!tokenizer.im_end())
    throw Error(start.path.string() + ": the tokenizer has no <|im_end|> to end a turn");
  if (!context.has_input("reward") && reward_weights_.empty())
    throw Error("there is nothing to learn from: connect a model to 'reward' or name 'rewards'");

  lm::Model policy = lm::Model::load(start.path, precision);
  const lm::Model reference = training_.lora.rank ? policy.base() : policy.clone();
  std::optional<lm::Model> judge;
  lm::RewardScale scale;
  if (context.has_input("reward")) {
    const Input in = context.input("reward");
    judge = lm::Model::load(in.path, precision);
    scale = lm::read_reward_scale(in.path);
  }
  // The critic starts where the reward model is, on the scale of the scores it shall foresee.
  lm::Model critic = judge ? judge->clone() : policy.with_score_head(context.seed());
  if (judge && o.normalize_reward) {
    critic.parameter("score.weight").div_(scale.deviation);
    critic.refresh_compute_copy();
  }

  const std::filesystem::path prompts = context.input("prompts").path;
  const std::int64_t room =
      longest_prompt(policy.config().max_position_embeddings, o.max_new_tokens);
  const auto read = [&](const char* split) {
    Questions questions = read_questions(prompts, split, tokenizer, room);
    if (questions.too_long > 0)
      context.warning(std::to_string(questions.too_long) + " " + split +
                      " prompts are longer than " + std::to_string(room) +
                      " tokens, which leaves no room for an answer");
    return std::move(questions.list);
  };
  const std::vector<Question> train = read("train"), held_out = read("eval");
  if (train.empty()) throw Error(prompts.string() + ": there is no prompt to train on");

  lm::make_trainable(policy, training_, context.seed());
  lm::make_trainable(critic, training_, context.seed() + 1);
  lm::Optimizer optimizer(policy, training_.optimizer),
      critic_optimizer(critic, training_.optimizer);
  const AnswerSampler sampler(context, o, reward_weights_, training_.micro_batch_tokens, policy,
                              judge ? &*judge : nullptr, scale, tokenizer);
  const ObjectiveOptions objective_options{lm::parse_kl_estimator(o.kl_estimator), o.gamma,
                                           o.lambda};
  double beta = o.kl_coefficient, last_kl = 0;
  QuestionOrder questions(context.seed(), train.size());

  lm::TrainingLoop loop(context, training_, o.iterations);
  loop.keep("policy", policy, &optimizer);
  loop.keep("critic", critic, &critic_optimizer);
  loop.keep_state(
      [&] {
        return nlohmann::json{{"kl_coefficient", beta}, {"kl", last_kl}};
      },
      [&](const nlohmann::json& state) {
        beta = state.at("kl_coefficient");
        last_kl = state.at("kl");
      });
  if (!held_out.empty())
    loop.evaluate_with(
        [&]() -> lm::Metrics {
          std::vector<const Question*> asked;
          for (std::size_t i = 0; i < held_out.size() && asked.size() < std::size_t(o.eval_samples);
               ++i)
            asked.push_back(&held_out[i]);
          const ScoredAnswers sampled = sampler.sample(asked, kEvaluationSamples);
          const Rollouts& r = sampled.rollouts;
          std::vector<std::uint64_t> order(r.size());
          for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
          const auto rows = minibatches(r, order, 1, training_.micro_batch_tokens);
          const auto now = token_scores(policy, rows, r.tokens(), o.temperature);
          const auto before = token_scores(reference, rows, r.tokens(), o.temperature);
          const std::vector<float> no_values(r.tokens(), 0.0f);
          const Objective found = objective(now.logprobs, before.logprobs, no_values, r.spans,
                                            sampled.scores, beta, objective_options);
          const auto count = static_cast<double>(r.size());
          return {{"reward", found.score},
                  {"kl", found.kl},
                  {"answer_tokens", static_cast<double>(r.tokens()) / count},
                  {"ended", sampled.ended / count}};
        },
        true);

  for (loop.resume(); loop.next();) {
    const auto iteration = static_cast<std::uint64_t>(loop.step());
    const std::uint64_t first_sample = iteration * static_cast<std::uint64_t>(o.samples);
    std::vector<const Question*> asked;
    for (std::int64_t i = 0; i < o.samples; ++i)
      asked.push_back(&train[questions.at(first_sample + static_cast<std::uint64_t>(i))]);
    const ScoredAnswers sampled = sampler.sample(asked, first_sample);
    const Rollouts& rollouts = sampled.rollouts;

    // Old, reference and value passes see the very rows that the first epoch's updates will see.
    const auto rows_of_epoch = [&](std::int64_t epoch) {
      const std::uint64_t stream =
          iteration * static_cast<std::uint64_t>(o.epochs) + static_cast<std::uint64_t>(epoch);
      const auto order = lm::Random(context.seed(), kMinibatchOrder, stream)
                             .permutation(static_cast<std::uint64_t>(rollouts.size()));
      return minibatches(rollouts, order, o.minibatches, training_.micro_batch_tokens);
    };
    auto rows = rows_of_epoch(0);
    const TokenScores old = token_scores(policy, rows, rollouts.tokens(), o.temperature);
    const TokenScores anchor = token_scores(reference, rows, rollouts.tokens(), o.temperature);
    const std::vector<float> values = token_values(critic, rows, rollouts.tokens());
    if (iteration == 0 && old.logprobs != anchor.logprobs)
      throw Error(
          "the KL of the first iteration is not exactly 0, though the policy is still the "
          "reference: two passes over the same rows disagree");
    const Objective found = objective(old.logprobs, anchor.logprobs, values, rollouts.spans,
                                      sampled.scores, beta, objective_options);
    last_kl = found.kl;
    if (o.max_kl && found.kl > *o.max_kl) {
      context.warning("iteration " + std::to_string(iteration) + ": the KL of " +
                      json_number(found.kl) + " nats per answer exceeds max_kl " +
                      json_number(*o.max_kl) + "; training stops here");
      context.result("stopped_by_kl", 1);
      break;
    }

    UpdateTally tally;
    double grad_norm = 0, updates = 0;
    bool rolled_back = false;  // then these answers are no longer the policy's
    for (std::int64_t epoch = 0; epoch < o.epochs && !rolled_back; ++epoch) {
      if (epoch > 0) rows = rows_of_epoch(epoch);
      for (std::size_t b = 0; b < rows.size() && !rolled_back; ++b) {
        UpdateTally before = tally;
        const lm::Update update = loop.update(policy, optimizer, [&] {
          tally = before;
          return policy_gradient(policy, rows[b], old.logprobs, found.advantages, o,
                                 epoch == 0 && b == 0, tally);
        });
        grad_norm += update.grad_norm;
        updates += 1;
        rolled_back = update.rolled_back;
        if (rolled_back) break;
        before = tally;
        const auto value_gradients = [&] {
          tally = before;
          return value_gradient(critic, rows[b], values, found.returns, o, tally);
        };
        rolled_back =
            loop.update(critic, critic_optimizer, value_gradients, o.critic_learning_rate_scale)
                .rolled_back;
      }
    }

    double surprise = 0, difference = 0;
    for (std::size_t t = 0; t < rollouts.tokens(); ++t) {
      surprise -= old.logprobs[t];
      difference += std::abs(static_cast<double>(old.logprobs[t]) -
                             static_cast<double>(rollouts.sampled_logprobs[t]));
    }
    const auto count = static_cast<double>(rollouts.size());
    const auto answer_tokens = static_cast<double>(rollouts.tokens());
    const double n = tally.tokens, ratio = tally.ratio / n;
    std::int64_t tokens = 0;
    for (const lm::Sequence& sequence : rollouts.sequences) tokens += sequence.tokens();
    loop.log({{"objective/scores", found.score},
              {"objective/kl", found.kl},
              {"objective/entropy", surprise / count},
              {"objective/non_score_reward", found.non_score_reward},
              {"objective/rlhf_reward", found.non_score_reward + found.score},
              {"objective/kl_coefficient", beta},
              {"policy/approxkl_avg", tally.approximate_kl / n},
              {"policy/clipfrac_avg", tally.clipped / n},
              {"policy/entropy_avg", tally.entropy / n},
              {"loss/policy_avg", tally.policy_loss / n},
              {"loss/value_avg", tally.value_loss / n},
              {"val/clipfrac_avg", tally.value_clipped / n},
              {"val/ratio", ratio},
              {"val/ratio_var", std::max(0.0, tally.ratio_squared / n - ratio * ratio)},
              {"val/num_eos_tokens", sampled.ended},
              {"sampling/logp_difference", difference / answer_tokens},
              {"sampling/answer_tokens", answer_tokens / count},
              {"grad_norm", grad_norm / updates},
              {"learning_rate", loop.learning_rate()}},
             tokens * (1 + o.epochs));
    if (o.kl_target)
      beta = lm::adapted_kl_coefficient(beta, found.kl, *o.kl_target, count, o.kl_horizon);
  }
  loop.finish();
  context.result("objective/kl", last_kl);
  lm::save_model_folder(context.output("model"), policy, tokenizer);
}

}  // namespace lehr::plugins::ppo
