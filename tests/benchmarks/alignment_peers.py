"""The PyTorch side of `./tools/bench train_reward`, `train_dpo`, `train_grpo` and `train_ppo`. Rows are pairs {"prompt", "chosen",
"rejected"} of ids as Lehr renders them.

  reward         TRL's RewardTrainer with its defaults: 8 pairs a step, padded
  reward_sorted  the same, batches of like lengths
  dpo            TRL's DPOTrainer with its defaults: 8 pairs a step, padded, the reference computed in each step
  dpo_cached     the same, the reference computed beforehand, batches of like lengths
  dpo_loop       a loop tuned by hand: reference beforehand, sorted by length, the head on answers only
  grpo           TRL's GRPOTrainer: answers by Hugging Face's generate, scored by a reward model
  ppo            the same by TRL's PPOTrainer, with a critic"""

import json
import sys
import tempfile

from peer_parts import BF16, DEVICE, Told, decayed, load

import numpy as np
import torch
import transformers

PAIRS = 8  # of a step


def pairs(file):
    return [json.loads(line) for line in open(file, encoding="utf-8")]


def size(row):
    """Useful tokens: the prompt counts for each of its answers."""
    return 2 * len(row["prompt"]) + len(row["chosen"]) + len(row["rejected"])


def settings(task, folder):
    return dict(output_dir=folder, per_device_train_batch_size=PAIRS, num_train_epochs=1, learning_rate=task["learning_rate"],
                lr_scheduler_type="constant", weight_decay=0.0, bf16=BF16, use_cpu=DEVICE == "cpu", logging_steps=1,
                report_to=[], save_strategy="no", gradient_checkpointing=False, disable_tqdm=True)


def data(rows, whole):
    from datasets import Dataset
    answers = lambda row, side: (row["prompt"] if whole else []) + row[side]
    return Dataset.from_list([{"prompt_ids": row["prompt"], "chosen_ids": answers(row, "chosen"),
                               "rejected_ids": answers(row, "rejected")} for row in rows])


def told(clock, rows):
    """Over an epoch each pair counts once; which of them a step had is the trainer's own."""
    mean = sum(map(size, rows)) / len(rows)
    return Told(clock, lambda step: round(mean * min(PAIRS, len(rows) - PAIRS * step)))


def train(trainer, rows, like_lengths):
    trainer.remove_callback(transformers.PrinterCallback)
    if like_lengths:  # what group_by_length does for rows of input_ids
        sizes = [size(row) for row in rows]
        trainer._get_train_sampler = lambda *_: transformers.trainer_pt_utils.LengthGroupedSampler(PAIRS, lengths=sizes)
    trainer.train()


def reward(task, clock, like_lengths=False):
    from trl import RewardConfig, RewardTrainer
    rows = pairs(task["data"])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(task["model"], dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(task["model"])
    with tempfile.TemporaryDirectory() as folder:
        config = RewardConfig(center_rewards_coefficient=0.01, max_length=256, **settings(task, folder))
        trainer = RewardTrainer(model=model, processing_class=tokenizer, args=config, train_dataset=data(rows, True),
                                eval_dataset=data(pairs(task["held_out"]), True), callbacks=[told(clock, rows)])
        train(trainer, rows, like_lengths)
        return {**clock.report(), "after": trainer.evaluate()["eval_loss"]}


def dpo(task, clock, cached=False):
    from trl import DPOConfig, DPOTrainer
    DPOTrainer._prepare_dataset = lambda self, dataset, *args, **kwargs: dataset  # the ids are there
    rows = pairs(task["data"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(task["model"])
    with tempfile.TemporaryDirectory() as folder:
        config = DPOConfig(beta=task["beta"], max_length=256, precompute_ref_log_probs=cached, **settings(task, folder))
        trainer = DPOTrainer(model=load(task), processing_class=tokenizer, args=config, train_dataset=data(rows, False),
                             eval_dataset=data(pairs(task["held_out"]), False), callbacks=[told(clock, rows)])
        train(trainer, rows, cached)
        return {**clock.report(), "after": trainer.evaluate()["eval_loss"]}


def answer_logprobs(model, rows):
    """[pairs, 2] sums over the answers' tokens: chosen, rejected."""
    sides = [(row["prompt"], row[side]) for side in ("chosen", "rejected") for row in rows]
    longest = max(len(prompt) + len(answer) for prompt, answer in sides)
    padded = lambda values: values + [0] * (longest - len(values))
    ids = torch.tensor([padded(prompt + answer) for prompt, answer in sides]).to(DEVICE)
    mask = torch.tensor([padded([1] * (len(prompt) + len(answer))) for prompt, answer in sides]).to(DEVICE)
    wanted = torch.tensor([padded([0] * len(prompt) + [1] * len(answer)) for prompt, answer in sides],
                          dtype=torch.bool).to(DEVICE)[:, 1:]
    with torch.autocast(DEVICE, torch.bfloat16, enabled=BF16):
        hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[:, :-1][wanted])
    logprobs = -torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][wanted], reduction="none")
    row = torch.arange(len(sides), device=DEVICE)[:, None].expand_as(wanted)[wanted]
    return torch.zeros(len(sides), device=DEVICE).index_add(0, row, logprobs).view(2, -1).T


