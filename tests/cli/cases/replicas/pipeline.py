"""A run with variants and replicas: dpo over beta and seed, an exam of them all, sft in two replicas only."""
import json
import pathlib

RUN = pathlib.Path(__file__).parent / "store/runs/20260101-100000-study-aaaa"
LOSS = {"0.05": [0.50, 0.52, 0.54], "0.1": [0.51, 0.53, 0.55], "0.3": [0.70, 0.71, 0.75]}
events, stages = [], []


def finished(stage, results):
    stages.append({"id": stage, "uses": "kiln.align", "state": "run"})
    events.append({"event": "stage_finished", "stage": stage, "seconds": 1, "taken": False,
                   "results": {name: {"value": value} for name, value in results.items()}})


for seed in (1, 2):
    finished(f"sft@seed={seed}", {"eval/loss": seed})
for width in (64, 128):
    for seed in (1, 2):
        finished(f"base@width={width},seed={seed}", {"eval/loss": 200 / width + seed / 100})
for beta, losses in LOSS.items():
    for seed, loss in enumerate(losses, 1):
        finished(f"dpo@beta={beta},seed={seed}", {"eval/loss": loss, "steps": 40})
finished("exam", {f"accuracy@dpo@beta={beta},seed={seed}": round(1 - loss, 2)
                  for beta, losses in LOSS.items() for seed, loss in enumerate(losses, 1)} | {"accuracy@base": 0.1})
RUN.mkdir(parents=True)
(RUN / "plan.json").write_text(json.dumps({"format": 1, "pipeline": "study", "file": "study.yaml", "seed": 7, "stages": stages}))
(RUN / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events))
(RUN / "keys").write_text("")
(RUN / "run.json").write_text(json.dumps({"format": 1, "status": "ok", "code": 0, "seconds": 9}))
print("lehr: 1\nstages: {dig: {uses: kiln.dig}}")
