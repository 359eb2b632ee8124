"""Training throughput, as the stages themselves report it. Peers: tests/oracle holds the curves to TRL's."""

import json
import pathlib
import statistics

from measure import HEAD, LEHR, equal, row, sh


def pretrain(scratch):
    """Three runs of some forty steps, without evaluation and checkpoints: tokens per second, and the share of the matrix
    product peak that the stage measures in its own process before it begins (each run's median step)."""
    pipeline = pathlib.Path(__file__).parent / "pretrain.yaml"
    rates = []
    for run in range(3):  # another number of steps each time, so that it has to run
        sh(LEHR, "run", pipeline, "--store", scratch / "pretrain", "--set", f"stages.base.with.budget.steps={40 + run}")
    for path in (scratch / "pretrain/results").glob("*.json"):
        results = json.loads(path.read_text())["results"]
        if "tokens_per_second" in results:
            rates.append(results["tokens_per_second"]["value"])
    equal(len(rates), 3, "runs that reported their speed")
    shares = []
    for path in (scratch / "pretrain/runs").glob("*/stages/base/metrics.jsonl"):
        points = [json.loads(line) for line in path.read_text().splitlines()]
        shares.append(100 * statistics.median(p["value"] for p in points if p["name"] == "train/mfu"))
    equal(len(shares), 3, "runs that reported their share of the peak")
    return "\n".join([HEAD, row("13.8M (C 384, 6 layers, 6 heads, F 1024, V 8192), 8 x 256", rates, "tokens/s"),
                      row("the same", shares, "% of the measured peak")])
