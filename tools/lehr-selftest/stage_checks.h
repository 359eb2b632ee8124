// Checks of what stages give: each takes the folders or numbers that came out of a pipeline.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "lm/model.h"
#include "measure.h"
#include "text/tokenizer.h"

namespace lehr::selftest {

// What a stage tells of its first step: "loss" ...
using Metrics = std::map<std::string, double>;

// A model folder, and what its stage told.
struct Trained {
  std::filesystem::path model;
  Metrics metrics;
};

// One update from `start`, made twice. What the two were shown must be the same tokens. Loss,
// gradient norm and the update of all weights, relative.
Measure update_difference(const std::filesystem::path& start, const Trained& whole,
                          const Trained& parts);

Measure dpo_difference(const Metrics& metrics);
Measure ppo_difference(const Metrics& metrics);

// Logits, relative; `what` names the exported one.
Measure export_difference(const lm::Model& native, const lm::Model& exported,
                          const std::string& what);

// Conversations (a file of rows) as training reads them with one tokenizer, against questions and
// answers as chat writes them with the other, and against their text written out by hand. Counts
// the conversations that differ.
Measure template_difference(const text::Tokenizer& training, const text::Tokenizer& chat,
                            const std::filesystem::path& conversations, const std::string& what);

// Files that are in one folder alone, or differ.
Measure files_difference(const std::filesystem::path& one, const std::filesystem::path& other);

}  // namespace lehr::selftest
