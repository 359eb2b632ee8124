// `lehr-host --check FILE`: asks a plugin what only its code knows, without running a stage: rules
// across parameters and about what is connected, and estimates. FILE has a line of JSON for the
// plugin, which is loaded then, and one for each question, answered as it comes:
//
//   {"plugin": "/x/acme.so", "code": "<digest, or empty: any>"}
//   {"ask": "check", "kind": "stages", "name": "count", "parameters": {...}}
//   {"ask": "check_inputs", "kind": "stages", "name": "count", "parameters": {...}, "inputs": [
//     {"port", "label", "type"}]}
//   {"ask": "estimate", "kind": "stages", "name": "count", "parameters": {...}, "inputs": [
//     {"port", "label", "type", "path", "digest", "facets": {...}, "facts": {...}}]}
//
// "ask": "manifest" asks nothing more than that the plugin loads and is what its manifest says.
// kind: "stages", "steps", "rewards"; all but "check" is asked of stages only. An event "loaded" is
// sent, and for each question in order one event "answer": {"error": text} or {"estimate":
// {"steps": ..., "at_most": ["steps", ...]}, "outputs": {"model": {...}}} (unknown members left
// out), or neither: the parameters are accepted. facts, outputs: see "Facts" in the SDK's
// description.md.
#pragma once

#include "event_pipe.h"

namespace lehr::host {

// file: open for reading, to its end. Returns the exit code. A plugin that does not load is told as
// event "failed".
int answer_questions(int file, EventPipe& events);

}  // namespace lehr::host
