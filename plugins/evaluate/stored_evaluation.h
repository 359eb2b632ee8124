// The artifact `evaluation`: table.txt; evaluation.json, the scores of each model; samples.jsonl, a
// line for each probe with what each model said. A later evaluation reads it, so that it need not
// ask the same model again. Of which probes and tokens it is, and with which parameters it was
// made, the artifact's facets say.
#pragma once

#include <lehr/context.h>

#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "examination.h"

namespace lehr::plugins::evaluate {

// By the names they have in results and evaluation.json. other: what the model is compared with;
// null: nothing.
std::vector<std::pair<std::string, double>> numbers(const Examined& model, const Examined* other);

// samples: of each kind of probe, under the table. other: one of the models, or null.
void write_evaluation(const std::filesystem::path& folder, std::span<const Examined> models,
                      const Examined* other, std::span<const text::Probe> probes,
                      std::size_t samples);

// Those of the wanted models (digests) that the evaluation has, by digest. Throws Error if it does
// not say with which parameters it was made, or is not of these probes.
std::map<std::string, Examined> read_evaluation(const Input& evaluation,
                                                std::span<const text::Probe> probes,
                                                const std::set<std::string>& wanted);

}  // namespace lehr::plugins::evaluate
