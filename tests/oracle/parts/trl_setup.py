"""What the comparisons with TRL share: sentences, tiny models of our own to begin with, our stages' results, and a
trainer's settings that are ours: full-batch AdamW steps at a constant rate, fp32, on the CPU."""

import json
import os
import random
import subprocess

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Needs text.txt; more stages follow.
HEADER = """
lehr: 1
name: trl
seed: 3
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  tokenizer: {uses: tokenizer.train, in: {documents: text}, with: {vocab_size: 400}}
  tokens: {uses: tokenizer.encode, in: {documents: text, tokenizer: tokenizer}}
  base:
    uses: pretrain
    in: {tokens: tokens}
    with:
      model: {width: 64, layers: 2, heads: 4, kv_heads: 2, context: 128}
      budget: {steps: 30}
      batch_tokens: 1k
      precision: fp32
"""
# Needs chats.jsonl as well.
POLICY = """
  chats: {uses: files.conversations, with: {train: [chats.jsonl], eval_fraction: 0}}
  policy: {uses: sft, in: {model: base, conversations: chats}, with: {precision: fp32, learning_rate: 2e-3}}
"""


def training(steps, learning_rate):
    """Parameters of a stage that trains as trainer_settings say."""
    return ("precision: fp32, budget: {steps: %d}, batch_tokens: 1M, learning_rate: %g, "
            "schedule: {kind: constant, warmup: 0}" % (steps, learning_rate))


def sentences(seed):
    rng = random.Random(seed)
    words = "red blue green seven eight nine house river mountain table quickly slowly under over".split()
    while True:
        yield " ".join(rng.choice(words) for _ in range(rng.randint(1, 9))) + "."


def chat(say):
    """A conversation of one question and one answer."""
    return {"messages": [{"role": role, "content": next(say)} for role in ("user", "assistant")]}


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_text(folder):
    say = sentences(4)
    (folder / "text.txt").write_text("\n\n".join(next(say) for _ in range(900)))


def run(build, folder, pipeline):
    """Of every stage its outputs by port, and its results."""
    (folder / "p.yaml").write_text(pipeline)
    subprocess.run([build / "bin/lehr", "run", folder / "p.yaml", "--store", folder / "store", "--plugin-path",
                    build / "lib/lehr/plugins"], check=True, stdout=subprocess.DEVNULL)
    found = {}
    for file in (folder / "store/results").glob("*.json"):
        result = json.loads(file.read_text())
        outputs = {port: folder / "store/artifacts" / made["digest"] for port, made in result["outputs"].items()}
        found[result["made"]["stage_id"]] = outputs, {n: v["value"] for n, v in result["results"].items()}
    return found


def trainer_settings(folder, rows, steps, learning_rate):
    return dict(
        output_dir=str(folder / "trl"), per_device_train_batch_size=rows, max_steps=steps, learning_rate=learning_rate,
        lr_scheduler_type="constant", warmup_steps=0, adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8,
        weight_decay=0.0, max_grad_norm=1.0, bf16=False, use_cpu=True, report_to=[], save_strategy="no",
        gradient_checkpointing=False, disable_tqdm=True)


def differs(name, ours, theirs, tolerance):
    """Relative, or absolute below 1; tells what it compares."""
    difference = abs(ours - theirs) / max(abs(theirs), 1.0)
    good = difference <= tolerance
    print(f"{name:40} ours {ours:12.7f}  TRL {theirs:12.7f}  difference {difference:.1e}  {'ok' if good else 'DIFFERS'}")
    return not good
