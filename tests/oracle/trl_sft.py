#!/usr/bin/env python3
"""Our SFT against TRL's SFTTrainer on the same model and ids, fp32: evaluation loss, entropy and token accuracy, then
loss and gradient norm of full-batch AdamW steps and the evaluation after them. Run by tests/oracle/run, or: trl_sft.py --build BUILD
The conversations are generated; the model is a tiny one that our own pretraining made."""

import argparse
import json
import pathlib
import random
import sys
import tempfile

from parts import trl_setup

STEPS, LEARNING_RATE = 12, 3e-3
TOLERANCE = 1e-4  # fp32 sums in another order

STAGES = """
  chats: {uses: files.conversations, with: {train: [train.jsonl], eval: [eval.jsonl]}}
  before: {uses: sft, in: {model: base, conversations: chats}, with: {precision: fp32, budget: {steps: 0}}}
  after: {uses: sft, in: {model: base, conversations: chats}, with: {%s}}
""" % trl_setup.training(STEPS, LEARNING_RATE)


def conversations(count, seed):
    rng, say = random.Random(seed), trl_setup.sentences(seed)
    return [{"messages": [m for _ in range(rng.randint(1, 2)) for m in trl_setup.chat(say)["messages"]]}
            for _ in range(count)]


def run_lehr(build, folder):
    for split, rows in (("train", conversations(40, 1)), ("eval", conversations(30, 2))):
        trl_setup.write_rows(folder / f"{split}.jsonl", rows)
    trl_setup.write_text(folder)
    found = trl_setup.run(build, folder, trl_setup.HEADER + STAGES)
    metrics = {}
    for file in (folder / "store/runs").glob("*/stages/after/metrics.jsonl"):
        for line in file.read_text().splitlines():
            point = json.loads(line)
            metrics.setdefault(point["name"], []).append(point["value"])
    return found["base"][0]["model"], found["before"][1], found["after"][1], metrics


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
            **trl_setup.trainer_settings(folder, len(train), STEPS, LEARNING_RATE),
            per_device_eval_batch_size=len(held_out), logging_steps=1, loss_type="nll", packing=False,
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
    failed = [name for name, ours, theirs in pairs if trl_setup.differs(name, ours, theirs, TOLERANCE)]
    sys.exit(bool(failed) or len(log.steps) != STEPS)


if __name__ == "__main__":
    main()
