// `lehr-host --check FILE`: asks a plugin what only its code knows, without running a stage: rules
// across parameters and about what is connected, and estimates. FILE is JSON:
//
//   {"plugin": "/x/acme.so", "code": "<digest, or empty: any>", "questions": [
//     {"ask": "check", "kind": "stages", "name": "count", "parameters": {...}},
//     {"ask": "check_inputs", "kind": "stages", "name": "count", "parameters": {...}, "inputs": [
//       {"port", "label", "type"}]},
//     {"ask": "estimate", "kind": "stages", "name": "count", "parameters": {...}, "inputs": [
//       {"port", "label", "type", "path", "digest", "facets": {...}, "facts": {...}}]}]}
//
// "ask": "manifest" asks nothing more than that the plugin loads and is what its manifest says.
// kind: "stages", "steps", "rewards"; all but "check" is asked of stages only. For each question in
// order one event "answer" is sent: {"error": text} or {"estimate": {"steps": ..., "at_most":
// ["steps", ...]}, "outputs": {"model": {...}}} (unknown members left out), or neither: the
// parameters are accepted. facts, outputs: see "Facts" in the SDK's description.md.
#pragma once

#include <nlohmann/json.hpp>

#include "event_pipe.h"

namespace lehr::host {

// Returns the exit code. A plugin that does not load is told as event "failed".
int answer_questions(const nlohmann::ordered_json& request, EventPipe& events);

}  // namespace lehr::host
