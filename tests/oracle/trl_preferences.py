#!/usr/bin/env python3
"""Our DPO, KTO and reward training against TRL's DPOTrainer, KTOTrainer and RewardTrainer on the same models and ids,
fp32: metrics on the evaluation set before and after full-batch AdamW steps. Run by tests/oracle/run, or:
trl_preferences.py --build BUILD
The pairs are generated; the models are tiny ones of our own: a pretrained one (reference) and a fine-tuned one (policy).
TRL's `sigmoid` ignores label smoothing and its chat rendering adds a newline to answers: cDPO is tested by formula, and
TRL gets our ids. KTO's mismatched answers are those of the row before in TRL, within a batch, and of the next one in
ours: it gets ours, too."""

import argparse
import json
import pathlib
import sys
import tempfile

from parts import trl_setup

STEPS, LEARNING_RATE, BETA = 6, 2e-4, 0.2
TOLERANCE = 1e-4  # fp32 sums in another order
LOSSES = {"sigmoid": 0.0, "robust": 0.1, "hinge": 0.0, "ipo": 0.0}  # with label smoothing

KTO = f"beta: {BETA}, desirable_weight: 1.5, undesirable_weight: 0.8"

TRAINING = trl_setup.training(STEPS, LEARNING_RATE)
STAGES = """
  pairs: {uses: files.preferences, with: {train: [train.jsonl], eval: [eval.jsonl]}}
  judge_0: {uses: reward, in: {model: policy, preferences: pairs}, with: {precision: fp32, budget: {steps: 0}}}
  judge: {uses: reward, in: {model: policy, preferences: pairs}, with: {%s}}
  judged: {uses: files.feedback, with: {train: [judged-train.jsonl], eval: [judged-eval.jsonl]}}
  kto_0:
    uses: dpo.kto
    in: {model: policy, reference: base, feedback: judged}
    with: {%s, precision: fp32, budget: {steps: 0}}
  kto: {uses: dpo.kto, in: {model: policy, reference: base, feedback: judged}, with: {%s, %s}}
""" % (TRAINING, KTO, KTO, TRAINING)


def pipeline():
    text = trl_setup.HEADER + trl_setup.POLICY + STAGES
    for loss, smoothing in LOSSES.items():
        common = f"loss: {loss}, beta: {BETA}, label_smoothing: {smoothing}"
        ports = "{model: policy, reference: base, preferences: pairs}"
        text += f"  {loss}_0: {{uses: dpo, in: {ports}, with: {{{common}, precision: fp32, budget: {{steps: 0}}}}}}\n"
        text += f"  {loss}: {{uses: dpo, in: {ports}, with: {{{common}, {TRAINING}}}}}\n"
    return text


def pairs(count, seed):
    say = trl_setup.sentences(seed)
    return [{"prompt": [{"role": "user", "content": next(say)}],
             "chosen": [{"role": "assistant", "content": next(say)}],
             "rejected": [{"role": "assistant", "content": next(say)}]} for _ in range(count)]


def judged(count, seed):
    """Two of three are good."""
    say = trl_setup.sentences(seed)
    return [{"prompt": [{"role": "user", "content": next(say)}],
             "completion": [{"role": "assistant", "content": next(say)}], "label": i % 3 > 0} for i in range(count)]


def run_lehr(build, folder):
    trl_setup.write_rows(folder / "judged-train.jsonl", judged(41, 5))
    trl_setup.write_rows(folder / "judged-eval.jsonl", judged(29, 6))
    trl_setup.write_rows(folder / "train.jsonl", pairs(40, 1))
    trl_setup.write_rows(folder / "eval.jsonl", pairs(30, 2))
    trl_setup.write_rows(folder / "chats.jsonl", [{"messages": row["prompt"] + row["chosen"]} for row in pairs(60, 3)])
    trl_setup.write_text(folder)
    return trl_setup.run(build, folder, pipeline())


def rows_of(tokenizer, file):
    """The ids of our rendering: the prompt, and answers that end with <|im_end|>."""
    rows = []
    for line in file.read_text().splitlines():
        row = json.loads(line)
        prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
        ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
        rows.append({"prompt_ids": ids(prompt)})
        for side in ("chosen", "rejected", "completion"):
            if side in row:
                rows[-1][side + "_ids"] = ids(row[side][0]["content"]) + ids("<|im_end|>")
        if "label" in row:
            rows[-1]["label"] = row["label"]
    for row, behind in zip(rows, rows[1:] + rows[:1]):
        if "label" in row:
            row["KL_completion_ids"] = behind["completion_ids"]
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, PrinterCallback
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer
    DPOTrainer._prepare_dataset = KTOTrainer._prepare_dataset = lambda self, dataset, *args, **kwargs: dataset

    compared = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        found = run_lehr(build, folder)
        policy, base = (found[stage][0]["model"] for stage in ("policy", "base"))
        tokenizer = AutoTokenizer.from_pretrained(policy)
        train, held_out = (rows_of(tokenizer, folder / f"{split}.jsonl") for split in ("train", "eval"))
        shared = dict(**trl_setup.trainer_settings(folder, len(train), STEPS, LEARNING_RATE),
                      per_device_eval_batch_size=len(held_out))

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

        train_judged, held_out_judged = (rows_of(tokenizer, folder / f"judged-{split}.jsonl")
                                         for split in ("train", "eval"))
        model, reference = (AutoModelForCausalLM.from_pretrained(m, dtype=torch.float32) for m in (policy, base))
        settings = shared | dict(per_device_train_batch_size=len(train_judged),
                                 per_device_eval_batch_size=len(held_out_judged))
        trainer = KTOTrainer(
            model=model, ref_model=reference, processing_class=tokenizer,
            train_dataset=Dataset.from_list(train_judged), eval_dataset=Dataset.from_list(held_out_judged),
            args=KTOConfig(beta=BETA, desirable_weight=1.5, undesirable_weight=0.8, max_length=128, **settings))
        compare("kto", trainer, ("loss", "kl", "rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen",
                                 "logps/rejected", "logits/chosen", "logits/rejected", "entropy"))

        judge = AutoModelForSequenceClassification.from_pretrained(found["judge_0"][0]["reward_model"],
                                                                   dtype=torch.float32)
        whole = lambda rows: Dataset.from_list([{side: row["prompt_ids"] + row[side]
                                                 for side in ("chosen_ids", "rejected_ids")} for row in rows])
        trainer = RewardTrainer(
            model=judge, processing_class=tokenizer, train_dataset=whole(train), eval_dataset=whole(held_out),
            args=RewardConfig(center_rewards_coefficient=0.01, max_length=128, **shared))
        compare("judge", trainer, ("loss", "accuracy", "margin", "min_reward", "mean_reward", "max_reward"))

    failed = [name for name, ours, theirs in compared if trl_setup.differs(name, ours, theirs, TOLERANCE)]
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
