#include "rollouts.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "lm/operators.h"

namespace lehr::plugins::ppo {
namespace {

void scatter(const at::Tensor& values, const RolloutRow& row, std::vector<float>& flat_array) {
  const at::Tensor dense = values.detach().contiguous();
  const float* data = dense.const_data_ptr<float>();
  for (std::size_t i = 0; i < row.flat.size(); ++i)
    flat_array[static_cast<std::size_t>(row.flat[i])] = data[i];
}

RolloutRow pack(const Rollouts& rollouts, std::span<const std::uint64_t> members) {
  RolloutRow row;
  for (const std::uint64_t i : members)
    append(row.packed, rollouts.sequences[i], static_cast<std::int32_t>(i));
  std::int32_t segment = -1;
  std::int64_t next = 0;
  for (const lm::LossEntry& entry : row.packed.batch.loss_entries) {
    if (entry.segment != segment) {
      segment = entry.segment;
      const auto owner = row.packed.owners[static_cast<std::size_t>(segment)].sequence;
      next = rollouts.spans[static_cast<std::size_t>(owner)].begin;
    }
    row.flat.push_back(next++);
    row.rows.push_back(entry.row);
  }
  return row;
}

}  // namespace

Rollouts make_rollouts(std::span<const lm::GenerationRequest> requests,
                       std::span<const lm::Generation> answers) {
  Rollouts out;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& prompt = requests[i].prompt;
    const auto& answer = answers[i].tokens;
    lm::Branch trunk{prompt, std::vector<float>(prompt.size(), 0.0f)};
    trunk.ids.insert(trunk.ids.end(), answer.begin(), answer.end());
    trunk.weights.insert(trunk.weights.end(), answer.size(), 1.0f);
    out.sequences.push_back({std::move(trunk), {}});
    const auto begin = static_cast<std::int64_t>(out.tokens());
    out.sampled_logprobs.insert(out.sampled_logprobs.end(), answers[i].logprobs.begin(),
                                answers[i].logprobs.end());
    out.spans.push_back({begin, static_cast<std::int64_t>(out.tokens())});
  }
  return out;
}

std::vector<std::vector<RolloutRow>> minibatches(const Rollouts& rollouts,
                                                 std::span<const std::uint64_t> order,
                                                 std::int64_t count, std::int64_t row_tokens) {
  const std::size_t parts = std::min<std::size_t>(static_cast<std::size_t>(count), order.size());
  std::vector<std::vector<RolloutRow>> out(parts);
  for (std::size_t b = 0; b < parts; ++b) {
    const std::size_t begin = b * order.size() / parts, end = (b + 1) * order.size() / parts;
    const auto members = order.subspan(begin, end - begin);
    std::vector<std::int64_t> lengths;
    for (const std::uint64_t i : members) lengths.push_back(rollouts.sequences[i].tokens());
    for (const auto& bin : lm::first_fit_decreasing(lengths, row_tokens)) {
      std::vector<std::uint64_t> row;
      for (const std::int32_t k : bin) row.push_back(members[static_cast<std::size_t>(k)]);
      out[b].push_back(pack(rollouts, row));
    }
  }
  return out;
}

at::Tensor gather(const std::vector<float>& flat_array, const RolloutRow& row) {
  std::vector<float> values;
  values.reserve(row.flat.size());
  for (const std::int64_t i : row.flat) values.push_back(flat_array[static_cast<std::size_t>(i)]);
  return at::tensor(values);
}

TokenScores token_scores(const lm::Model& model,
                         const std::vector<std::vector<RolloutRow>>& minibatches,
                         std::size_t tokens, double temperature) {
  const at::NoGradGuard no_gradients;
  TokenScores out{std::vector<float>(tokens), std::vector<float>(tokens)};
  for (const auto& rows : minibatches)
    for (const RolloutRow& row : rows) {
      const lm::PackedBatch& batch = row.packed.batch;
      const lm::TokenLogprobs found = lm::token_logprobs(model.forward_hidden(batch), model.head(),
                                                         batch.loss_entries, temperature);
      scatter(found.logprobs, row, out.logprobs);
      scatter(found.entropy, row, out.entropies);
    }
  return out;
}

std::vector<float> token_values(const lm::Model& critic,
                                const std::vector<std::vector<RolloutRow>>& minibatches,
                                std::size_t tokens) {
  const at::NoGradGuard no_gradients;
  std::vector<float> out(tokens);
  for (const auto& rows : minibatches)
    for (const RolloutRow& row : rows)
      scatter(lm::scalar_head(critic.forward_hidden(row.packed.batch), critic.head(), row.rows),
              row, out);
  return out;
}

}  // namespace lehr::plugins::ppo
