#!/usr/bin/env python3
"""Benchmarks of whole commands, as a user meets them. bench.py startup|libraries|pretrain|all [--append]

Prints minimum, median and maximum; --append adds the figures to LOG.md with date, commit and machine facts. Refuses on a
busy machine. Uses the build in build/ and a scratch store; nothing outside a temporary folder changes."""

import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEHR = ROOT / "build/bin/lehr"


def sh(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **options).stdout


def timed(command, runs, env=None):
    """Milliseconds of each run, after one warm-up."""
    times = []
    for i in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        if i:
            times.append((time.perf_counter() - start) * 1e3)
    return times


def row(name, times, unit="ms"):
    return f"| {name} | {min(times):.1f} | {statistics.median(times):.1f} | {max(times):.1f} | {unit} |"


HEAD = "| what | min | median | max | |\n| --- | --- | --- | --- | --- |"


def chain(folder, stages):
    """A pipeline of `stages` trivial stages, each filtering the last one's conversations."""
    folder.mkdir(parents=True)
    (folder / "chats.jsonl").write_text(
        '{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}\n')
    lines = ["lehr: 1", "name: chain", "stages:", "  s0: {uses: files.conversations, with: {train: [chats.jsonl]}}"]
    lines += [f"  s{i}: {{uses: template, in: {{conversations: s{i - 1}}}}}" for i in range(1, stages)]
    path = folder / "chain.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def startup(scratch):
    quickstart = ROOT / "pipelines/quickstart.yaml"
    rows = [row("fork and exec of `true`, the floor", timed(["true"], 30)),
            row("`lehr --version`", timed([LEHR, "--version"], 30)),
            row("`lehr validate pipelines/quickstart.yaml`", timed([LEHR, "validate", quickstart], 30)),
            row("`lehr plan pipelines/quickstart.yaml`, empty store",
                timed([LEHR, "plan", quickstart, "--store", scratch / "empty"], 30))]
    for stages in (10, 100):
        pipeline = chain(scratch / f"chain{stages}", stages)
        store = scratch / f"store{stages}"
        cold = timed([LEHR, "run", pipeline, "--store", store, "--set", "seed=1"], 0) or []
        start = time.perf_counter()
        sh(LEHR, "run", pipeline, "--store", scratch / f"cold{stages}")
        cold = [(time.perf_counter() - start) * 1e3 / stages]
        rows.append(row(f"one durable stage of a chain of {stages} (own process, fsynced, hashed)", cold))
        rows.append(row(f"`lehr run`, chain of {stages}, nothing to do", timed([LEHR, "run", pipeline, "--store", store], 10)))
    return "\n".join([HEAD, *rows])


def libraries(_):
    rows = ["| file | KiB | links LibTorch |", "| --- | --- | --- |"]
    files = [LEHR, ROOT / "build/bin/lehr-host", *sorted((ROOT / "build/lib/lehr/plugins").glob("*.so"))]
    for path in files:
        needed = re.findall(r"NEEDED.*\[(.+)\]", sh("readelf", "-d", path))
        torch = "yes" if any("torch" in n or "c10" in n for n in needed) else "no"
        rows.append(f"| {path.name} | {path.stat().st_size // 1024} | {torch} |")
    return "\n".join(rows)


def pretrain(scratch):
    """Tokens per second and share of the measured peak, from the stage's own results, three runs of fixed steps."""
    pipeline = pathlib.Path(__file__).parent / "pretrain.yaml"
    rows = []
    shapes = {"13.8M (C 384, 6 layers, 6 heads, F 1024, V 8192), T 256": []}
    for name, overrides in shapes.items():
        rates, shares = [], []
        for run in range(3):
            # Another seed each time: the stage must run, its inputs are shared.
            sh(LEHR, "run", pipeline, "--store", scratch / "pretrain", "--set", f"stages.base.with.schedule.warmup_steps={run}",
               *[x for o in overrides for x in ("--set", o)])
        for path in (scratch / "pretrain/results").glob("*.json"):
            result = json.loads(path.read_text())
            numbers = {k: (v["value"] if isinstance(v, dict) else v) for k, v in result.get("results", {}).items()}
            if "tokens_per_second" in numbers:
                rates.append(numbers["tokens_per_second"])
                shares.append(100 * numbers["mfu"])
        rows.append(row(f"pretrain {name}", rates, "tokens/s"))
        rows.append(row("the same", shares, "% of the measured matrix peak"))
    return "\n".join([HEAD, *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["startup", "libraries", "pretrain", "all"])
    parser.add_argument("--append", action="store_true", help="add the figures to LOG.md")
    parser.add_argument("--busy", action="store_true", help="measure although the machine is busy; never with --append")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    if load > 0.5 and not options.busy:
        sys.exit(f"the machine is busy (load {load:.2f}): wait, or give --busy for a look")
    if options.busy and options.append:
        sys.exit("figures of a busy machine are not recorded")
    wanted = [startup, libraries, pretrain] if options.what == "all" else [globals()[options.what]]
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    bf16 = "AVX512_BF16" if "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text() else "no AVX512_BF16"
    commit = sh("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
    text = f"\n## {datetime.date.today()}, {commit}\n\n{cpu}, {os.cpu_count()} cores, {bf16}\n"
    with tempfile.TemporaryDirectory() as scratch:
        for measure in wanted:
            text += f"\n`./tools/bench {measure.__name__}`\n\n{measure(pathlib.Path(scratch))}\n"
    print(text)
    if options.append:
        with open(pathlib.Path(__file__).parent / "LOG.md", "a", encoding="utf-8") as log:
            log.write(text)


main()
