"""The PyTorch side of the training benchmarks: one run, as JSON on standard output.

  train_peer.py '{"kind": ..., "model": FOLDER, "data": FILE, "steps": N, ...}'

  trainer   Hugging Face's Trainer, as a script from its documentation would use it
  compiled  a loop tuned by hand: torch.compile over forward and loss, fused AdamW
  trl       TRL's SFTTrainer with its defaults: 8 conversations a step, padded
  sorted    a loop tuned by hand for conversations: sorted by length in windows, the head on trained tokens only
  reward, dpo, grpo and their loops: alignment_peers.py

"bf16": true computes in bf16 over weights in fp32, else all is fp32."""

import json
import sys
import tempfile

import alignment_peers
from peer_parts import ADAMW, BF16, DEVICE, Clock, Told, decayed, load  # before transformers

import numpy as np
import torch
import transformers


def batches(task):
    """[rows, context] inputs and targets of each step: the shard's tokens in order, as Lehr's feed lays out one document."""
    ids = np.memmap(task["data"], np.uint16, "r")
    size = task["rows"] * task["context"]
    for step in range(task["steps"]):
        row = torch.from_numpy(ids[step * size:(step + 1) * size + 1].astype(np.int64))
        yield row[:-1].view(task["rows"], -1), row[1:].view(task["rows"], -1)


def compiled(task, clock):
    model = load(task)
    model.train()
    optimizer = torch.optim.AdamW(decayed(model, 0.1), lr=task["learning_rate"], fused=True, **ADAMW)

    def loss_of(inputs, targets):
        with torch.autocast(DEVICE, torch.bfloat16, enabled=BF16):
            logits = model(input_ids=inputs, use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    loss_of = torch.compile(loss_of)
    for inputs, targets in batches(task):
        loss = loss_of(inputs.to(DEVICE), targets.to(DEVICE))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        clock.step(loss, inputs.numel())
    return clock.report()


def trainer(task, clock):
    rows = [{"input_ids": x, "labels": y, "shift_labels": y} for inputs, targets in batches(task)
            for x, y in zip(inputs, targets)]

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *_):
            return torch.utils.data.SequentialSampler(rows)

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=task["rows"], max_steps=task["steps"],
            learning_rate=task["learning_rate"], lr_scheduler_type="constant", adam_beta1=0.9, adam_beta2=0.95,
            weight_decay=0.1, max_grad_norm=1.0, bf16=BF16, use_cpu=DEVICE == "cpu", logging_steps=1, report_to=[],
            save_strategy="no", remove_unused_columns=False, disable_tqdm=True)
        told = Told(clock, lambda step: task["rows"] * task["context"])
        run = InOrder(model=load(task), args=arguments, train_dataset=rows, callbacks=[told])
        run.remove_callback(transformers.PrinterCallback)
        run.train()
    return clock.report()


def conversations(file):
    """Rows {"ids", "trained"} as Lehr renders them."""
    return [json.loads(line) for line in open(file, encoding="utf-8")]


def held_out_loss(model, rows):
    """Mean over all trained tokens, fp32."""
    total = count = 0
    model.eval()
    with torch.no_grad():
        for row in rows:
            ids, trained = torch.tensor([row["ids"]]).to(DEVICE), torch.tensor(row["trained"], dtype=torch.bool).to(DEVICE)
            logits = model(input_ids=ids).logits[0, :-1]
            nll = torch.nn.functional.cross_entropy(logits.float(), ids[0, 1:], reduction="none")[trained[1:]]
            total, count = total + float(nll.sum()), count + nll.numel()
    model.train()
    return total / count


def trl(task, clock):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    rows = conversations(task["data"])
    held_out = conversations(task["held_out"])
    data = Dataset.from_list([{"input_ids": r["ids"], "labels": [i if m else -100 for i, m in zip(r["ids"], r["trained"])]}
                              for r in rows])
    sizes = [len(r["ids"]) for r in rows]
    model = load(task)
    before = held_out_loss(model, held_out)
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder, per_device_train_batch_size=8, num_train_epochs=1, learning_rate=task["learning_rate"],
            lr_scheduler_type="constant", weight_decay=0.0, bf16=BF16, use_cpu=DEVICE == "cpu", logging_steps=1, report_to=[],
            save_strategy="no", gradient_checkpointing=False, loss_type="nll", disable_tqdm=True,
            dataset_kwargs={"skip_prepare_dataset": True})
        # The order is the trainer's own; over an epoch each conversation counts once.
        mean = sum(sizes) / len(sizes)
        told = Told(clock, lambda step: round(mean * min(8, len(rows) - 8 * step)))
        tokenizer = transformers.AutoTokenizer.from_pretrained(task["model"])
        run = SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer, callbacks=[told])
        run.remove_callback(transformers.PrinterCallback)
        run.train()
    return clock.report(before=before, after=held_out_loss(model, held_out))


def sorted_loop(task, clock):
    rows, held_out = conversations(task["data"]), conversations(task["held_out"])
    model = load(task)
    before = held_out_loss(model, held_out)
    optimizer = torch.optim.AdamW(decayed(model, 0.0), lr=task["learning_rate"], fused=True, betas=(0.9, 0.999), eps=1e-8)
    order = np.random.default_rng(7).permutation(len(rows))
    batches = []
    for window in np.array_split(order, max(1, len(rows) // 128)):
        window = sorted(window, key=lambda i: len(rows[i]["ids"]))
        batches += [window[i:i + 8] for i in range(0, len(window), 8)]
    for b in np.random.default_rng(8).permutation(len(batches)):
        members = [rows[i] for i in batches[b]]
        longest = max(len(r["ids"]) for r in members)
        ids = torch.tensor([r["ids"] + [0] * (longest - len(r["ids"])) for r in members]).to(DEVICE)
        mask = torch.tensor([[1] * len(r["ids"]) + [0] * (longest - len(r["ids"])) for r in members]).to(DEVICE)
        trained = torch.tensor([r["trained"] + [0] * (longest - len(r["ids"])) for r in members], dtype=torch.bool).to(DEVICE)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=BF16):
            hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            wanted = trained[:, 1:]
            logits = model.lm_head(hidden[:, :-1][wanted])
        loss = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][wanted])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        clock.step(loss, mask.sum())
    return clock.report(before=before, after=held_out_loss(model, held_out))


def main():
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    torch.manual_seed(7)
    kinds = {"compiled": compiled, "trainer": trainer, "trl": trl, "sorted": sorted_loop, **alignment_peers.KINDS}
    print(json.dumps(kinds[task["kind"]](task, Clock(task["begun"]))))


main()
