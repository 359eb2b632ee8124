#!/usr/bin/env python3
"""Our SFT against TRL's SFTTrainer on the same model and ids, fp32: evaluation loss, entropy and token accuracy, then
loss and gradient norm of full-batch AdamW steps and the evaluation after them. Run by tests/oracle/run, or: trl_sft.py --build BUILD
The conversations are generated; the model is a tiny one that our own pretraining made."""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

STEPS, LEARNING_RATE = 12, 3e-3
TOLERANCE = 1e-4  # relative; fp32 sums in another order

PIPELINE = """
lehr: 1
name: trl_sft
seed: 3
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  chats: {uses: files.conversations, with: {train: [train.jsonl], eval: [eval.jsonl]}}
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
  before: {uses: sft, in: {model: base, conversations: chats}, with: {precision: fp32, budget: {steps: 0}}}
  after:
    uses: sft
    in: {model: base, conversations: chats}
    with: {precision: fp32, budget: {steps: %d}, batch_tokens: 1M, learning_rate: %g, schedule: {kind: constant, warmup: 0}}
""" % (STEPS, LEARNING_RATE)


def conversations(count, seed):
    rng = random.Random(seed)
    words = "red blue green seven eight nine house river mountain table quickly slowly under over".split()
    say = lambda low, high: " ".join(rng.choice(words) for _ in range(rng.randint(low, high))) + "."
    return [{"messages": [m for _ in range(rng.randint(1, 2)) for m in (
        {"role": "user", "content": say(1, 9)}, {"role": "assistant", "content": say(1, 9)})]} for _ in range(count)]


def run_lehr(build, folder):
    for split, rows in (("train", conversations(40, 1)), ("eval", conversations(30, 2))):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = [m["content"] for c in conversations(400, 3) for m in c["messages"]]
    (folder / "text.txt").write_text("\n\n".join(text))
    (folder / "p.yaml").write_text(PIPELINE)
    command = [build / "bin/lehr", "run", folder / "p.yaml", "--store", folder / "store",
               "--plugin-path", build / "lib/lehr/plugins"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    stages = {}
    for file in (folder / "store/results").glob("*.json"):
        result = json.loads(file.read_text())
        stages[result["made"]["stage_id"]] = result
    metrics = {}
    for file in (folder / "store/runs").glob("*/stages/after/metrics.jsonl"):
        for line in file.read_text().splitlines():
            point = json.loads(line)
            metrics.setdefault(point["name"], []).append(point["value"])
    model = folder / "store/artifacts" / stages["base"]["outputs"]["model"]["digest"]
    before, after = ({name: number["value"] for name, number in stages[stage]["results"].items()}
                     for stage in ("before", "after"))
    return model, before, after, metrics


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model_folder, ours_before, ours_after, ours_steps = run_lehr(build, folder)
        tokenizer = AutoTokenizer.from_pretrained(model_folder)
        model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)

        def rendered(split):
            rows = []
            for line in (folder / f"{split}.jsonl").read_text().splitlines():
                out = tokenizer.apply_chat_template(json.loads(line)["messages"], tokenize=True, return_dict=True,
                                                    return_assistant_tokens_mask=True)
                mask = out["assistant_masks"]
                rows.append({"input_ids": out["input_ids"],
                             "labels": [i if m else -100 for i, m in zip(out["input_ids"], mask)]})
            return Dataset.from_list(rows)

        class Log(TrainerCallback):
            def __init__(self):
                self.steps = []

            def on_log(self, args, state, control, logs=None, **kwargs):
                if "grad_norm" in logs:
                    self.steps.append(logs)

        log = Log()
        train, held_out = rendered("train"), rendered("eval")
        config = SFTConfig(
            output_dir=str(folder / "trl"), per_device_train_batch_size=len(train),
            per_device_eval_batch_size=len(held_out), max_steps=STEPS, learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant", warmup_steps=0, adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8,
            weight_decay=0.0, max_grad_norm=1.0, bf16=False, use_cpu=True, logging_steps=1, report_to=[],
            save_strategy="no", gradient_checkpointing=False, loss_type="nll", packing=False, disable_tqdm=True,
            dataset_kwargs={"skip_prepare_dataset": True})
        trainer = SFTTrainer(model=model, args=config, train_dataset=train, eval_dataset=held_out,
                             processing_class=tokenizer, callbacks=[log])
        trainer.remove_callback(PrinterCallback)
        theirs_before = trainer.evaluate()
        trainer.train()
        theirs_after = trainer.evaluate()

    pairs = [(f"eval/{n} {when}", ours[f"eval/{n}"], theirs[f"eval_{n}"])
             for when, ours, theirs in (("before", ours_before, theirs_before), ("after", ours_after, theirs_after))
             for n in ("loss", "entropy", "mean_token_accuracy")]
    for step, theirs in enumerate(log.steps):
        for metric in ("loss", "grad_norm"):
            pairs.append((f"step {step} {metric}", ours_steps[metric][step], theirs[metric]))
    failed = len(log.steps) != STEPS
    for name, ours, theirs in pairs:
        difference = abs(ours - theirs) / max(abs(theirs), 1e-12)
        good = difference <= TOLERANCE
        failed |= not good
        print(f"{name:32} ours {ours:.7f}  TRL {theirs:.7f}  relative {difference:.1e}  {'ok' if good else 'DIFFERS'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
