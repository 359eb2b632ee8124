// What a reward model thinks of answers.
#pragma once

#include <lehr/context.h>

#include <filesystem>
#include <functional>
#include <span>

#include "examination.h"
#include "lm/runtime.h"

namespace lehr::plugins::evaluate {

// Gives the answers to questions their scores; texts that were continued have none. Both are
// written in the judge's own tokenizer and chat format, as turns that have ended. Throws Error
// naming a probe that does not fit into the judge's context with an answer.
void judge_answers(const std::filesystem::path& judge, lm::Precision precision,
                   std::span<const text::Probe> probes, std::span<Examined> models,
                   const std::function<void(const Examined&)>& begin);

}  // namespace lehr::plugins::evaluate
