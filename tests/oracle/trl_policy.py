#!/usr/bin/env python3
"""Our updates by GRPO and RLOO against TRL's GRPOTrainer and RLOOTrainer: the same models, ids of answers and scores, fp32.
Loss, gradient norm and metrics of several full-batch AdamW updates over one set of answers, so that ratios leave 1 and are
clipped. TRL's generation is replaced by the given answers, its rewards by the given scores; GRPO's loss is its `dapo`, the
sum over all active tokens, with the KL as the paper has it. Run by tests/oracle/run, or: trl_policy.py --build BUILD"""

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

UPDATES, LEARNING_RATE, BETA, TEMPERATURE, CLIP = 8, 5e-4, 0.3, 0.7, 0.2
PROMPTS, GENERATIONS = 6, 4
TOLERANCE = 1e-4  # relative, or absolute below 1; fp32 sums in another order
METRICS = {"kl": "kl", "entropy": "policy/entropy_avg", "clip_ratio/region_mean": "clip_ratio/region_mean",
           "reward": "reward", "reward_std": "reward_std", "frac_reward_zero_std": "frac_reward_zero_std",
           "completions/mean_length": "completions/mean_length", "grad_norm": "grad_norm"}

PIPELINE = """
lehr: 1
name: trl_policy
seed: 3
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  chats: {uses: files.conversations, with: {train: [chats.jsonl], eval_fraction: 0}}
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
"""


def sentences(seed):
    rng = random.Random(seed)
    words = "red blue green seven eight nine house river mountain table quickly slowly under over".split()
    while True:
        yield " ".join(rng.choice(words) for _ in range(rng.randint(1, 9))) + "."


def models(build, folder):
    say = sentences(3)
    chats = [{"messages": [{"role": "user", "content": next(say)}, {"role": "assistant", "content": next(say)}]}
             for _ in range(60)]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chats))
    (folder / "text.txt").write_text("\n\n".join(next(say) for _ in range(900)))
    (folder / "p.yaml").write_text(PIPELINE)
    subprocess.run([build / "bin/lehr", "run", folder / "p.yaml", "--store", folder / "store", "--plugin-path",
                    build / "lib/lehr/plugins"], check=True, stdout=subprocess.DEVNULL)
    found = {}
    for file in (folder / "store/results").glob("*.json"):
        result = json.loads(file.read_text())
        for made in result["outputs"].values():
            found[result["made"]["stage_id"]] = folder / "store/artifacts" / made["digest"]
    return found["policy"], found["base"]


def answers_of(tokenizer):
    """Groups in a row; the second one scores the same throughout."""
    rng, say, rows = random.Random(5), sentences(6), []
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    for prompt in range(PROMPTS):
        asked = tokenizer.apply_chat_template([{"role": "user", "content": next(say)}], add_generation_prompt=True,
                                              tokenize=False)
        for _ in range(GENERATIONS):
            score = 0.5 if prompt == 1 else rng.gauss(0, 1.5)
            rows.append({"prompt": ids(asked), "answer": ids(next(say)) + ids("<|im_end|>"), "score": score})
    return rows


def ours(build, policy, reference, algorithm, rows):
    given = {"policy": str(policy), "reference": str(reference), "algorithm": algorithm, "num_generations": GENERATIONS,
             "kl_coefficient": BETA, "temperature": TEMPERATURE, "learning_rate": LEARNING_RATE, "updates": UPDATES,
             "row_tokens": 100, "answers": rows}
    done = subprocess.run([build / "tests/policy_tool"], input=json.dumps(given), text=True, check=True, capture_output=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def theirs(folder, policy, reference, algorithm, rows):
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
    shared = dict(
        output_dir=str(folder / algorithm), per_device_train_batch_size=len(rows), num_generations=GENERATIONS,
        steps_per_generation=1, num_iterations=UPDATES, max_steps=UPDATES, temperature=TEMPERATURE, beta=BETA, epsilon=CLIP,
        learning_rate=LEARNING_RATE, lr_scheduler_type="constant", warmup_steps=0, adam_beta1=0.9, adam_beta2=0.999,
        adam_epsilon=1e-8, weight_decay=0.0, max_grad_norm=1.0, bf16=False, use_cpu=True, report_to=[], save_strategy="no",
        gradient_checkpointing=False, disable_tqdm=True, logging_steps=1, shuffle_dataset=False)
    kind, config = ((GRPOTrainer, GRPOConfig(loss_type="dapo", scale_rewards="group",
                                                       use_bias_correction_kl=False, **shared)) if algorithm == "grpo"
                    else (RLOOTrainer, RLOOConfig(normalize_advantages=False, **shared)))

    losses = []

    class Trainer(kind):
        def _tokenize_prompts(self, prompts):
            return [rows[int(p)]["prompt"] for p in prompts], None, {}

        def _generate_single_turn(self, prompt_ids, *args, **kwargs):
            assert prompt_ids == [row["prompt"] for row in rows]
            answers = [row["answer"] for row in rows]
            return (answers, None) if algorithm == "grpo" else answers

        def _compute_loss(self, model, inputs):
            loss = super()._compute_loss(model, inputs)
            losses.append(loss.item())
            return loss

    load = lambda model: AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    trainer = Trainer(
        model=load(policy), reward_funcs=lambda prompts, **_: [row["score"] for row in rows], args=config,
        processing_class=AutoTokenizer.from_pretrained(policy),
        train_dataset=Dataset.from_list([{"prompt": str(i)} for i in range(0, len(rows), GENERATIONS)]))
    trainer.remove_callback(PrinterCallback)
    trainer.ref_model.load_state_dict(load(reference).state_dict())
    trainer.train()
    return losses, [entry for entry in trainer.state.log_history if "grad_norm" in entry]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    from transformers import AutoTokenizer

    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        policy, reference = models(build, folder)
        rows = answers_of(AutoTokenizer.from_pretrained(policy))
        for algorithm in ("grpo", "rloo"):
            made = ours(build, policy, reference, algorithm, rows)
            losses, logs = theirs(folder, policy, reference, algorithm, rows)
            assert len(losses) == len(logs) == UPDATES, (len(losses), len(logs))
            worst = {}
            for us, loss, them in zip(made, losses, logs):
                for metric, name in {"loss": "loss", **METRICS}.items():
                    if metric not in {"loss", *them}:  # told once an iteration
                        continue
                    if (algorithm, metric) == ("rloo", "frac_reward_zero_std"):  # TRL's is of rewards with the KL in them
                        continue
                    expected = loss if metric == "loss" else them[metric]
                    difference = abs(us[name] - expected) / max(abs(expected), 1.0)
                    if metric not in worst or difference >= worst[metric][0]:
                        worst[metric] = (difference, us[name], expected)
            for metric, (difference, us, expected) in worst.items():
                good = difference <= TOLERANCE
                failed |= not good
                print(f"{algorithm} {metric:24} ours {us:12.7f}  TRL {expected:12.7f}  difference {difference:.1e}  "
                      f"{'ok' if good else 'DIFFERS'}")
            missing = {"loss", *METRICS} - set(worst) - {"frac_reward_zero_std"}
            clipped = made[-1]["clip_ratio/region_mean"]
            if missing or clipped == 0:
                failed = True
                print(f"{algorithm}: TRL tells no {missing}; {clipped:.3f} of the last update's ratios are clipped")
    sys.exit(failed)


if __name__ == "__main__":
    main()
