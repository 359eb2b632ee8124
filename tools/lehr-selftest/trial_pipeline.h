// The pipelines whose stages are checked, and the data they take: all of it from a seed, small, and
// with answers of very different lengths, so that a mean over parts is not the mean over all.
#pragma once

#include <filesystem>
#include <string>

namespace lehr::selftest {

// Writes base.yaml, which trains a model, and over it accumulation.yaml, dpo.yaml, ppo.yaml,
// resume.yaml and export.yaml; their files of rows; and conversations.jsonl, which only
// template_difference reads.
void write_trial(const std::filesystem::path& folder, const std::string& device);

}  // namespace lehr::selftest
