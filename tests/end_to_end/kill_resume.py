#!/usr/bin/env python3
"""Kills a run with SIGKILL in every stage, several times, and runs it again: the artifacts must be those of an undisturbed
run, byte for byte, and the store must verify.

  kill_resume.py LEHR PIPELINE [--kills 3] [--seed 1] [--stages base,ppo]

The moment of a kill is an event of the stage (its n-th progress, metric or log line), not a time. Every second kill hits
the stage host alone, the others `lehr` itself, whose hosts must die with it."""

import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile


class Run:
    def __init__(self, lehr, pipeline, store):
        self.process = subprocess.Popen([lehr, "run", pipeline, "--store", store, "--json"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def events(self):
        for line in self.process.stdout:
            yield json.loads(line)

    def end(self):
        _, error = self.process.communicate()
        return self.process.returncode, error


def stage_of(event):
    return event.get("stage", "")


def digests(store):
    """Stage and its key ("sft.sft 0f3a...") -> its outputs' digests, from the result files."""
    out = {}
    for path in (pathlib.Path(store) / "results").glob("*.json"):
        result = json.loads(path.read_text())
        out[f"{result['stage']} {path.stem}"] = {port: output["digest"] if isinstance(output, dict) else output
                                                 for port, output in result["outputs"].items()}
    return out


def undisturbed(lehr, pipeline, store):
    """Runs to the end; gives the number of events of each stage."""
    run, counts = Run(lehr, pipeline, store), {}
    for event in run.events():
        counts[stage_of(event)] = counts.get(stage_of(event), 0) + 1
    status, error = run.end()
    if status != 0:
        sys.exit(f"the undisturbed run failed with {status}:\n{error}")
    counts.pop("", None)
    return counts


def kill_in(lehr, pipeline, store, stage, at, host_only):
    """Runs until event number `at` of the stage, kills. True: killed there; False: the run ended before."""
    run, seen, host = Run(lehr, pipeline, store), 0, None
    for event in run.events():
        if stage_of(event) != stage:
            continue
        host = event.get("pid", host)
        seen += 1
        # A run that goes on from durable state has fewer events: then the end of the stage is the moment.
        if event.get("event") == "stage_cached":  # the kill before came when its result was already durable
            run.process.kill()
            run.end()
            return False
        if seen >= at and host or event.get("event") == "stage_finished":
            try:
                if host_only and event.get("event") != "stage_finished":
                    os.kill(host, signal.SIGKILL)
                    next(e for e in run.events() if stage_of(e) == stage and e.get("event") in ("stage_failed", "stage_finished"))
            except (ProcessLookupError, StopIteration):
                pass
            run.process.kill()  # before it goes on with stages that do not need this one
            run.end()
            return True
    run.end()
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lehr")
    parser.add_argument("pipeline")
    parser.add_argument("--kills", type=int, default=3, help="in each stage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", help="only these")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as scratch:
        counts = undisturbed(options.lehr, options.pipeline, f"{scratch}/reference")
        wanted = options.stages.split(",") if options.stages else list(counts)
        store, landed = f"{scratch}/victim", 0
        for stage in wanted:
            for kill in range(options.kills):
                at = rng.randint(2, max(2, counts[stage] - 1) if kill else 2)
                if kill_in(options.lehr, options.pipeline, store, stage, at, host_only=kill % 2 == 1):
                    landed += 1
                    print(f"killed {'the host of ' if kill % 2 else 'lehr in '}{stage} at its event {at} of {counts[stage]}")
        final = Run(options.lehr, options.pipeline, store)
        for _ in final.events():
            pass
        status, error = final.end()
        if status != 0:
            sys.exit(f"the run after {landed} kills failed with {status}:\n{error}")
        expected, found = digests(f"{scratch}/reference"), digests(store)
        wrong = [stage for stage in expected if expected[stage] != found.get(stage)]
        for stage in wrong:
            print(f"{stage}: {found.get(stage)} instead of {expected[stage]}")
        verified = subprocess.run([options.lehr, "store", "verify", "--store", store], capture_output=True, text=True)
        if verified.returncode != 0:
            sys.exit(f"the store is damaged:\n{verified.stdout}{verified.stderr}")
        if landed < len(wanted):
            sys.exit(f"only {landed} kills landed: the pipeline is too short to be a test")
        print(f"{landed} kills, {len(expected)} stages, {'DIFFERENT' if wrong else 'the same bytes'}")
        sys.exit(1 if wrong else 0)


main()
