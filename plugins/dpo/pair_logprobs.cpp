#include "pair_logprobs.h"

#include <ATen/core/grad_mode.h>

#include <cstring>
#include <stdexcept>

#include "lm/operators.h"
#include "lm/preference_feed.h"
#include "lm/preference_loss.h"
#include "lm/safetensors.h"

namespace lehr::plugins::dpo {

RowLogprobs row_logprobs(const lm::Model& model, const lm::Packed& row) {
  RowLogprobs out;
  std::vector<std::int64_t> group_of_segment;
  for (const lm::SegmentOwner& owner : row.owners) {
    if (owner.branch < 0) out.pairs.push_back(static_cast<std::size_t>(owner.sequence));
    group_of_segment.push_back(2 * static_cast<std::int64_t>(out.pairs.size() - 1) + owner.branch);
  }
  const auto& entries = row.batch.loss_entries;
  const lm::TokenLogprobs found =
      lm::token_logprobs(model.forward_hidden(row.batch), model.head(), entries);
  const at::Tensor logits = found.mean_logit.contiguous();
  const at::Tensor entropies = found.entropy.detach().contiguous();
  std::vector<std::int64_t> groups;
  out.tokens.resize(2 * out.pairs.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::int64_t group = group_of_segment[static_cast<std::size_t>(entries[i].segment)];
    groups.push_back(group);
    out.tokens[static_cast<std::size_t>(group)] += 1;
    out.logit_sums[group % 2] += logits.const_data_ptr<float>()[i];
    out.entropy_sum += entropies.const_data_ptr<float>()[i];
  }
  out.sums = lm::sum_by_group(found.logprobs, groups, static_cast<std::int64_t>(out.tokens.size()))
                 .view({-1, 2});
  return out;
}

std::size_t ReferenceLogprobs::compute(const lm::Model& reference, const lm::Packed& row) {
  const at::NoGradGuard no_gradients;
  const RowLogprobs found = row_logprobs(reference, row);
  const float* sums = found.sums.const_data_ptr<float>();
  for (std::size_t p = 0; p < found.pairs.size(); ++p) {
    chosen[found.pairs[p]] = sums[2 * p + lm::kChosen];
    rejected[found.pairs[p]] = sums[2 * p + lm::kRejected];
  }
  return found.pairs.size();
}

void save_reference(const std::filesystem::path& file, const ReferenceLogprobs& train,
                    const ReferenceLogprobs& held_out,
                    const std::map<std::string, std::string>& metadata) {
  const auto entry = [](const char* name, const std::vector<float>& values) {
    return lm::TensorEntry{name,
                           lm::DType::kF32,
                           {static_cast<std::int64_t>(values.size())},
                           reinterpret_cast<const std::byte*>(values.data()),
                           values.size() * sizeof(float)};
  };
  lm::write_safetensors(
      file,
      {entry("train.chosen", train.chosen), entry("train.rejected", train.rejected),
       entry("eval.chosen", held_out.chosen), entry("eval.rejected", held_out.rejected)},
      metadata);
}

void load_reference(const std::filesystem::path& file, std::size_t train_pairs,
                    std::size_t held_out_pairs, ReferenceLogprobs& train,
                    ReferenceLogprobs& held_out) {
  const lm::SafetensorsFile tensors(file);
  const auto read = [&](const char* name, std::size_t pairs, std::vector<float>& values) {
    const lm::TensorEntry& entry = tensors.at(name);
    if (entry.dtype != lm::DType::kF32 || entry.bytes != pairs * sizeof(float))
      throw std::runtime_error(file.string() + ": '" + name + "' is not of " +
                               std::to_string(pairs) + " pairs");
    values.resize(pairs);
    if (pairs > 0) std::memcpy(values.data(), entry.data, entry.bytes);
  };
  read("train.chosen", train_pairs, train.chosen);
  read("train.rejected", train_pairs, train.rejected);
  read("eval.chosen", held_out_pairs, held_out.chosen);
  read("eval.rejected", held_out_pairs, held_out.rejected);
}

}  // namespace lehr::plugins::dpo
