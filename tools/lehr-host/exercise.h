// `lehr-host --exercise FILE`: calls a document step or reward in several arrangements and tells
// what came out, for the conformance kit. FILE is JSON:
//
//   {"plugin": "/x/acme.so", "kind": "steps", "name": "no_shouting", "parameters": {...},
//    "items": [{"id", "text", "fields"}]            or, for a reward,
//             [{"prompt", "completion", "reference", "truncated"}],
//    "arrangements": [{"order": [2, 0, 1], "batch": 2, "threads": 1, "padding": 16}]}
//
// An arrangement: the items in that order, in batches, on as many threads at once, each of which
// does all of it with an instance of its own; array elements stand `padding` bytes further apart
// than they need. Each gives one event "answer": {"error"}, or {"outcomes": [one list a thread, of
// the items in their original order], ...}. Of a step the list holds {"verdict", "reason",
// "rewritten"}, and beside it stand "touched" (it wrote into a document) and "reasons_kept"; of a
// reward it holds scores.
#pragma once

#include <nlohmann/json.hpp>

#include "event_pipe.h"

namespace lehr::host {

// Returns the exit code.
int exercise(const nlohmann::ordered_json& request, EventPipe& events);

}  // namespace lehr::host
