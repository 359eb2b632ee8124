"""What every benchmark shares: timed commands, interleaved rounds, tables."""

import os
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEHR = ROOT / "build/bin/lehr"
PEERS = ROOT / ".deps/bench"  # a virtual environment that the product never needs
# cuda: models are computed on a GPU, by us and by the peers. BENCH_PYTHON: the interpreter that has the peers already, with
# a PyTorch for that GPU; then nothing is installed.
DEVICE = os.environ.get("BENCH_DEVICE", "cpu")
# What `precision: auto` computes in there, and therefore the peers: bf16 is slower than fp32 on a processor that lacks it.
PRECISION = "bf16" if DEVICE == "cuda" or " avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text() else "fp32"
PYTHON = os.environ.get("BENCH_PYTHON", PEERS / "bin/python")

HEAD = "| what | min | median | max | |\n| --- | --- | --- | --- | --- |"


def sh(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **options).stdout


def milliseconds(command, **options):
    start = time.perf_counter()
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return (time.perf_counter() - start) * 1e3


def timed(command, runs, **options):
    """Milliseconds of each run, after one warm-up."""
    return [milliseconds(command, **options) for _ in range(runs + 1)][1:]


def interleaved(measures, rounds):
    """measures: {name: function that gives one figure}. Each in turn, `rounds` times: {name: [figures]}."""
    figures = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            figures[name].append(measure())
    return figures


def number(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def row(name, figures, unit="ms"):
    return f"| {name} | {number(min(figures))} | {number(statistics.median(figures))} | {number(max(figures))} | {unit} |"


def ratio(figures, to):
    return f"{statistics.median(figures) / statistics.median(to):.2f}"


def equal(found, wanted, what):
    """Benchmarks of unequal work say nothing."""
    if found != wanted:
        raise SystemExit(f"{what}: {found}, not {wanted}")


def install_peers(*packages):
    """Python packages into the peers' environment, once."""
    if "BENCH_PYTHON" in os.environ:
        return
    if not (PEERS / "bin/python").exists():
        sh("python3", "-m", "venv", PEERS)
    missing = [p for p in packages if not (PEERS / "installed" / p).exists()]
    if missing:
        print(f"bench: installing {', '.join(missing)} into {PEERS}", flush=True)
        sh(PEERS / "bin/python", "-m", "pip", "install", "-q", *missing)
        (PEERS / "installed").mkdir(exist_ok=True)
        for package in missing:
            (PEERS / "installed" / package).touch()
