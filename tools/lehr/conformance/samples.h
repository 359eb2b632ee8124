// Inputs for stages, steps and rewards under test: small, the same every time, and full of what
// real text is full of (empty lines, other scripts, quotes, very long rows).
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::conformance {

// Artifact types whose folders the kit can make.
bool can_make(const std::string& type);
void make_sample(const std::string& type, const std::filesystem::path& folder);
// Documents as {"id", "text", "fields"}.
nlohmann::ordered_json sample_documents();
// Answers as {"prompt", "completion", "reference", "truncated"}.
nlohmann::ordered_json sample_exchanges();

}  // namespace lehr::conformance
