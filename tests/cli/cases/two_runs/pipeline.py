"""Two runs as a store keeps them, without having run anything; then a pipeline, which no command here reads."""
import hashlib
import json
import pathlib

STORE = pathlib.Path(__file__).parent / "store"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def lines(records):
    return "".join(json.dumps(r) + "\n" for r in records)


def key(text):
    return hashlib.sha256(text.encode()).hexdigest()


def result(run, stage, uses, made, inputs, seconds, output="model"):
    record = {"format": 1, "key": key(stage + made), "stage": uses,
              "outputs": {output: {"digest": key("artifact" + stage + made), "type": output, "facets": {}}},
              "results": {}, "key_parts": [[f"in.{port}[0]", f"{label} {digest}"] for port, label, digest in inputs],
              "made": {"run": run, "stage_id": stage, "unix_time": 1767261600, "seconds": seconds}}
    text = json.dumps(record, separators=(",", ":"))
    record["checksum"] = key(text)
    write(STORE / "results" / f"{record['key']}.json", json.dumps(record))


def planned(stage, uses, parts):
    return {"id": stage, "uses": uses, "state": "run",
            "key_parts": [{"name": n, "value": v, **({"where": w} if w else {})} for n, v, w in parts]}


def run(name, events, stages, seconds, status="ok"):
    folder = STORE / "runs" / name
    write(folder / "plan.json", json.dumps({"format": 1, "pipeline": "study", "file": "study.yaml", "seed": 7,
                                            "stages": stages}))
    write(folder / "events.ndjson", lines(events))
    write(folder / "keys", "")
    write(folder / "lease", "")
    write(folder / "run.json", json.dumps({"format": 1, "status": status, "code": 0, "seconds": seconds}))


def finished(stage, made, seconds, results):
    return {"event": "stage_finished", "stage": stage, "key": key(stage + made), "seconds": seconds, "taken": False,
            "results": {n: {"value": v, **({"volatile": True} if n == "seconds" else {})} for n, v in results.items()}}


def metrics(name, stage, curve):
    write(STORE / "runs" / name / "stages" / stage / "metrics.jsonl",
          lines({"step": i, "name": "loss", "value": v, "time": 0} for i, v in enumerate(curve)))


FIRST, SECOND = "20260101-100000-study-aaaa", "20260102-110000-study-bbbb"
prompt = {FIRST: '"You are\\na helper.\\nBe brief."', SECOND: '"You are\\na careful helper.\\nBe brief."'}


def tune(name, beta, where):
    code = {FIRST: "a", SECOND: "b"}[name] * 64
    return planned("tune", "dpo.dpo", [("with.beta", beta, where), ("with.loss", '"sigmoid"', ""),
                                       ("with.prompt", prompt[name], "study.yaml:9:7"),
                                       ("code.dpo", code, ""),
                                       ("library.libtorch_cpu.so", "build-id " + code[:40], "")])


source = planned("source", "files.documents", [("with.train", '["x"]', "study.yaml:4:5")])
exam = planned("exam", "evaluate.evaluate", [("with.seed", "1", "")])
old = planned("old", "filter.filter", [])
run(FIRST, [finished("source", "", 1.5, {"documents": 12}), finished("tune", "1", 15, {"eval/loss": 0.5, "steps": 40, "seconds": 15}),
            finished("old", "", 1, {}), finished("exam", "1", 3, {"accuracy@tune": 0.5, "format@tune": 1})],
    [source, tune(FIRST, "0.1", "study.yaml:8:13"), old, exam], 20.5)
run(SECOND, [{"event": "stage_cached", "stage": "source", "key": key("source"), "results": {"documents": {"value": 12}}},
             finished("tune", "2", 14, {"eval/loss": 0.4, "steps": 40, "seconds": 14, "gain": 2}),
             {"event": "stage_failed", "stage": "exam", "message": "a probe has no answer"}],
    [source, tune(SECOND, "0.3", "--set stages.tune.with.beta=0.3"), exam], 17, "failed")
documents = key("artifactsource")
result(FIRST, "source", "files.documents", "", [], 1.5)
result(FIRST, "tune", "dpo.dpo", "1", [("documents", "source", documents)], 15)
result(SECOND, "tune", "dpo.dpo", "2", [("documents", "source", documents)], 14)
result(FIRST, "exam", "evaluate.evaluate", "1", [("models", "tune", key("artifacttune1"))], 3, "evaluation")
table = "accuracy\n  tune  50.0\n"
write(STORE / "artifacts" / key("artifactexam1") / "table.txt", table)
write(STORE / "artifacts" / key("artifactexam1") / "artifact.json",
      json.dumps({"format": 1, "type": "evaluation", "facets": {},
                  "files": [{"name": "table.txt", "size": len(table), "sha256": key(table)}]}))
metrics(FIRST, "tune", [0.7, 0.65, 0.6, 0.55, 0.5])
metrics(SECOND, "tune", [0.7, 0.6, 0.5, 0.45, 0.4])
write(STORE / "runs" / FIRST / "stages/source/log.txt", "info: 12 documents\n")
write(STORE / "runs" / FIRST / "stages/tune/log.txt", "info: first\n")
write(STORE / "runs" / FIRST / "stages/exam/log.txt", "info: asks\ninfo: reads\n")
write(STORE / "runs" / SECOND / "stages/tune/log.txt", "info: one\ninfo: two\ninfo: three\n")
print("lehr: 1\nstages: {dig: {uses: kiln.dig}}")
