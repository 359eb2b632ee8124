"""Reward models, DPO, GRPO and PPO beside TRL: the 13.8M shape, answers of realistic lengths."""

import json
import os
import statistics
import sys

from conversations import write_preferences, write_prompts
from measure import HEAD, PEERS as PEERS_FOLDER, PRECISION, PYTHON, install_peers, sh
from training import peer, pretrain_pipeline, table, useful_rate, values

LEARNING_RATE, BETA = 2e-5, 0.1
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
BATCH = 1408  # tokens of an update, a prompt counted once: about eight pairs
SAMPLES, GENERATIONS, EPOCHS, NEW_TOKENS, ITERATIONS, TEMPERATURE = 32, 8, 4, 64, 2, 1.0
PEERS = ("torch==2.13.0", "transformers", "accelerate", "safetensors", "numpy", "trl", "datasets", "jinja2")

STAGES = """
  pairs: {uses: files.preferences, with: {train: [pairs-train.jsonl], eval: [pairs-eval.jsonl]}}
  judge_start: {uses: reward, in: {model: start, preferences: pairs}, with: {budget: {steps: 0}}}
  judge: {uses: reward, in: {model: start, preferences: pairs}, with: {centering: 0.01, TRAINING}}
  aligned: {uses: dpo, in: {model: start, preferences: pairs}, with: {beta: BETA, TRAINING}}
  prompts: {uses: files.prompts, with: {train: [prompts-train.jsonl], eval: [prompts-eval.jsonl]}}
  grpo: {uses: ppo, in: {policy: start, reward: judge_start, prompts: prompts}, with: {algorithm: grpo, num_generations: GENERATIONS, ONLINE}}
  ppo: {uses: ppo, in: {policy: start, reward: judge_start, prompts: prompts}, with: {critic_learning_rate_scale: 1, ONLINE}}
"""
ONLINE = ("samples: SAMPLES, epochs: EPOCHS, minibatches: 1, iterations: ITERATIONS, max_new_tokens: NEW_TOKENS, "
          "temperature: TEMPERATURE, kl_coefficient: BETA, normalize_reward: false, missing_end_penalty: 0, learning_rate: RATE, "
          "schedule: {kind: constant, warmup: 0}, eval: {every: 0}, eval_samples: 1")
TRAINING = ("learning_rate: RATE, schedule: {kind: constant, warmup: 0}, batch_tokens: BATCH, micro_batch_tokens: BATCH, "
            "eval: {every: 0}, budget: {epochs: 1}")


def alignment_pipeline(folder):
    lehr = pretrain_pipeline(folder, "13.8M")
    write_preferences(folder / "text", folder / "pairs-train.jsonl", int(os.environ.get("BENCH_PAIRS", 320)), 1)
    write_preferences(folder / "text", folder / "pairs-eval.jsonl", 32, 2)
    for split, count in (("train", 64), ("eval", 1)):
        write_prompts(folder / "text", folder / f"prompts-{split}.jsonl", count, 3)
    text = STAGES.replace("TRAINING", TRAINING).replace("ONLINE", ONLINE).replace("RATE", str(LEARNING_RATE))
    for name in ("BETA", "BATCH", "SAMPLES", "GENERATIONS", "EPOCHS", "ITERATIONS", "NEW_TOKENS", "TEMPERATURE"):
        text = text.replace(name, str(globals()[name]))
    lehr.pipeline.write_text(lehr.pipeline.read_text() + text)
    return lehr


def pair_ids(lehr, model, folder, split):
    """The pairs as ids, by the model's own chat template in transformers; answers end their turn."""
    script = ("import json, sys, transformers\n"
              "t = transformers.AutoTokenizer.from_pretrained(sys.argv[1])\n"
              "ids = lambda text: t(text, add_special_tokens=False)['input_ids']\n"
              "for line in open(sys.argv[2]):\n"
              "  row = json.loads(line)\n"
              "  prompt = ids(t.apply_chat_template(row['prompt'], add_generation_prompt=True, tokenize=False))\n"
              "  sides = {s: ids(row[s][0]['content'] + '<|im_end|>')[:256 - len(prompt)] for s in ('chosen', 'rejected')}\n"
              "  print(json.dumps({'prompt': prompt, **sides}))\n")
    out = folder / f"ids-{split}.jsonl"
    out.write_text(sh(PYTHON, "-c", script, model, folder / f"pairs-{split}.jsonl"))
    return str(out)


def lehr_run(lehr, stage, useful):
    """useful: tokens of the epoch, a prompt counted for each answer."""
    found = lehr.run(stage)
    series = found["series"]
    times = [when for when, _ in series["loss"]]
    totals = values(series, "num_tokens")
    return {"losses": values(series, "loss"), "tokens": [useful * (b - a) / totals[-1] for a, b in zip([0, *totals], totals)],
            "seconds": [b - a for a, b in zip(times, times[1:])], "first_step": times[0] - found["begun"],
            "whole": times[-1] - found["begun"], "peak_bytes": found["peak_bytes"], "after": values(series, "eval/loss")[-1]}


def interleaved(measures, title, rates):
    runs = {who: [] for who in measures}
    for _ in range(ROUNDS):
        for who, measure in measures.items():
            runs[who].append(measure())
            print(f"{title}: {who} {rates(runs[who][-1]):.1f}", file=sys.stderr, flush=True)
    return runs


