#include "distribution.h"

#include <ATen/core/grad_mode.h>
#include <lehr/value.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace lehr::inspect {
namespace {

constexpr std::int64_t kLogitRows = 128;  // of which logits exist at one time

// Hidden states after all of `ids`, which fit the context: [T, C].
at::Tensor hidden_states(const lm::Model& model, std::span<const std::int32_t> ids) {
  lm::PackedBatch batch;
  batch.ids.assign(ids.begin(), ids.end());
  batch.positions.resize(ids.size());
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  batch.segments.push_back({0, static_cast<std::int32_t>(ids.size()), 0, 0});
  return model.forward_hidden(batch);
}

// ln of the sum of exp: what makes log-probabilities of logits.
double log_sum(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - most);
  if (!std::isfinite(most + std::log(sum))) throw Error(kNotFinite);
  return most + std::log(sum);
}

ScoredToken scored(std::span<const float> logits, std::int32_t id) {
  const double norm = log_sum(logits);
  const float mine = logits[static_cast<std::size_t>(id)];
  const auto best = std::max_element(logits.begin(), logits.end());
  return {{id, mine - norm},
          1 + std::count_if(logits.begin(), logits.end(), [&](float x) { return x > mine; }),
          {static_cast<std::int32_t>(best - logits.begin()), *best - norm}};
}

}  // namespace

NextToken next_token(const lm::Model& model, const std::vector<std::int32_t>& ids,
                     std::size_t count) {
  const at::NoGradGuard no_gradients;
  const auto last = static_cast<std::int64_t>(ids.size()) - 1;
  const at::Tensor row = model.logits(hidden_states(model, ids).narrow(0, last, 1)).contiguous();
  const std::span<const float> logits(row.const_data_ptr<float>(),
                                      static_cast<std::size_t>(row.numel()));
  const double norm = log_sum(logits);
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, order.size());
  const auto logit = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
                    });
  NextToken out;
  out.vocabulary = static_cast<std::int64_t>(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double logprob = logit(order[i]) - norm, p = std::exp(logprob);
    if (p > 0) out.entropy_bits -= p * logprob / std::numbers::ln2;
    if (i < count)
      out.likeliest.push_back({order[i], logprob});
    else
      out.rest += p;
  }
  return out;
}

std::vector<ScoredToken> score(const lm::Model& model, const std::vector<std::int32_t>& ids) {
  const at::NoGradGuard no_gradients;
  const auto context = static_cast<std::size_t>(model.config().max_position_embeddings);
  std::vector<ScoredToken> out;
  for (std::size_t begin = 0; out.size() + 1 < ids.size();
       begin += std::max<std::size_t>(1, context / 2)) {
    const auto window = std::span(ids).subspan(begin, std::min(context, ids.size() - begin));
    const at::Tensor hidden = hidden_states(model, window);
    // Row r of the window predicts token begin + r + 1; those before `first` are scored already.
    const auto first = static_cast<std::int64_t>(out.size() - begin);
    const auto end = static_cast<std::int64_t>(window.size()) - 1;
    for (std::int64_t at = first; at < end; at += kLogitRows) {
      const std::int64_t rows = std::min(kLogitRows, end - at);
      const at::Tensor logits = model.logits(hidden.narrow(0, at, rows)).contiguous();
      const auto vocabulary = static_cast<std::size_t>(logits.size(1));
      for (std::int64_t r = 0; r < rows; ++r)
        out.push_back(scored(
            {logits.const_data_ptr<float>() + static_cast<std::size_t>(r) * vocabulary, vocabulary},
            window[static_cast<std::size_t>(at + r + 1)]));
    }
  }
  return out;
}

}  // namespace lehr::inspect
