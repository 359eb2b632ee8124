// N tokens, M loss entries, V vocabulary.
#include "model_checks.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lm/device.h"
#include "lm/generator.h"
#include "lm/operators.h"
#include "lm/random.h"
#include "lm/reference_model.h"
#include "lm/reward_scores.h"

namespace lehr::selftest {

using namespace lm;

namespace {

at::Tensor weights_of(const PackedBatch& batch) {
  std::vector<float> weights;
  for (const LossEntry& entry : batch.loss_entries) weights.push_back(entry.weight);
  return at::tensor(weights);
}

at::Tensor logits_of(const Model& model, const PackedBatch& batch) {
  const at::NoGradGuard no_gradients;
  return on_host(model.logits(model.forward_hidden(batch)));
}

std::vector<std::vector<std::int32_t>> texts(std::size_t count, std::uint64_t vocabulary) {
  std::vector<std::vector<std::int32_t>> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Random random(5, Purpose::kUser, i);
    out[i].resize(1 + random.below(0, 40));
    for (std::size_t t = 0; t < out[i].size(); ++t)
      out[i][t] = static_cast<std::int32_t>(random.below(t + 1, vocabulary));
  }
  return out;
}

}  // namespace

Measure reference_difference(Model& model, const ReferenceModel& reference,
                             const PackedBatch& batch) {
  Measure out;
  const at::Tensor hidden = model.forward_hidden(batch);
  const CrossEntropy found = linear_cross_entropy(hidden, model.head(), batch.loss_entries);
  const at::Tensor expected_hidden = reference.hidden(batch);
  const at::Tensor expected =
      ReferenceModel::pick_targets(reference.log_softmax(expected_hidden, batch), batch);
  out.take(relative_error(on_host(found.nll), expected.neg()), "losses");
  {
    const at::NoGradGuard no_gradients;
    const TokenLogprobs warm =
        token_logprobs(hidden.detach(), model.head(), batch.loss_entries, 0.7);
    const at::Tensor all = reference.log_softmax(expected_hidden, batch, 0.7);
    out.take(relative_error(on_host(warm.logprobs), ReferenceModel::pick_targets(all, batch)),
             "log-probabilities at temperature 0.7");
    out.take(relative_error(on_host(warm.entropy), (all.exp() * all).sum(-1).neg()), "entropies");
  }
  model.backward(found.loss);
  (expected.neg() * weights_of(batch)).sum().backward();
  for (const ParameterSlot& slot : model.slots())
    out.take(
        relative_error(on_host(model.gradient(slot.name)), reference.weights.at(slot.name).grad()),
        "the gradient of " + slot.name);
  return out;
}

std::vector<PackedBatch> documents_of(const PackedBatch& packed) {
  std::vector<PackedBatch> out;
  for (const Segment& segment : packed.segments) {
    PackedBatch one;
    const std::int32_t prefix = segment.prefix_end - segment.prefix_begin;
    const auto copy = [&](std::int32_t begin, std::int32_t end) {
      one.ids.insert(one.ids.end(), packed.ids.begin() + begin, packed.ids.begin() + end);
    };
    copy(segment.prefix_begin, segment.prefix_end);
    copy(segment.begin, segment.end);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(one.size()); ++i)
      one.positions.push_back(i);
    one.segments = {{0, static_cast<std::int32_t>(one.size()), 0, 0}};
    const auto number = static_cast<std::int32_t>(&segment - packed.segments.data());
    for (const LossEntry& entry : packed.loss_entries)
      if (entry.segment == number)
        one.loss_entries.push_back({entry.row >= segment.begin ? prefix + entry.row - segment.begin
                                                               : entry.row - segment.prefix_begin,
                                    entry.target, entry.weight, 0});
    if (!one.loss_entries.empty()) out.push_back(std::move(one));
  }
  return out;
}

Measure packed_difference(Model& model, const PackedBatch& packed,
                          std::span<const PackedBatch> alone) {
  const auto nll_and_gradients = [&](const PackedBatch& batch) {
    const CrossEntropy ce =
        linear_cross_entropy(model.forward_hidden(batch), model.head(), batch.loss_entries);
    model.backward(ce.loss);
    return on_host(ce.nll);
  };
  model.zero_gradients();
  const at::Tensor together = nll_and_gradients(packed);
  const at::Tensor gradients = model.gradients().clone();
  model.zero_gradients();
  std::vector<at::Tensor> one_by_one;
  for (const PackedBatch& batch : alone) one_by_one.push_back(nll_and_gradients(batch));
  Measure out;
  out.take(relative_error(together, at::cat(one_by_one)), "losses");
  out.take(relative_error(on_host(gradients), on_host(model.gradients())), "gradients");
  return out;
}

Measure adapter_difference(const Model& beside, const Model& merged, const PackedBatch& batch) {
  Measure out;
  out.take(relative_error(logits_of(beside, batch), logits_of(merged, batch)), "logits");
  return out;
}

Measure decoding_difference(const Model& drawing, const Model& training) {
  constexpr double kTemperature = 0.8;
  std::vector<GenerationRequest> requests;
  for (auto& prompt : texts(9, static_cast<std::uint64_t>(drawing.config().vocab_size)))
    requests.push_back({std::move(prompt), requests.size()});
  const auto drawn = generate(drawing, requests,
                              {.sampling = {.temperature = kTemperature}, .max_new_tokens = 24});
  Measure out;
  const at::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    PackedBatch batch;
    batch.ids = requests[i].prompt;
    for (const std::int32_t token : drawn[i].tokens) {
      batch.loss_entries.push_back({static_cast<std::int32_t>(batch.size()) - 1, token, 1.0f, 0});
      batch.ids.push_back(token);
    }
    for (std::int32_t t = 0; t < batch.size(); ++t) batch.positions.push_back(t);
    batch.segments = {{0, static_cast<std::int32_t>(batch.size()), 0, 0}};
    const at::Tensor trained =
        on_host(token_logprobs(training.forward_hidden(batch), training.head(), batch.loss_entries,
                               kTemperature)
                    .logprobs);
    for (std::size_t t = 0; t < drawn[i].tokens.size(); ++t)
      out.take(std::abs(static_cast<double>(drawn[i].logprobs[t]) -
                        static_cast<double>(trained[static_cast<std::int64_t>(t)].item<float>())),
               "token " + std::to_string(t) + " of answer " + std::to_string(i) + ", in nats");
  }
  return out;
}

Measure reward_difference(const Model& together, const Model& alone) {
  constexpr std::int64_t kRowTokens = 256;
  const auto answers = texts(32, static_cast<std::uint64_t>(together.config().vocab_size));
  const std::vector<double> packed = score_sequences(together, answers, kRowTokens);
  const double deviation = scale_of(packed).deviation;
  Measure out;
  for (std::size_t i = 0; i < answers.size(); ++i)
    out.take(
        std::abs(packed[i] - score_sequences(alone, {&answers[i], 1}, kRowTokens)[0]) / deviation,
        "the score of answer " + std::to_string(i));
  return out;
}

}  // namespace lehr::selftest
