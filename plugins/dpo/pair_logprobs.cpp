#include "pair_logprobs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <cstring>
#include <stdexcept>

#include "lm/operators.h"
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
  out.logit_sums.resize(2 * out.pairs.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::int64_t group = group_of_segment[static_cast<std::size_t>(entries[i].segment)];
    groups.push_back(group);
    out.tokens[static_cast<std::size_t>(group)] += 1;
    out.logit_sums[static_cast<std::size_t>(group)] += logits.const_data_ptr<float>()[i];
    out.entropy_sum += entropies.const_data_ptr<float>()[i];
  }
  out.sums = lm::sum_by_group(found.logprobs, groups, static_cast<std::int64_t>(out.tokens.size()))
                 .view({-1, 2});
  return out;
}

RowLogprobs logprobs_apart(const lm::Model& model, const lm::Packed& row) {
  RowLogprobs out;
  for (const std::int32_t branch : {0, 1}) {
    RowLogprobs found = row_logprobs(model, only_branch(row, branch));
    out.sums = branch == 0 ? found.sums : out.sums + found.sums;  // the other's are 0
    out.pairs = std::move(found.pairs);
  }
  return out;
}

at::Tensor reference_of(const PairSet& set, const std::vector<std::size_t>& pairs,
                        std::size_t branch) {
  std::vector<float> sums;
  for (const std::size_t pair : pairs) sums.push_back(set.reference[branch][pair]);
  return at::tensor(sums);
}

namespace {

constexpr const char* kSplits[] = {"train", "eval"};

// Calls take(name, pairs, sums) for each tensor; sums are null where there is no such split.
template <class Rows, class Take>
void each_tensor(Rows& rows, const Take& take) {
  for (const bool held_out : {false, true})
    for (std::size_t branch = 0; branch < 2; ++branch) {
      const std::string name = kSplits[held_out] + std::string(".") + rows.branches[branch];
      auto* set = !held_out ? &rows.train : rows.held_out ? &*rows.held_out : nullptr;
      take(name, set ? set->pairs() : 0, set ? &set->reference[branch] : nullptr);
    }
}

}  // namespace

void save_reference(const std::filesystem::path& file, const PairRows& rows,
                    const std::map<std::string, std::string>& metadata) {
  std::vector<lm::TensorEntry> entries;
  each_tensor(rows, [&](const std::string& name, std::size_t, const std::vector<float>* sums) {
    const std::size_t count = sums ? sums->size() : 0;
    entries.push_back({name,
                       lm::DType::kF32,
                       {static_cast<std::int64_t>(count)},
                       reinterpret_cast<const std::byte*>(count > 0 ? sums->data() : nullptr),
                       count * sizeof(float)});
  });
  lm::write_safetensors(file, entries, metadata);
}

void load_reference(const std::filesystem::path& file, PairRows& rows) {
  const lm::SafetensorsFile tensors(file);
  each_tensor(rows, [&](const std::string& name, std::size_t pairs, std::vector<float>* sums) {
    const lm::TensorEntry& entry = tensors.at(name);
    if (entry.dtype != lm::DType::kF32 || entry.bytes != pairs * sizeof(float))
      throw std::runtime_error(file.string() + ": '" + name + "' is not of " +
                               std::to_string(pairs) + " pairs");
    if (pairs == 0) return;
    sums->resize(pairs);
    std::memcpy(sums->data(), entry.data, entry.bytes);
  });
}

}  // namespace lehr::plugins::dpo
