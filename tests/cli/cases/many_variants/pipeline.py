"""A run of six variants in three replicas each: fifteen pairs, of which the clearest are told."""
import json
import pathlib

RUN = pathlib.Path(__file__).parent / "store/runs/20260101-100000-study-aaaa"
stages = [f"dpo@beta={beta},seed={seed}" for beta in range(6) for seed in range(3)]
losses = [beta ** 2 / 10 + seed / 5 for beta in range(6) for seed in range(3)]
RUN.mkdir(parents=True)
(RUN / "plan.json").write_text(json.dumps({
    "format": 1, "pipeline": "study", "file": "study.yaml", "seed": 7,
    "stages": [{"id": stage, "uses": "kiln.align", "state": "run"} for stage in stages]}))
(RUN / "events.ndjson").write_text("".join(json.dumps({
    "event": "stage_finished", "stage": stage, "seconds": 1, "taken": False,
    "results": {"loss": {"value": loss}}}) + "\n" for stage, loss in zip(stages, losses)))
(RUN / "keys").write_text("")
(RUN / "run.json").write_text(json.dumps({"format": 1, "status": "ok", "code": 0, "seconds": 9}))
print("lehr: 1\nstages: {dig: {uses: kiln.dig}}")
