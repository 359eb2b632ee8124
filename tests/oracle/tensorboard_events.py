#!/usr/bin/env python3
"""Reads the event files of a run with the real tensorboard package and compares every point with metrics.jsonl."""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    build = parser.parse_args().build
    points, series = 0, set()
    with tempfile.TemporaryDirectory() as store:
        subprocess.run([build / "bin/lehr", "run", ROOT / "tests/end_to_end/tiny.yaml", "--store", store], check=True,
                       stdout=subprocess.DEVNULL)
        for metrics in pathlib.Path(store).glob("runs/*/stages/*/metrics.jsonl"):
            accumulator = EventAccumulator(str(metrics.parent), size_guidance={"scalars": 0})
            accumulator.Reload()
            found = {tag: [(e.step, e.value) for e in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}
            expected = {}
            for line in metrics.read_text().splitlines():
                point = json.loads(line)
                expected.setdefault(point["name"], []).append((point["step"], point["value"]))
            if set(found) != set(expected):
                sys.exit(f"{metrics.parent.name}: series differ: {set(found) ^ set(expected)}")
            for name, wanted in expected.items():
                series.add(name)
                if len(wanted) != len(found[name]):
                    sys.exit(f"{metrics.parent.name}: {name} has {len(found[name])} points, not {len(wanted)}")
                for (step, value), (read_step, read_value) in zip(wanted, found[name]):
                    points += 1
                    close = value is None or math.isclose(value, read_value, rel_tol=1e-6, abs_tol=1e-30)
                    if step != read_step or not close:
                        sys.exit(f"{metrics.parent.name}: {name} at {step}: {value}, TensorBoard reads {read_value} at {read_step}")
    if points < 100:
        sys.exit(f"only {points} points: the run wrote no metrics to compare")
    print(f"{points} points of {len(series)} series, the same in TensorBoard")


main()
