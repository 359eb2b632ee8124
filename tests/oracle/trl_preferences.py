#!/usr/bin/env python3
"""Our DPO and reward training against TRL's DPOTrainer and RewardTrainer on the same models and ids, fp32: metrics on
the evaluation set before and after full-batch AdamW steps. Run by tests/oracle/run, or: trl_preferences.py --build BUILD
The pairs are generated; the models are tiny ones of our own: a pretrained one (reference) and a fine-tuned one (policy).
TRL's `sigmoid` ignores label smoothing and its chat rendering adds a newline to answers: cDPO is tested by formula, and
TRL gets our ids."""

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

STEPS, LEARNING_RATE, BETA = 6, 2e-4, 0.2
TOLERANCE = 1e-4  # relative, or absolute below 1; fp32 sums in another order
LOSSES = {"sigmoid": 0.0, "robust": 0.1, "hinge": 0.0, "ipo": 0.0}  # with label smoothing

HEADER = """
lehr: 1
name: trl_preferences
seed: 3
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  chats: {uses: files.conversations, with: {train: [chats.jsonl], eval_fraction: 0}}
  pairs: {uses: files.preferences, with: {train: [train.jsonl], eval: [eval.jsonl]}}
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
  policy: {uses: sft, in: {model: base, conversations: chats}, with: {precision: fp32, learning_rate: 2e-3}}
  judge_0: {uses: reward, in: {model: policy, preferences: pairs}, with: {precision: fp32, budget: {steps: 0}}}
  judge: {uses: reward, in: {model: policy, preferences: pairs}, with: {%s}}
""" % (training := "precision: fp32, budget: {steps: %d}, batch_tokens: 1M, learning_rate: %g, "
       "schedule: {kind: constant, warmup: 0}" % (STEPS, LEARNING_RATE))


def pipeline():
    text = HEADER
    for loss, smoothing in LOSSES.items():
        common = f"loss: {loss}, beta: {BETA}, label_smoothing: {smoothing}"
        ports = "{model: policy, reference: base, preferences: pairs}"
        text += f"  {loss}_0: {{uses: dpo, in: {ports}, with: {{{common}, precision: fp32, budget: {{steps: 0}}}}}}\n"
        text += f"  {loss}: {{uses: dpo, in: {ports}, with: {{{common}, {training}}}}}\n"
    return text


def sentences(seed):
    rng = random.Random(seed)
    words = "red blue green seven eight nine house river mountain table quickly slowly under over".split()
    while True:
        yield " ".join(rng.choice(words) for _ in range(rng.randint(1, 9))) + "."


def pairs(count, seed):
    say = sentences(seed)
    return [{"prompt": [{"role": "user", "content": next(say)}],
             "chosen": [{"role": "assistant", "content": next(say)}],
             "rejected": [{"role": "assistant", "content": next(say)}]} for _ in range(count)]


def run_lehr(build, folder):
    def write(name, rows):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    write("train.jsonl", pairs(40, 1))
    write("eval.jsonl", pairs(30, 2))
    write("chats.jsonl", [{"messages": row["prompt"] + row["chosen"]} for row in pairs(60, 3)])
    say = sentences(4)
    (folder / "text.txt").write_text("\n\n".join(next(say) for _ in range(900)))
    (folder / "p.yaml").write_text(pipeline())
    subprocess.run([build / "bin/lehr", "run", folder / "p.yaml", "--store", folder / "store", "--plugin-path",
                    build / "lib/lehr/plugins"], check=True, stdout=subprocess.DEVNULL)
    found = {}
    for file in (folder / "store/results").glob("*.json"):
        result = json.loads(file.read_text())
        outputs = {port: folder / "store/artifacts" / made["digest"] for port, made in result["outputs"].items()}
        found[result["made"]["stage_id"]] = outputs, {n: v["value"] for n, v in result["results"].items()}
    return found


def rows_of(tokenizer, file):
    """The ids of our rendering: the prompt, and answers that end with <|im_end|>."""
    rows = []
    for line in file.read_text().splitlines():
        row = json.loads(line)
        prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
        ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
        answer = lambda side: ids(row[side][0]["content"]) + ids("<|im_end|>")
        rows.append({"prompt_ids": ids(prompt), "chosen_ids": answer("chosen"), "rejected_ids": answer("rejected")})
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, PrinterCallback
    from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer
    DPOTrainer._prepare_dataset = lambda self, dataset, *args, **kwargs: dataset

    compared = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        found = run_lehr(build, folder)
        policy, base = (found[stage][0]["model"] for stage in ("policy", "base"))
        tokenizer = AutoTokenizer.from_pretrained(policy)
        train, held_out = (rows_of(tokenizer, folder / f"{split}.jsonl") for split in ("train", "eval"))
        shared = dict(
            output_dir=str(folder / "trl"), per_device_train_batch_size=len(train),
            per_device_eval_batch_size=len(held_out), max_steps=STEPS, learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant", warmup_steps=0, adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8,
            weight_decay=0.0, max_grad_norm=1.0, bf16=False, use_cpu=True, report_to=[], save_strategy="no",
            gradient_checkpointing=False, disable_tqdm=True)

        def compare(stage, trainer, metrics):
            trainer.remove_callback(PrinterCallback)
            for part in (f"{stage}_0", stage):
                theirs = trainer.evaluate()
                compared.extend((f"{part} {m}", found[part][1][f"eval/{m}"], theirs[f"eval_{m}"]) for m in metrics)
                if part != stage:
                    trainer.train()

        for loss, smoothing in LOSSES.items():
            model, reference = (AutoModelForCausalLM.from_pretrained(m, dtype=torch.float32) for m in (policy, base))
            trainer = DPOTrainer(
                model=model, ref_model=reference, processing_class=tokenizer, train_dataset=Dataset.from_list(train),
                eval_dataset=Dataset.from_list(held_out),
                args=DPOConfig(beta=BETA, loss_type=[loss], label_smoothing=smoothing, max_length=128, **shared))
            compare(loss, trainer, ("loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies",
                                    "rewards/margins", "logps/chosen", "logps/rejected", "logits/chosen",
                                    "logits/rejected", "entropy"))

        judge = AutoModelForSequenceClassification.from_pretrained(found["judge_0"][0]["reward_model"],
                                                                   dtype=torch.float32)
        whole = lambda rows: Dataset.from_list([{side: row["prompt_ids"] + row[side]
                                                 for side in ("chosen_ids", "rejected_ids")} for row in rows])
        trainer = RewardTrainer(
            model=judge, processing_class=tokenizer, train_dataset=whole(train), eval_dataset=whole(held_out),
            args=RewardConfig(center_rewards_coefficient=0.01, max_length=128, **shared))
        compare("judge", trainer, ("loss", "accuracy", "margin", "min_reward", "mean_reward", "max_reward"))

    failed = False
    for name, ours, theirs in compared:
        difference = abs(ours - theirs) / max(abs(theirs), 1.0)
        good = difference <= TOLERANCE
        failed |= not good
        print(f"{name:32} ours {ours:12.7f}  TRL {theirs:12.7f}  difference {difference:.1e}  "
              f"{'ok' if good else 'DIFFERS'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