def on_pairs(scratch, stage, start, title, peers, within, **task):
    install_peers(*PEERS)
    folder = scratch / stage
    lehr = alignment_pipeline(folder)
    model = lehr.artifact("start", "model")
    lehr.artifact("pairs", "preferences")
    task.update(model=str(lehr.artifact(*start)), learning_rate=LEARNING_RATE, data=pair_ids(lehr, model, folder, "train"),
                held_out=pair_ids(lehr, model, folder, "eval"))
    rows = [json.loads(line) for line in open(task["data"], encoding="utf-8")]
    useful = sum(2 * len(row["prompt"]) + len(row["chosen"]) + len(row["rejected"]) for row in rows)
    measures = {"lehr": lambda: lehr_run(lehr, stage, useful)}
    for who, (kind, tuned) in peers.items():
        measures[who] = lambda kind=kind, tuned=tuned: peer(kind, tuned, **task)
    runs = interleaved(measures, title, useful_rate)
    ours = runs["lehr"][0]["after"]
    # The order of pairs is each one's own, and few updates on pairs made at random leave much to it; that the losses are
    # TRL's to 1e-4, tests/oracle/trl_preferences.py shows.
    for who, of in runs.items():
        if abs(of[0]["after"] - ours) > within:
            sys.exit(f"held-out loss after the epoch: {who} {of[0]['after']:.4f}, Lehr {ours:.4f}; there is nothing to compare")
    losses = ", ".join(f"{who} {of[0]['after']:.3f}" for who, of in runs.items())
    work = f"{len(rows)} pairs, {useful} useful tokens; ours takes {len(runs['lehr'][0]['losses'])} updates"
    return "\n".join([f"{work}. Held-out loss after: {losses}.", "", HEAD, *table(title, runs)])


def train_reward(scratch):
    """A reward model on pairs of realistic lengths: useful tokens a second, padding not counted."""
    return on_pairs(scratch, "judge", ("judge_start", "reward_model"), "reward model 13.8M", {
        f"TRL RewardTrainer, {PRECISION}": ("reward", False),
        f"TRL RewardTrainer, {PRECISION}, batches of like lengths": ("reward_sorted", True)}, 0.15)


def train_dpo(scratch):
    """DPO on the same pairs; tokens of prompts count for both answers, a reference pass counts in the whole time alone."""
    return on_pairs(scratch, "aligned", ("start", "model"), "DPO 13.8M", {
        f"TRL DPOTrainer, {PRECISION}": ("dpo", False),
        f"TRL DPOTrainer, {PRECISION}, reference beforehand, batches of like lengths": ("dpo_cached", True),
        f"PyTorch loop, {PRECISION}, reference beforehand, sorted, head on answers only": ("dpo_loop", True)}, 0.2, beta=BETA)


def lehr_online(lehr, stage):
    found = lehr.run(stage)
    series = found["series"]
    ends = [when for when, _ in series["policy/entropy_avg"]][:ITERATIONS]
    told = {"length": statistics.mean(values(series, "completions/mean_length"))} if "completions/mean_length" in series else {}
    return {"tokens": [SAMPLES] * len(ends), "seconds": [b - a for a, b in zip(ends, ends[1:])], "first_step": ends[0] - found["begun"],
            "peak_bytes": found["peak_bytes"], "ended": sum(values(series, "val/num_eos_tokens")[:ITERATIONS]), "steps": 1, **told}


def online(scratch, stage, title, who, **task):
    """Answers made, scored and learned from several times, in samples a second."""
    folder = scratch / stage
    lehr = alignment_pipeline(folder)
    task.update(model=str(lehr.artifact("start", "model")), judge=str(lehr.artifact("judge_start", "reward_model")),
                data=str(folder / "prompts-train.jsonl"), samples=SAMPLES, epochs=EPOCHS, iterations=ITERATIONS,
                max_new_tokens=NEW_TOKENS, temperature=TEMPERATURE, beta=BETA, learning_rate=LEARNING_RATE)
    lehr.artifact("prompts", "prompts")
    rate = lambda run: useful_rate(run, run["steps"])  # from the second iteration on
    title = f"{title} 13.8M, {SAMPLES} answers of {NEW_TOKENS} tokens, {EPOCHS} epochs"
    runs = interleaved({"lehr": lambda: lehr_online(lehr, stage), f"{who}, {PRECISION}": lambda: peer(stage, False, **task)},
                       title, rate)
    # PPO's trainer tells only how many answers ended by themselves; so few do that nearly all have the length asked for.
    lengths = {who: of[0].get("length", NEW_TOKENS * (1 - of[0].get("ended", 0) / SAMPLES / ITERATIONS)) for who, of in runs.items()}
    if max(lengths.values()) - min(lengths.values()) > 0.05 * NEW_TOKENS:
        sys.exit(f"tokens of an answer: {lengths}; there is nothing to compare")
    rates = {who: [rate(run) for run in of] for who, of in runs.items()}
    return "\n".join(["Tokens of an answer: " + ", ".join(f"{who} {length:.1f}" for who, length in lengths.items()) + ".",
                      "", HEAD, *table(title, runs, rates=rates, unit="samples/s")])


def train_grpo(scratch):
    """GRPO with a reward model."""
    install_peers(*PEERS)
    return online(scratch, "grpo", "GRPO", "TRL GRPOTrainer", generations=GENERATIONS)


def train_ppo(scratch):
    """PPO with a critic. TRL's last trainer for it, of 1.12, comes without the packages it needs beside the newer TRL's."""
    install_peers(*PEERS)
    folder = PEERS_FOLDER / "trl-1.12"
    if not folder.exists():
        sh(PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, "trl==1.12.0")
    return online(scratch, "ppo", "PPO", "TRL 1.12 PPOTrainer", trl=str(folder))
