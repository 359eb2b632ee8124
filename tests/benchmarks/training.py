"""Training throughput, as the stages themselves report it. Peers: tests/oracle holds the curves to TRL's."""

import json
import pathlib

from measure import HEAD, LEHR, equal, row, sh


def pretrain(scratch):
    """Tokens per second of three runs of some forty steps, without evaluation and checkpoints."""
    pipeline = pathlib.Path(__file__).parent / "pretrain.yaml"
    rates = []
    for run in range(3):  # another number of steps each time, so that it has to run
        sh(LEHR, "run", pipeline, "--store", scratch / "pretrain", "--set", f"stages.base.with.budget.steps={40 + run}")
    for path in (scratch / "pretrain/results").glob("*.json"):
        results = json.loads(path.read_text())["results"]
        if "tokens_per_second" in results:
            rates.append(results["tokens_per_second"]["value"])
    equal(len(rates), 3, "runs that reported their speed")
    return "\n".join([HEAD, row("13.8M (C 384, 6 layers, 6 heads, F 1024, V 8192), 8 x 256", rates, "tokens/s")])