def like_length_batches(rows):
    order = sorted(np.random.default_rng(7).permutation(len(rows)), key=lambda i: size(rows[i]))
    batches = [order[i:i + PAIRS] for i in range(0, len(order), PAIRS)]
    return [[rows[i] for i in batches[b]] for b in np.random.default_rng(8).permutation(len(batches))]


def dpo_loss(model, batch, reference, beta):
    d = answer_logprobs(model, batch) - reference
    return -torch.nn.functional.logsigmoid(beta * (d[:, 0] - d[:, 1])).mean()


def dpo_loop(task, clock):
    model = load(task)
    optimizer = torch.optim.AdamW(decayed(model, 0.0), lr=task["learning_rate"], fused=True, betas=(0.9, 0.999), eps=1e-8)
    batches, held_out = like_length_batches(pairs(task["data"])), like_length_batches(pairs(task["held_out"]))
    with torch.no_grad():
        references = [answer_logprobs(model, batch) for batch in batches]
        held_out_references = [answer_logprobs(model, batch) for batch in held_out]
    for batch, reference in zip(batches, references):
        loss = dpo_loss(model, batch, reference, task["beta"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        clock.step(loss, sum(map(size, batch)))
    report = clock.report()
    with torch.no_grad():
        after = sum(float(dpo_loss(model, batch, reference, task["beta"])) * len(batch)
                    for batch, reference in zip(held_out, held_out_references)) / sum(map(len, held_out))
    return {**report, "after": after}


def grpo(task, clock):
    """A "token" is a sample here. Every iteration makes `samples` answers and takes `epochs` updates."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer
    prompts = pairs(task["data"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(task["model"], padding_side="left")
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder, per_device_train_batch_size=task["samples"], steps_per_generation=1, num_iterations=task["epochs"],
            num_generations=task["generations"], max_steps=task["iterations"] * task["epochs"],
            learning_rate=task["learning_rate"], lr_scheduler_type="constant", beta=task["beta"], temperature=task["temperature"],
            max_completion_length=task["max_new_tokens"], weight_decay=0.0, bf16=BF16, use_cpu=DEVICE == "cpu", logging_steps=1,
            report_to=[], save_strategy="no", gradient_checkpointing=False, disable_tqdm=True)
        step = Told(clock, lambda at: task["samples"] / task["epochs"])
        trainer = GRPOTrainer(model=load(task), processing_class=tokenizer, args=config, reward_funcs=task["judge"],
                              reward_processing_classes=tokenizer, train_dataset=Dataset.from_list(prompts), callbacks=[step])
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        lengths = [entry["completions/mean_length"] for entry in trainer.state.log_history if "completions/mean_length" in entry]
        return clock.report(length=float(np.mean(lengths)), steps=task["epochs"])


class ToldIteration(transformers.TrainerCallback):
    def __init__(self, clock, samples):
        self.clock, self.samples, self.ended = clock, samples, []

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.clock.step(logs["loss/policy_avg"], self.samples)
        self.ended.append(logs["val/num_eos_tokens"])


def ppo(task, clock):
    """A "token" is a sample here, a step an iteration. Updates are of all answers, eight at a time, as its example has them."""
    sys.path.insert(0, task["trl"])
    from datasets import Dataset
    from trl.experimental.ppo import PPOConfig, PPOTrainer
    tokenizer = transformers.AutoTokenizer.from_pretrained(task["model"], padding_side="left")
    ids = [tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
           for row in pairs(task["data"])]
    judge = lambda: transformers.AutoModelForSequenceClassification.from_pretrained(task["judge"], dtype=torch.float32)
    told_iteration = ToldIteration(clock, task["samples"])
    with tempfile.TemporaryDirectory() as folder:
        config = PPOConfig(
            output_dir=folder, per_device_train_batch_size=8, gradient_accumulation_steps=task["samples"] // 8, num_mini_batches=1,
            total_episodes=task["iterations"] * task["samples"], num_ppo_epochs=task["epochs"], response_length=task["max_new_tokens"],
            stop_token="eos", temperature=task["temperature"], kl_coef=task["beta"], learning_rate=task["learning_rate"],
            lr_scheduler_type="constant", weight_decay=0.0, bf16=BF16, use_cpu=DEVICE == "cpu", report_to=[], save_strategy="no",
            gradient_checkpointing=False, disable_tqdm=True, num_sample_generations=0)
        trainer = PPOTrainer(args=config, processing_class=tokenizer, model=load(task), ref_model=load(task), reward_model=judge(),
                             value_model=judge(), train_dataset=Dataset.from_list([{"input_ids": row} for row in ids]),
                             callbacks=[told_iteration])
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        return clock.report(ended=sum(told_iteration.ended), steps=1)


KINDS = {"reward": reward, "reward_sorted": lambda task, clock: reward(task, clock, True), "dpo": dpo,
         "dpo_cached": lambda task, clock: dpo(task, clock, True), "dpo_loop": dpo_loop, "grpo": grpo, "ppo": ppo}
