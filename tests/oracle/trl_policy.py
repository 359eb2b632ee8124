#!/usr/bin/env python3
"""Our updates by GRPO and RLOO against TRL's GRPOTrainer and RLOOTrainer: the same models, ids of answers and scores, fp32.
Loss, gradient norm and metrics of several full-batch AdamW updates over one set of answers, so that ratios leave 1 and are
clipped; for GRPO by all its settings that our stage has too, under TRL's names. TRL's generation is replaced by the given
answers, its rewards by the given scores. Run by tests/oracle/run, or: trl_policy.py --build BUILD"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from parts import trl_setup

UPDATES, LEARNING_RATE, BETA, TEMPERATURE, CLIP = 8, 5e-4, 0.3, 0.7, 0.2
PROMPTS, GENERATIONS, MAX_TOKENS = 6, 4, 64
TOLERANCE = 1e-4  # fp32 sums in another order
METRICS = {"kl": "kl", "entropy": "policy/entropy_avg", "clip_ratio/region_mean": "clip_ratio/region_mean",
           "reward": "reward", "reward_std": "reward_std", "frac_reward_zero_std": "frac_reward_zero_std",
           "completions/mean_length": "completions/mean_length", "completions/clipped_ratio": "completions/clipped_ratio",
           "grad_norm": "grad_norm"}
CASES = {
    "grpo": ("grpo", {}),
    "grpo, KL of the paper": ("grpo", {"use_bias_correction_kl": False}),
    "grpo, loss of the paper": ("grpo", {"loss_type": "grpo"}),
    "dr_grpo": ("grpo", {"loss_type": "dr_grpo", "scale_rewards": "none"}),
    "dapo": ("grpo", {"epsilon_high": 0.28, "scale_rewards": "batch", "mask_truncated_completions": True}),
    "gspo": ("grpo", {"importance_sampling_level": "sequence", "loss_type": "grpo"}),
    "gspo, over tokens": ("grpo", {"importance_sampling_level": "sequence"}),
    "rloo": ("rloo", {}),
}


def models(build, folder):
    say = trl_setup.sentences(3)
    trl_setup.write_rows(folder / "chats.jsonl", [trl_setup.chat(say) for _ in range(60)])
    trl_setup.write_text(folder)
    found = trl_setup.run(build, folder, trl_setup.HEADER + trl_setup.POLICY)
    return (found[stage][0]["model"] for stage in ("policy", "base"))


def answers_of(tokenizer):
    """Groups in a row; the second one scores the same throughout, an answer of the third one is cut off."""
    rng, say, rows = random.Random(5), trl_setup.sentences(6), []
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    for prompt in range(PROMPTS):
        asked = tokenizer.apply_chat_template([{"role": "user", "content": next(say)}], add_generation_prompt=True,
                                              tokenize=False)
        for member in range(GENERATIONS):
            score = 0.5 if prompt == 1 else rng.gauss(0, 1.5)
            ended = (prompt, member) != (2, 1)
            rows.append({"prompt": ids(asked), "answer": ids(next(say)) + (ids("<|im_end|>") if ended else []),
                         "ended": ended, "score": score})
    return rows


def ours(build, policy, reference, algorithm, settings, rows):
    options = {"algorithm": algorithm, "num_generations": GENERATIONS, "kl_coefficient": BETA, "temperature": TEMPERATURE,
               "clip": CLIP, "max_new_tokens": MAX_TOKENS, "samples": len(rows), **settings}
    given = {"policy": str(policy), "reference": str(reference), "options": options, "learning_rate": LEARNING_RATE,
             "updates": UPDATES, "row_tokens": 100, "answers": rows}
    done = subprocess.run([build / "tests/policy_tool"], input=json.dumps(given), text=True, check=True, capture_output=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def theirs(folder, policy, reference, algorithm, settings, rows):
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
    shared = dict(
        **trl_setup.trainer_settings(folder, len(rows), UPDATES, LEARNING_RATE), num_generations=GENERATIONS,
        steps_per_generation=1, num_iterations=UPDATES, temperature=TEMPERATURE, beta=BETA, epsilon=CLIP,
        max_completion_length=MAX_TOKENS, logging_steps=1, shuffle_dataset=False)
    kind, config = ((GRPOTrainer, GRPOConfig(**shared, **settings)) if algorithm == "grpo"
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


def compared(metric, algorithm, settings):
    """TRL's share of groups without a deviation is of rewards with the KL in them, or of all of them as one."""
    return metric != "frac_reward_zero_std" or (algorithm == "grpo" and settings.get("scale_rewards") != "batch")


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
        for case, (algorithm, settings) in CASES.items():
            made = ours(build, policy, reference, algorithm, settings, rows)
            losses, logs = theirs(folder, policy, reference, algorithm, settings, rows)
            assert len(losses) == len(logs) == UPDATES, (len(losses), len(logs))
            worst = {}
            for us, loss, them in zip(made, losses, logs):
                for metric, own in {"loss": "loss", **METRICS}.items():
                    if metric not in {"loss", *them} or not compared(metric, algorithm, settings):  # some once an iteration
                        continue
                    expected = loss if metric == "loss" else them[metric]
                    difference = abs(us[own] - expected) / max(abs(expected), 1.0)
                    if metric not in worst or difference >= worst[metric][0]:
                        worst[metric] = (difference, us[own], expected)
            for metric, (_, us, expected) in worst.items():
                failed |= trl_setup.differs(f"{case}: {metric}", us, expected, TOLERANCE)
            missing = {m for m in {"loss", *METRICS} - set(worst) if compared(m, algorithm, settings)}
            clipped = made[-1]["clip_ratio/region_mean"]
            if missing or clipped == 0:
                failed = True
                print(f"{case}: TRL tells no {missing}; {clipped:.3f} of the last update's ratios are clipped")
    sys.exit(failed)


if __name__ == "__main__":
    main()
