"""Training throughput: ours as the stages themselves report it, and beside Hugging Face's trainers and PyTorch loops tuned
by hand, from the same weights over the same tokens, after the losses have been compared."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import corpus
from conversations import write_conversations
from measure import DEVICE, HEAD, LEHR, PRECISION, PYTHON, equal, install_peers, number, row, sh

HERE = pathlib.Path(__file__).parent
THREADS = 2
CONTEXT, ROWS = (1024, 64) if DEVICE == "cuda" else (256, 8)
# In bf16 small differences grow at 1e-3 without warm-up: the trainers' losses were 3 % apart after 21 steps.
LEARNING_RATE = 3e-4 if PRECISION == "bf16" else 1e-3
SHAPES = {"13.8M": f"{{width: 384, layers: 6, heads: 6, ffn: 1024, context: {CONTEXT}}}",
          "33.6M": f"{{width: 512, layers: 8, heads: 8, kv_heads: 4, ffn: 1536, context: {CONTEXT}}}",
          "122M": f"{{width: 768, layers: 16, heads: 12, kv_heads: 4, ffn: 2048, context: {CONTEXT}}}"}
VOCABULARIES = {"13.8M": 8192, "33.6M": 16384, "122M": 16384}
# glibc's malloc gives big blocks back at once and pays with page faults; Lehr sets these for itself.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str((2 << 30) - 1),
             "MALLOC_TOP_PAD_": str(64 << 20)}


def pretrain(scratch):
    """Three runs of some forty steps, without evaluation and checkpoints: tokens per second, and the share of the matrix
    product peak that the stage measures in its own process before it begins (each run's median step)."""
    pipeline = HERE / "pretrain.yaml"
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


# Every run: {"losses", "tokens" of each step, "seconds" of each but the first, "first_step": seconds from the start of
# the process to the end of the first step, "peak_bytes"}.

def peer(kind, tuned, **task):
    task.update(kind=kind, threads=THREADS, device=DEVICE, bf16=PRECISION == "bf16", begun=time.time())
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), **(ALLOCATOR if tuned else {})}
    done = subprocess.run([PYTHON, HERE / "train_peer.py", json.dumps(task)], capture_output=True, text=True,
                          env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"train_peer {kind}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Lehr:
    """A pipeline in a scratch folder, run stage by stage."""

    def __init__(self, folder, text):
        self.folder, self.runs = folder, 0
        folder.mkdir(exist_ok=True)
        self.pipeline = folder / "bench.yaml"
        self.pipeline.write_text(text)

    def run(self, stage, *sets):
        """The newest run's record of the stage, from its metrics."""
        begun = time.time()
        command = [LEHR, "run", self.pipeline, "--store", self.folder / "store", "--only", stage, "--force", stage]
        process = subprocess.Popen([str(c) for c in command + [w for s in sets for w in ("--set", s)]],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"lehr run --only {stage}: {errors[-2000:]}")
        newest = max((self.folder / "store/runs").iterdir(), key=lambda p: p.stat().st_mtime)
        series = {}
        for line in (newest / "stages" / stage / "metrics.jsonl").read_text().splitlines():
            point = json.loads(line)
            series.setdefault(point["name"], []).append((point["time"], point["value"]))
        peak = usage.ru_maxrss * 1024  # of the largest process
        if DEVICE == "cuda":
            newest = max((self.folder / "store/results").glob("*.json"), key=lambda p: p.stat().st_mtime)
            peak = json.loads(newest.read_text())["results"]["peak_gpu_memory_bytes"]["value"]
        return {"series": series, "begun": begun, "peak_bytes": peak}

    def artifact(self, stage, port):
        sh(LEHR, "run", self.pipeline, "--store", self.folder / "store", "--until", stage)
        return pathlib.Path(sh(LEHR, "store", "path", f"{stage}.{port}", "--store", self.folder / "store").strip())


def values(series, name):
    return [value for _, value in series[name]]


def lehr_pretrain(lehr, steps):
    found = lehr.run("base", f"stages.base.with.budget.steps={steps}")
    series = found["series"]
    rates = values(series, "train/tokens_per_second")
    return {"losses": values(series, "train/loss"), "tokens": [CONTEXT * ROWS] * steps,
            "seconds": [CONTEXT * ROWS / rate for rate in rates[1:]], "peak_bytes": found["peak_bytes"],
            "first_step": series["train/loss"][0][0] - found["begun"],
            "mfu": 100 * statistics.median(values(series, "train/mfu"))}


def pretrain_pipeline(folder, name):
    """One document, so that the order of tokens is the text's."""
    folder.mkdir()
    for split, size, seed in (("train", 3_000_000 if DEVICE == "cpu" else 16_000_000, 7), ("eval", 20_000, 8)):
        text = corpus.write(folder / "text", size, seed).read_text()
        (folder / f"{split}.txt").write_text(text.replace(corpus.SEPARATOR, "\n"))
    return Lehr(folder, f"""
lehr: 1
name: bench-train
seed: 7
resources: {{threads: {THREADS}, device: {DEVICE}}}
stages:
  text: {{uses: files.documents, with: {{train: [train.txt], eval: [eval.txt]}}}}
  tokenizer: {{uses: tokenizer.train, in: {{documents: text}}, with: {{vocab_size: {VOCABULARIES[name]}}}}}
  tokens: {{uses: tokenizer.encode, in: {{documents: text, tokenizer: tokenizer}}}}
  start: {{uses: pretrain, in: {{tokens: tokens}}, with: {{model: {SHAPES[name]}, budget: {{steps: 0}}}}}}
  base:
    uses: pretrain
    in: {{tokens: tokens, model: start}}
    with:
      learning_rate: {LEARNING_RATE}
      schedule: {{kind: constant, warmup: 0}}
      batch_tokens: {CONTEXT * ROWS}
      micro_batch_tokens: {CONTEXT * ROWS}
      eval: {{every: 0, tokens: 2048}}
      budget: {{steps: 10}}
""")


def same_curve(losses, ours, who):
    for step, (a, b) in enumerate(zip(losses, ours)):
        if abs(a - b) > 1e-2 * max(1.0, b):
            sys.exit(f"step {step}: the loss of {who} is {a:.4f}, Lehr's {b:.4f}; there is nothing to compare")


def useful_rate(run, warm=3):
    """Tokens a second after `warm` steps: the first ones compile or warm up."""
    return sum(run["tokens"][warm:]) / sum(run["seconds"][warm - 1:])


def table(title, runs, extra=(), rates=None, unit="tokens/s"):
    """runs: {who: [run]}, the first ours. rates: {who: [figure]}, if not the useful ones."""
    rates = rates or {who: [useful_rate(run) for run in of] for who, of in runs.items()}
    rows = [row(f"{title}: {who}", figures, unit) for who, figures in rates.items()]
    ours, *others = rates
    median = statistics.median
    rows.append(f"| {title}: {ours} over " + ", ".join(
        f"{who} {number(median(rates[ours]) / median(rates[who]))}x" for who in others) + " | | | | |")
    for who, of in runs.items():
        rows.append(row(f"{title}: {who}, start to the end of the first step", [run["first_step"] for run in of], "s"))
        if all("whole" in run for runs_of in runs.values() for run in runs_of):
            rows.append(row(f"{title}: {who}, start to the end of the last step", [run["whole"] for run in of], "s"))
        rows.append(row(f"{title}: {who}, peak memory", [run["peak_bytes"] / 1e9 for run in of], "GB"))
    return [*rows, *extra]


def train_shape(scratch, name, steps, rounds):
    install_peers("torch==2.13.0", "transformers", "accelerate", "safetensors", "numpy")
    rounds = 2 if DEVICE == "cuda" else rounds  # a GPU has no neighbours
    lehr = pretrain_pipeline(scratch / name, name)
    model, tokens = lehr.artifact("start", "model"), lehr.artifact("tokens", "tokens")
    task = dict(model=str(model), data=str(next(tokens.glob("train*.bin"))), rows=ROWS, context=CONTEXT, steps=steps,
                learning_rate=LEARNING_RATE)
    measures = {"lehr": lambda: lehr_pretrain(lehr, steps),
                f"HF Trainer, {PRECISION}": lambda: peer("trainer", False, **task),
                f"PyTorch loop, {PRECISION} + torch.compile": lambda: peer("compiled", True, **task)}
    runs = {who: [] for who in measures}
    title = f"pretraining {name}, {ROWS} x {CONTEXT}"
    for _ in range(rounds):
        for who, measure in measures.items():
            runs[who].append(measure())
            print(f"{title}: {who} {useful_rate(runs[who][-1]):.0f} tokens/s", file=sys.stderr, flush=True)
            same_curve(runs[who][-1]["losses"], runs["lehr"][0]["losses"], who)
    shares = [run["mfu"] for run in runs["lehr"]]
    return "\n".join([f"Losses of {steps} steps within 1e-2 of each other, from the same weights over the same tokens.", "", HEAD,
                      *table(title, runs, [row(f"{title}: lehr", shares, f"% of the measured {PRECISION} peak")])])


def train(scratch):
    """The 13.8M shape."""
    return train_shape(scratch, "13.8M", int(os.environ.get("BENCH_STEPS", 24)), 3)


def train_gpu(scratch):
    """122M parameters, for a GPU."""
    return train_shape(scratch, "122M", int(os.environ.get("BENCH_STEPS", 24)), 2)


def train_large(scratch):
    """The 33.6M shape."""
    return train_shape(scratch, "33.6M", int(os.environ.get("BENCH_STEPS", 12)), 3)


SFT_BATCH = 1024  # tokens of an update: about eight conversations


def sft_pipeline(folder):
    lehr = pretrain_pipeline(folder, "13.8M")
    write_conversations(folder / "text", folder / "chats-train.jsonl", int(os.environ.get("BENCH_CONVERSATIONS", 640)), 1)
    write_conversations(folder / "text", folder / "chats-eval.jsonl", 48, 2)
    lehr.pipeline.write_text(lehr.pipeline.read_text() + f"""
  chats: {{uses: files.conversations, with: {{train: [chats-train.jsonl], eval: [chats-eval.jsonl]}}}}
  assistant:
    uses: sft
    in: {{model: start, conversations: chats}}
    with:
      learning_rate: {LEARNING_RATE}
      schedule: {{kind: constant, warmup: 0}}
      batch_tokens: {SFT_BATCH}
      micro_batch_tokens: {SFT_BATCH}
      eval: {{every: 1M}}
      budget: {{epochs: 1}}
""")
    return lehr


def conversation_ids(lehr, model, folder, split):
    """The conversations as ids with what is trained, by the model's own chat template in transformers."""
    script = ("import json, sys, transformers\n"
              "t = transformers.AutoTokenizer.from_pretrained(sys.argv[1])\n"
              "for line in open(sys.argv[2]):\n"
              "  o = t.apply_chat_template(json.loads(line)['messages'], return_dict=True, return_assistant_tokens_mask=True)\n"
              "  n = min(len(o['input_ids']), 256)\n"
              "  print(json.dumps({'ids': o['input_ids'][:n], 'trained': o['assistant_masks'][:n]}))\n")
    out = folder / f"ids-{split}.jsonl"
    out.write_text(sh(PYTHON, "-c", script, model, folder / f"chats-{split}.jsonl"))
    return str(out)


def lehr_sft(lehr):
    found = lehr.run("assistant")
    series = found["series"]
    times = [when for when, _ in series["loss"]]
    totals = values(series, "num_tokens")
    return {"losses": values(series, "loss"), "tokens": [b - a for a, b in zip([0, *totals], totals)],
            "seconds": [b - a for a, b in zip(times, times[1:])], "first_step": times[0] - found["begun"],
            "peak_bytes": found["peak_bytes"], "before": values(series, "eval/loss")[0], "after": values(series, "eval/loss")[-1]}


def train_sft(scratch):
    """Conversations of realistic lengths with the 13.8M shape: useful tokens a second, padding not counted."""
    install_peers("torch==2.13.0", "transformers", "accelerate", "safetensors", "numpy", "trl", "datasets", "jinja2")
    folder = scratch / "sft"
    lehr = sft_pipeline(folder)
    model = lehr.artifact("start", "model")
    lehr.artifact("chats", "conversations")
    task = dict(model=str(model), data=conversation_ids(lehr, model, folder, "train"), held_out=conversation_ids(lehr, model, folder, "eval"),
                learning_rate=LEARNING_RATE)
    measures = {"lehr": lambda: lehr_sft(lehr), f"TRL SFTTrainer, {PRECISION}": lambda: peer("trl", False, **task),
                f"PyTorch loop, {PRECISION}, sorted, head on answers only": lambda: peer("sorted", True, **task)}
    runs = {who: [] for who in measures}
    for _ in range(3):
        for who, measure in measures.items():
            run = measure()
            for when, within in (("before", 1e-2), ("after", 0.5)):  # the order of conversations is each one's own
                if abs(run[when] - (runs["lehr"] or [run])[0][when]) > within:
                    sys.exit(f"held-out loss {when} the epoch: {who} {run[when]:.4f}, Lehr {runs['lehr'][0][when]:.4f}")
            runs[who].append(run)
    losses = ", ".join(f"{who} {of[0]['after']:.3f}" for who, of in runs.items())
    return "\n".join([f"Held-out loss before the epoch {runs['lehr'][0]['before']:.3f} for all (within 1e-2), after it: {losses}.",
                      "", HEAD, *table("SFT 13.8M, realistic lengths", runs)])
