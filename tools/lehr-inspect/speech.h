// A model that goes on from a prompt, token by token as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lm/generator.h"
#include "opened_model.h"
#include "request.h"

namespace lehr::inspect {

struct Speech {
  lm::Generation said;
  std::string text;  // without the stop token
  double seconds = 0;
};

// Prints what is said, but for JSON, and without a line end. Throws lehr::Error where logits are
// not finite. kept: see lm::generate. enough: the answer ends where it says so.
Speech speak(const Request& request, const OpenedModel& opened, const lm::GenerationRequest& prompt,
             lm::KeptPrefix* kept = nullptr, const std::function<bool()>& enough = {});

// "ended by <|im_end|>", or why else nothing follows.
std::string ending(const Speech& speech, const Request& request, const OpenedModel& opened);

}  // namespace lehr::inspect
