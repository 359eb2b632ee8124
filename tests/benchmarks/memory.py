"""What `lehr plan` says of a training stage's memory beside the highest resident set that the stage measures, for five shapes."""

import json
import pathlib

from measure import LEHR, sh

PIPELINE = pathlib.Path(__file__).parent / "training.yaml"
STAGES = ["base", "sft", "reward", "dpo", "ppo"]
SHAPES = {"5.1M (C 256, 5 layers, V 4096), rows of 2048": {},
          "13.8M (C 384, 6 layers, V 8192), rows of 2048": {"width": 384, "layers": 6, "heads": 6, "ffn": 1024, "vocab": 8192},
          "the same, rows of 4096, Muon in pretraining, activations made again":
          {"width": 384, "layers": 6, "heads": 6, "ffn": 1024, "vocab": 8192, "row": 4096, "optimizer": "muon", "again": "true"},
          "33.6M (C 512, 8 layers, V 16384), rows of 4096, then LoRA of rank 16":
          {"width": 512, "layers": 8, "vocab": 16384, "row": 4096, "rank": 16},
          "13.8M, rows of 4096, then LoRA of rank 16 with dropout, and noise on embeddings":
          {"width": 384, "layers": 6, "heads": 6, "ffn": 1024, "vocab": 8192, "row": 4096, "rank": 16, "dropout": 0.1, "noise": 5}}
WITHIN = 0.15


def memory(scratch):
    rows, outside = [], []
    for shape, variables in SHAPES.items():
        common = [PIPELINE, "--store", scratch / "store"]
        for name, value in variables.items():
            common += ["--set", f"vars.{name}={value}"]
        events = [json.loads(line) for line in sh(LEHR, "run", *common, "--json").splitlines()]
        peaks = {e["stage"]: e["results"]["peak_memory_bytes"]["value"] for e in events
                 if e["event"] == "stage_finished" and e["stage"] in STAGES}
        for stage in STAGES:
            plan = json.loads(sh(LEHR, "plan", *common, "--only", stage, "--force", stage, "--json"))
            said = next(s for s in plan["stages"] if s["id"] == stage)["estimate"]["memory"]
            rows.append(f"| {shape} | {stage} | {said / 1e6:.0f} | {peaks[stage] / 1e6:.0f} | {said / peaks[stage]:.2f} |")
            if abs(said / peaks[stage] - 1) > WITHIN:
                outside.append(f"{stage} of {shape}")
    head = "| shape | stage | planned, MB | highest resident set, MB | ratio |\n| --- | --- | --- | --- | --- |"
    verdict = f"outside of {100 * WITHIN:.0f} %: " + ", ".join(outside) if outside else f"all within {100 * WITHIN:.0f} %"
    return "\n".join([head, *rows, "", verdict])
