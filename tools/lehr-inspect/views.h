// The views of a model, each as text for people or as JSON for programs, on standard output.
#pragma once

#include "opened_model.h"
#include "request.h"

namespace lehr::inspect {

void show_card(const Request& request, const OpenedModel& opened);
// What the model expects next, as a chart.
void show_next(const Request& request, const OpenedModel& opened);
// How well each token of a text was expected; perplexity and bits per byte.
void show_text(const Request& request, const OpenedModel& opened);
// The text and how the model goes on, token by token as it comes.
void show_continuation(const Request& request, const OpenedModel& opened);
// Answers to standard input, a line a turn.
void show_chat(const Request& request, const OpenedModel& opened);
// How good a reward model finds answers; opens it itself.
void show_scores(const Request& request);

}  // namespace lehr::inspect
