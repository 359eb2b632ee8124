#include "rollouts.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <numeric>

#include "lm/operators.h"

namespace lehr::plugins::ppo {
namespace {

void scatter(const at::Tensor& values, const RolloutRow& row, std::vector<float>& flat_array) {
  const at::Tensor dense = values.detach().contiguous();
  const float* data = dense.const_data_ptr<float>();
  for (std::size_t i = 0; i < row.flat.size(); ++i)
    flat_array[static_cast<std::size_t>(row.flat[i])] = data[i];
}

RolloutRow pack(const Rollouts& rollouts, std::span<const std::size_t> sequences) {
  RolloutRow row;
  for (const std::size_t i : sequences)
    append(row.packed, rollouts.sequences[i], static_cast<std::int32_t>(i));
  std::int32_t segment = -1;
  std::int64_t next = 0;
  for (const lm::LossEntry& entry : row.packed.batch.loss_entries) {
    if (entry.segment != segment) {
      segment = entry.segment;
      const auto& owner = row.packed.owners[static_cast<std::size_t>(segment)];
      next = rollouts.spans[rollouts.answer_of(owner)].begin;
      row.firsts.push_back(next);
    }
    row.flat.push_back(next++);
    row.rows.push_back(entry.row);
    row.answers.push_back(static_cast<std::int64_t>(row.firsts.size()) - 1);
  }
  return row;
}

lm::Sequence alone(const std::vector<std::int32_t>& prompt,
                   const std::vector<std::int32_t>& answer) {
  lm::Branch trunk{prompt, std::vector<float>(prompt.size(), 0.0f)};
  trunk.ids.insert(trunk.ids.end(), answer.begin(), answer.end());
  trunk.weights.insert(trunk.weights.end(), answer.size(), 1.0f);
  return {std::move(trunk), {}};
}

}  // namespace

std::size_t Rollouts::answer_of(const lm::SegmentOwner& owner) const {
  const std::size_t first = first_answers[static_cast<std::size_t>(owner.sequence)];
  return owner.branch < 0 ? first : first + static_cast<std::size_t>(owner.branch);
}

Rollouts make_rollouts(std::span<const lm::GenerationRequest> requests,
                       std::span<const lm::Generation> answers, std::int64_t group,
                       std::int64_t row_tokens) {
  Rollouts out;
  const auto start = [&](std::size_t answer, lm::Sequence sequence) {
    out.first_answers.push_back(answer);
    out.sequences.push_back(std::move(sequence));
  };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& prompt = requests[i].prompt;
    const auto& answer = answers[i].tokens;
    const bool leads = i % static_cast<std::size_t>(group) == 0;
    if (leads) out.first_sequences.push_back(out.sequences.size());
    if (group == 1) {
      start(i, alone(prompt, answer));
    } else {
      const auto length = static_cast<std::int64_t>(answer.size());
      if (leads || out.sequences.back().tokens() + length > row_tokens)
        start(i, {{prompt, {}}, {}});
      out.sequences.back().branches.push_back({answer, std::vector<float>(answer.size(), 1.0f)});
    }
    const auto begin = static_cast<std::int64_t>(out.tokens());
    out.sampled_logprobs.insert(out.sampled_logprobs.end(), answers[i].logprobs.begin(),
                                answers[i].logprobs.end());
    out.spans.push_back({begin, static_cast<std::int64_t>(out.tokens())});
    out.ended.push_back(answers[i].stopped);
  }
  out.first_sequences.push_back(out.sequences.size());
  return out;
}

std::vector<std::vector<RolloutRow>> minibatches(const Rollouts& rollouts,
                                                 std::span<const std::uint64_t> order,
                                                 std::int64_t count, std::int64_t row_tokens) {
  const std::size_t parts = std::min<std::size_t>(static_cast<std::size_t>(count), order.size());
  std::vector<std::vector<RolloutRow>> out(parts);
  for (std::size_t b = 0; b < parts; ++b) {
    const std::size_t begin = b * order.size() / parts, end = (b + 1) * order.size() / parts;
    std::vector<std::size_t> members;
    std::vector<std::int64_t> lengths;
    for (const std::uint64_t group : order.subspan(begin, end - begin))
      for (std::size_t i = rollouts.first_sequences[group]; i < rollouts.first_sequences[group + 1];
           ++i) {
        members.push_back(i);
        lengths.push_back(rollouts.sequences[i].tokens());
      }
    for (const auto& bin : lm::first_fit_decreasing(lengths, row_tokens)) {
      std::vector<std::size_t> row;
      for (const std::int32_t k : bin) row.push_back(members[static_cast<std::size_t>(k)]);
      out[b].push_back(pack(rollouts, row));
    }
  }
  return out;
}

