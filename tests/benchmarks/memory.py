"""What `lehr plan` says of a training stage's memory beside the highest resident set that the stage measures, for two shapes."""

import json
import pathlib

from measure import LEHR, sh

PIPELINE = pathlib.Path(__file__).parent / "training.yaml"
STAGES = ["base", "sft", "reward", "dpo", "ppo"]
SHAPES = {"C 256, 5 layers, V 4096, rows of 2048": {},
          "C 512, 8 layers, V 16384, rows of 1024": {"width": 512, "layers": 8, "vocab": 16384, "row": 1024}}
WITHIN = 0.15


def memory(scratch):
    rows, outside = [], []
    for number, (shape, variables) in enumerate(SHAPES.items()):
        common = [PIPELINE, "--store", scratch / str(number)]
        for name, value in variables.items():
            common += ["--set", f"vars.{name}={value}"]
        sh(LEHR, "run", *common, "--until", "tokens")
        for stage in STAGES:
            plan = json.loads(sh(LEHR, "plan", *common, "--until", stage, "--json"))
            said = next(s for s in plan["stages"] if s["id"] == stage)["estimate"]["memory"]
            events = [json.loads(line) for line in sh(LEHR, "run", *common, "--until", stage, "--json").splitlines()]
            done = next(e for e in events if e["event"] == "stage_finished" and e["stage"] == stage)
            peak = done["results"]["peak_memory_bytes"]["value"]
            rows.append(f"| {shape} | {stage} | {said / 1e6:.0f} | {peak / 1e6:.0f} | {said / peak:.2f} |")
            if abs(said / peak - 1) > WITHIN:
                outside.append(f"{stage} of {shape}")
    head = "| shape | stage | planned, MB | highest resident set, MB | ratio |\n| --- | --- | --- | --- | --- |"
    verdict = f"outside of {100 * WITHIN:.0f} %: " + ", ".join(outside) if outside else f"all within {100 * WITHIN:.0f} %"
    return "\n".join([head, *rows, "", verdict])
