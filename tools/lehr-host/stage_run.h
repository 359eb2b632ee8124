// One stage from lease to result: the whole life of a stage host.
#pragma once

#include "event_pipe.h"
#include "runtime/run/stage_spec.h"

namespace lehr::host {

// Returns the exit code; what happened has been told through `events`.
int run_stage(const runtime::StageSpec& spec, EventPipe& events);

}  // namespace lehr::host