std::vector<std::vector<RolloutRow>> whole(const Rollouts& rollouts, std::int64_t row_tokens) {
  std::vector<std::uint64_t> order(rollouts.groups());
  std::iota(order.begin(), order.end(), 0);
  return minibatches(rollouts, order, 1, row_tokens);
}

at::Tensor gather(const std::vector<float>& flat_array, std::span<const std::int64_t> indices) {
  std::vector<float> values;
  values.reserve(indices.size());
  for (const std::int64_t i : indices) values.push_back(flat_array[static_cast<std::size_t>(i)]);
  return at::tensor(values);
}

TokenScores token_scores(const lm::Model& model,
                         const std::vector<std::vector<RolloutRow>>& minibatches,
                         std::size_t tokens, double temperature, const Ask& ask) {
  const at::NoGradGuard no_gradients;
  const bool foresees = model.config().value_head;
  TokenScores out{std::vector<float>(tokens), std::vector<float>(tokens),
                  std::vector<float>(foresees ? tokens : 0)};
  for (const auto& rows : minibatches)
    for (const RolloutRow& row : rows) {
      if (ask) ask();
      const lm::PackedBatch& batch = row.packed.batch;
      const at::Tensor hidden = model.forward_hidden(batch);
      const lm::TokenLogprobs found =
          lm::token_logprobs(hidden, model.head(), batch.loss_entries, temperature);
      scatter(found.logprobs, row, out.logprobs);
      scatter(found.entropy, row, out.entropies);
      if (foresees) scatter(lm::scalar_head(hidden, model.score_head(), row.rows), row, out.values);
    }
  return out;
}

std::vector<float> token_values(const lm::Model& critic,
                                const std::vector<std::vector<RolloutRow>>& minibatches,
                                std::size_t tokens, const Ask& ask) {
  const at::NoGradGuard no_gradients;
  std::vector<float> out(tokens);
  for (const auto& rows : minibatches)
    for (const RolloutRow& row : rows) {
      if (ask) ask();
      scatter(lm::scalar_head(critic.forward_hidden(row.packed.batch), critic.head(), row.rows),
              row, out);
    }
  return out;
}

AnswerScores answer_scores(const lm::Model& judge, std::span<const lm::LinearHead> heads,
                           const Rollouts& rollouts, std::int64_t row_tokens, const Ask& ask) {
  const at::NoGradGuard no_gradients;
  const std::vector<double> none(rollouts.answers());
  AnswerScores out{none, std::vector<std::vector<double>>(heads.size(), none)};
  const auto rows = whole(rollouts, row_tokens);
  for (const RolloutRow& row : rows.front()) {
    if (ask) ask();
    std::vector<std::size_t> answers;
    std::vector<std::int32_t> last_rows;
    for (std::size_t i = 0; i < row.packed.owners.size(); ++i) {
      const lm::SegmentOwner& owner = row.packed.owners[i];
      const auto& sequence = rollouts.sequences[static_cast<std::size_t>(owner.sequence)];
      if (owner.branch < 0 && !sequence.branches.empty()) continue;  // a shared prompt
      answers.push_back(rollouts.answer_of(owner));
      last_rows.push_back(row.packed.batch.segments[i].end - 1);
    }
    const at::Tensor hidden = judge.forward_hidden(row.packed.batch);
    const auto read = [&](const lm::LinearHead& head, std::vector<double>& into) {
      const at::Tensor found = lm::scalar_head(hidden, head, last_rows).contiguous();
      for (std::size_t k = 0; k < answers.size(); ++k)
        into[answers[k]] = found.const_data_ptr<float>()[k];
    };
    read(judge.head(), out.scores);
    for (std::size_t h = 0; h < heads.size(); ++h) read(heads[h], out.heads[h]);
  }
  return out;
}

}  // namespace lehr::plugins::ppo
