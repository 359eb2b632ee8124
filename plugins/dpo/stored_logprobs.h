// The artifact `logprobs`: logprobs.safetensors, as save_reference writes it, whose metadata says
// how they were computed. Of which model and data they are, the artifact's facets say.
#pragma once

#include <lehr/context.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "lm/train_options.h"
#include "pair_rows.h"

namespace lehr::plugins::dpo {

// What log-probabilities depend on beside model and data: max_length, precision and eval_pairs;
// in their last bits alone: batch_tokens, micro_batch_tokens, seed and numerics.
std::map<std::string, std::string> pass_facts(const PairRows& rows, const lm::TrainOptions& options,
                                              std::uint64_t seed);

void write_logprobs(const std::filesystem::path& folder, const PairRows& rows,
                    const std::map<std::string, std::string>& facts);

// Into PairSet::reference. True: they are to the last bit what this stage would compute. Throws
// Error that names the parameters in which the stage that made them differs from this one, whose
// facts are `here`.
bool read_logprobs(Context& context, const std::map<std::string, std::string>& here,
                   PairRows& rows);

}  // namespace lehr::plugins::dpo
