// M tokens of all answers of an iteration, flat (see rollouts.h).
#include "train_ppo.h"

#include <lehr/mistakes.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "advantages.h"
#include "critic.h"
#include "gradients.h"
#include "lm/counted.h"
#include "lm/devices.h"
#include "lm/judge.h"
#include "lm/model.h"
#include "lm/model_folder.h"
#include "lm/optimizer.h"
#include "lm/ppo_math.h"
#include "lm/random.h"
#include "lm/runtime.h"
#include "lm/training_estimate.h"
#include "loss_weights.h"
#include "metrics.h"
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

// Where the reward model is, on the scale of the scores it shall foresee; without one the policy
// under a new head.
lm::Model critic_start(const lm::Model& policy, const std::optional<lm::Judge>& judge,
                       std::uint64_t seed) {
  if (!judge) return policy.with_score_head(seed);
  lm::Model critic = judge->model.clone();
  critic.parameter("score.weight").div_(judge->scale.deviation);
  critic.refresh_compute_copy();
  return critic;
}

// What an iteration learns from.
struct Drawn {
  ScoredAnswers sampled;
  // Of the first epoch: the passes of old, reference and values see the very rows that its updates
  // will see.
  std::vector<std::vector<RolloutRow>> rows;
  TokenScores old, anchor;
  Objective found;
};

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
  d.summary("aligns a policy with rewards of its own answers: PPO, GRPO, RLOO");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("policy", "model").facet("tokenizer", "T").help("where it starts; also the reference");
  d.input("reward", "reward_model").optional().facet("tokenizer", "T").help("scores answers");
  d.input("prompts", "prompts");
  d.output("model", "model").facet("tokenizer", "T").facet("role", "=aligned");
  ppo::describe(d, options_);
  ppo::describe(d, stop_if_);
  d.rewards("rewards", reward_weights_).help("added to the reward model's score by weight");
  lm::describe_training(d, training_);
  lm::describe(d, training_.lora);
}

void TrainPpo::check() {
  Mistakes mistakes;
  mistakes.of([&] { lm::check(training_); });
  mistakes.of([&] { lm::check_no_dropout(training_.lora); });
  if (training_.eval_tokens)
    mistakes.add(
        "eval.tokens: evaluations of this stage are counted in prompts; set eval_samples instead");
  mistakes.of([&] { ppo::check(options_); });
  for (std::size_t i = 0; i < reward_weights_.size(); ++i)
    if (reward_weights_[i] == 0)
      mistakes.add("rewards[" + std::to_string(i) +
                   "].weight: at 0 its scores count nothing. Give another weight, or leave the "
                   "reward out");
  if (options_.reward_weight == 0 && reward_weights_.empty())
    mistakes.add(
        "reward_weight: at 0 the reward model's scores count nothing, and there are no other "
        "'rewards'. Give another weight, or name some");
  if (stop_if_.any() && training_.eval_every == 0)
    mistakes.add(
        "stop_if: with 'eval.every: 0' nothing is evaluated before the end, so there is nothing to "
        "go back to. Leave 'every' out, or give a number of steps");
  mistakes.report();
}

void TrainPpo::check_inputs(const std::vector<Input>& inputs) {
  if (connected(inputs, "reward") > 0) return;
  if (reward_weights_.empty())
    throw Error("there is nothing to learn from: connect a model to 'reward' or name 'rewards'");
  const auto refuse = [](const std::string& parameter) {
    throw Error(parameter +
                ": is of a reward model, and none is connected to 'reward'; leave it out");
  };
  if (options_.reward_weight != PpoOptions().reward_weight) refuse("reward_weight");
  if (!options_.normalize_reward) refuse("normalize_reward");
  if (stop_if_.disagreement_above) refuse("stop_if.disagreement_above");
}

