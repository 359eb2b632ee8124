"""Start-up, and what Lehr's engine costs for each stage: no peers here, see pipelines.py."""

import json
import re

from graphs import chain, fan, shrinking
from measure import HEAD, LEHR, ROOT, equal, interleaved, milliseconds, row, sh, timed


def startup(scratch):
    quickstart = ROOT / "pipelines/quickstart.yaml"
    empty = scratch / "empty"
    figures = interleaved({
        "fork and exec of `true`, the floor": lambda: milliseconds(["true"]),
        "`lehr --version`": lambda: milliseconds([LEHR, "--version"]),
        "`lehr validate pipelines/quickstart.yaml`": lambda: milliseconds([LEHR, "validate", quickstart]),
        "`lehr plan pipelines/quickstart.yaml`, empty store":
            lambda: milliseconds([LEHR, "plan", quickstart, "--store", empty])}, 21)
    rows = [row(name, times[1:]) for name, times in figures.items()]
    for stages in (100, 1000):
        for shape in (chain, fan):
            pipeline = shape(scratch / f"{shape.__name__}{stages}", stages)
            store = scratch / f"store-{shape.__name__}{stages}"
            start = milliseconds([LEHR, "run", pipeline, "--store", store])
            name = f"{shape.__name__} of {stages}"
            rows.append(row(f"{name}: a stage, cold (own process, hashed, fsynced)", [start / stages]))
            done = json.loads(sh(LEHR, "run", pipeline, "--store", store, "--json").splitlines()[-1])
            equal(done["status"], "ok", name)
            rows.append(row(f"{name}: `lehr run`, nothing to do", timed([LEHR, "run", pipeline, "--store", store], 7)))
            rows.append(row(f"{name}: `lehr plan`, nothing to do", timed([LEHR, "plan", pipeline, "--store", store], 7)))
            changed = [LEHR, "plan", pipeline, "--store", store, "--set",
                       f"stages.s0.with.train=[{pipeline.parent}/more.jsonl]"]
            rows.append(row(f"{name}: `lehr plan`, the first stage changed", timed(changed, 7)))
    pipeline = shrinking(scratch / "shrinking100", 100)
    took = milliseconds([LEHR, "run", pipeline, "--store", scratch / "store-shrinking100"])
    rows.append(row("chain of 100, each with an artifact of its own: a stage, cold", [took / 100]))
    return "\n".join([HEAD, *rows])


def libraries(_):
    rows = ["| file | KiB | links LibTorch |", "| --- | --- | --- |"]
    files = [LEHR, ROOT / "build/bin/lehr-host", *sorted((ROOT / "build/lib/lehr/plugins").glob("*.so"))]
    for path in files:
        needed = re.findall(r"NEEDED.*\[(.+)\]", sh("readelf", "-d", path))
        torch = "yes" if any("torch" in n or "c10" in n for n in needed) else "no"
        rows.append(f"| {path.name} | {path.stat().st_size // 1024} | {torch} |")
    return "\n".join(rows)
