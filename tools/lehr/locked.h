// --locked: a run, or a pipeline, held to lehr.lock (runtime/plan/lock_file.h).
#pragma once

#include "command.h"
#include "runtime/plan/lock_file.h"
#include "runtime/run/executor.h"

namespace lehr::cli {

void add_locked_option(Command command, Options& options);

// The plan has been looked up in `store` (null: there is none). Prints what differs from the lock;
// false: parameters, inputs or versions do, and the exit code is set. Throws CommandError if there
// is no lock.
bool accept_lock(const runtime::Plan& plan, const runtime::ArtifactStore* store, int& exit_code);

// Prints every output that is not the locked one. False: there are such.
bool outputs_as_locked(const runtime::Plan& plan, const runtime::RunOutcome& outcome);

}  // namespace lehr::cli