void TrainPpo::estimate(const std::vector<Input>& inputs, Estimate& out) {
  out.steps = static_cast<double>(options_.iterations);
  lm::TrainOptions training = training_;
  if (stop_if_.any()) {
    out.at_most |= LEHR_AT_MOST_STEPS;
    training.save = "best";  // it is kept to go back to
  }
  const auto tokenizer = lm::known_tokenizer(inputs, "policy");
  const std::filesystem::path prompts = lm::made(inputs, "prompts");
  const auto known = lm::known_config(inputs, "policy");
  if (!known) return;
  const lm::ModelConfig& policy = *known;
  lm::ModelConfig critic = policy;
  critic.head = lm::HeadKind::kScore;
  const bool judged = connected(inputs, "reward") > 0;
  const std::int64_t context_length = policy.max_position_embeddings;
  std::vector<Question> questions;
  if (tokenizer && !prompts.empty() && lm::is_quick_to_read(prompts))
    questions = read_questions(prompts, "train", text::Tokenizer::load(*tokenizer),
                               longest_prompt(context_length, options_.max_new_tokens))
                    .list;
  const Lengths lengths = most_tokens(options_, questions, context_length);

  out.parameters = static_cast<double>(lm::trained_elements(policy, training.lora));
  out.memory_bytes = most_bytes(options_, training, lengths, policy, critic, judged);
  double checkpoint = lm::checkpoint_bytes(policy, training);
  if (options_.separate_critic()) checkpoint += lm::checkpoint_bytes(critic, training);
  out.disk_bytes = lm::disk_bytes(policy, training, checkpoint);
  out.outputs["model"] = lm::model_facts(policy, tokenizer);
  const Work work =
      most_work(options_, training.micro_batch_tokens, lengths, policy, critic, judged);
  out.tokens = work.tokens;
  out.flops = work.decoding_flops + work.other_flops;
  out.seconds =
      work.other_flops / lm::training_flops_per_second(training) +
      work.decoding_flops / lm::decoding_flops_per_second(
                                training, std::min(options_.samples, options_.decoding_batch));
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

  lm::Model policy = lm::Model::load(start.path, precision);
  if (o.shared_critic()) policy = policy.with_value_head();
  const lm::Model reference = training_.lora.rank ? policy.base() : policy.clone();
  std::optional<lm::Judge> judge;
  if (context.has_input("reward"))
    judge = lm::load_judge(context.input("reward").path, precision, o.normalize_reward);
  if (stop_if_.disagreement_above && (!judge || judge->heads.empty()))
    throw Error(
        "stop_if.disagreement_above: the reward model has no heads that could disagree; train it "
        "with 'ensemble: 4', or leave the limit out");
  std::optional<Critic> critic;
  if (o.separate_critic())
    critic.emplace(critic_start(policy, judge, context.seed()), o, training_, context.seed() + 1);
  const std::filesystem::path prompts = context.input("prompts").path;
  const std::int64_t room =
      longest_prompt(policy.config().max_position_embeddings, o.max_new_tokens);
  const auto read = [&](const char* split) {
    Questions questions = read_questions(prompts, split, tokenizer, room, [&] {
      if (context.cancelled()) throw Cancelled();
    });
    if (questions.too_long > 0)
      context.warning(std::to_string(questions.too_long) + " " + split +
                      " prompts are longer than " + std::to_string(room) +
                      " tokens, which leaves no room for an answer");
    return std::move(questions.list);
  };
  const std::vector<Question> train = read("train"), held_out = read("eval");
  if (train.empty()) throw Error("the input 'prompts' holds no prompt to train on");
  if (stop_if_.any() && held_out.empty())
    throw Error(
        "the input 'prompts' holds no held-out prompt to evaluate on, so stop_if would have "
        "nothing to go back to; hold prompts out, or leave stop_if out");

  if (o.max_new_tokens > policy.config().max_position_embeddings)
    context.warning("max_new_tokens: " + std::to_string(o.max_new_tokens) +
                    " is above the model's context: a prompt and its answer end at " +
                    std::to_string(policy.config().max_position_embeddings) + " tokens" +
                    (o.loss_type == "dr_grpo" ? ", and dr_grpo's loss is divided by what no answer "
                                                "can have"
                                              : ""));
  context.info(lm::counted(std::ssize(train), "prompt") + "; " +
               lm::counted(o.iterations, "iteration") + " of " + lm::counted(o.samples, "answer") +
               ", " + std::to_string(o.group()) + " to a prompt, " +
               lm::counted(o.epochs * o.minibatches, "update") + " each, " +
               lm::numerics_fingerprint());
  lm::make_trainable(policy, training_, context.seed());
  lm::Optimizer optimizer(policy, training_.optimizer);
  double beta = o.kl_coefficient, last_kl = 0;
  QuestionOrder questions(context.seed(), train.size());

  lm::TrainingLoop loop(context, training_, o.iterations);
  loop.keep("policy", policy, &optimizer);
  if (critic) critic->keep_in(loop);
  if (stop_if_.any()) loop.keep_best();
  const Ask ask = [&] {
    if (context.cancelled()) loop.stop();
  };
  const AnswerSampler sampler(context, o, reward_weights_, training_.micro_batch_tokens, policy,
                              judge ? &*judge : nullptr, tokenizer, ask);
  const auto show = [&](const ScoredAnswers& sampled) {
    for (const std::string& sample : sampled.samples)
      context.debug("step " + std::to_string(loop.step()) + ": " + sample);
  };
  std::int64_t level_iterations = 0;  // whose scores teach nothing
  loop.keep_state(
      [&] {
        return nlohmann::json{
            {"kl_coefficient", beta}, {"kl", last_kl}, {"level_iterations", level_iterations}};
      },
      [&](const nlohmann::json& state) {
        beta = state.at("kl_coefficient");
        last_kl = state.at("kl");
        level_iterations = state.value("level_iterations", std::int64_t{0});
      });
  const auto rows_of_epoch = [&](const Rollouts& rollouts, std::int64_t epoch) {
    const auto stream = static_cast<std::uint64_t>(loop.step() * o.epochs + epoch);
    const auto order = lm::Random(context.seed(), kMinibatchOrder, stream)
                           .permutation(static_cast<std::uint64_t>(rollouts.groups()));
    return minibatches(rollouts, order, o.minibatches, training_.micro_batch_tokens);
  };
  const auto draw = [&]() -> Drawn {
    const auto first_sample = static_cast<std::uint64_t>(loop.step() * o.samples);
    std::vector<const Question*> asked;
    for (std::int64_t i = 0; i < o.samples; ++i)
      asked.push_back(&train[questions.at((first_sample + static_cast<std::uint64_t>(i)) /
                                          static_cast<std::uint64_t>(o.group()))]);
    Drawn out{sampler.sample(asked, first_sample, o.group()), {}, {}, {}, {}};
    const std::size_t tokens = out.sampled.rollouts.tokens();
    out.rows = rows_of_epoch(out.sampled.rollouts, 0);
    out.old = token_scores(policy, out.rows, tokens, o.temperature, ask);
    out.anchor = token_scores(reference, out.rows, tokens, o.temperature, ask);
    if (loop.step() == 0 && out.old.logprobs != out.anchor.logprobs)
      throw Error(
          "the KL of the first iteration is not exactly 0, though the policy is still the "
          "reference: two passes over the same rows disagree");
    out.found =
        objective(out.old.logprobs, out.anchor.logprobs, out.sampled.scores, beta, o.estimator());
    return out;
  };
  // Whether the answers of the policy as it is break a limit; then training ends.
  const auto ends_at = [&](const Drawn& drawn) {
    const Signs seen = signs(drawn.sampled, drawn.found, drawn.old);
    std::string why;
    for (const Broken& limit : broken(stop_if_, seen)) {
      context.result("stopped_by_" + limit.limit, 1);
      why += (why.empty() ? "" : ", ") + limit.says;
    }
    if (why.empty()) return false;
    last_kl = seen.kl;
    for (const auto& [name, value] : metrics(seen)) context.metric(loop.step(), name, value);
    loop.go_back(why);
    return true;
  };
  std::optional<Drawn> ahead;  // the answers of this step, where an evaluation came first
  if (!held_out.empty())
    loop.evaluate_with(
        [&]() -> lm::Metrics {
          if (stop_if_.any() && ends_at(ahead.emplace(draw()))) return {};
          std::vector<const Question*> asked;
          for (std::size_t i = 0; i < held_out.size() && asked.size() < std::size_t(o.eval_samples);
               ++i)
            asked.push_back(&held_out[i]);
          const ScoredAnswers sampled = sampler.sample(asked, kEvaluationSamples, 1);
          show(sampled);
          const Rollouts& r = sampled.rollouts;
          const auto rows = whole(r, training_.micro_batch_tokens);
          const auto now = token_scores(policy, rows, r.tokens(), o.temperature, ask);
          const auto before = token_scores(reference, rows, r.tokens(), o.temperature, ask);
          const Objective found =
              objective(now.logprobs, before.logprobs, sampled.scores, beta, o.estimator());
          const auto count = static_cast<double>(r.answers());
          return {{"reward", found.score},
                  {"kl", found.kl},
                  {"answer_tokens", (static_cast<double>(r.tokens()) - sampled.ended) / count},
                  {"ended", sampled.ended / count}};
        },
        true);

  for (loop.resume(); loop.next();) {
    Drawn drawn = ahead ? std::move(*ahead) : draw();
    ahead.reset();
    if (ends_at(drawn)) break;
    auto& [sampled, rows, old, anchor, found] = drawn;
    const Rollouts& rollouts = sampled.rollouts;
    const std::vector<float> values =
        critic ? critic->values(rows, rollouts.tokens(), ask) : old.values;
    last_kl = found.kl;
    if (held_out.empty() && loop.step() % std::max<std::int64_t>(1, o.iterations / 10) == 0)
      show(sampled);
    const auto compared =
        o.chosen().has_critic() ? rollouts.answers() : static_cast<std::size_t>(o.group());
    if (level_share(sampled.scores, compared) == 1 && level_iterations++ == 0)
      context.warning("step " + std::to_string(loop.step()) + ": " +
                      level_warning(rollouts.answers(), compared));

    const Advantages aims =
        advantages(o, found.token_kl, values, rollouts.spans, sampled.scores, beta);
    const std::vector<float> weights = token_weights(o, rollouts);
    const ValueTargets foreseen{values, aims.returns};
    const PolicyTargets targets{old.logprobs,
                                anchor.logprobs,
                                aims.advantages,
                                weights,
                                beta,
                                o.shared_critic() ? &foreseen : nullptr};
    UpdateTally tally;
    double grad_norm = 0, updates = 0;
    bool rolled_back = false;  // then these answers are no longer the policy's
    for (std::int64_t epoch = 0; epoch < o.epochs && !rolled_back; ++epoch) {
      if (epoch > 0) rows = rows_of_epoch(rollouts, epoch);
      for (std::size_t b = 0; b < rows.size() && !rolled_back; ++b) {
        const UpdateTally before = tally;
        const lm::Update update = loop.update(policy, optimizer, [&] {
          tally = before;
          return policy_gradient(policy, rows[b], targets, o, epoch == 0 && b == 0, tally);
        });
        grad_norm += update.grad_norm;
        updates += 1;
        rolled_back = update.rolled_back;
        if (critic && !rolled_back)
          rolled_back = critic->update(loop, rows[b], foreseen, tally).rolled_back;
      }
    }

    lm::Metrics metrics = iteration_metrics(o, sampled, found, old, tally, beta);
    metrics.emplace_back("grad_norm", grad_norm / updates);
    metrics.emplace_back("learning_rate", loop.learning_rate());
    std::int64_t tokens = 0;
    for (const lm::Sequence& sequence : rollouts.sequences) tokens += sequence.tokens();
    loop.log(metrics, tokens * (1 + o.epochs));
    if (o.kl_target)
      beta = lm::adapted_kl_coefficient(beta, found.kl, *o.kl_target,
                                        static_cast<double>(rollouts.answers()), o.kl_horizon);
  }
  loop.finish();
  context.result("objective/kl", last_kl);
  if (level_iterations > 0)
    context.result("iterations_without_spread", static_cast<double>(level_iterations));
  lm::save_model_folder(context.output("model"), policy, tokenizer);
}

}  // namespace lehr::plugins::ppo
