#!/usr/bin/env python3
"""Our LoRA against PEFT's, fp32, on the same ids: PEFT loads the adapter of an untrained stage, trains it with the same full
batches, and has to see our losses step by step; then it loads our trained adapter, and its logits, our merged model's in
transformers and our own have to be one. SFT on a Qwen2 model (biases stay frozen), with dropout too (whose draws are not PEFT's: what comes
out is compared), and the adapter of a reward model.
And the way back: adapters that PEFT made, merged by `import.model`, give PEFT's logits.
Run by tests/oracle/run, or: peft_lora.py --build BUILD"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from trl_preferences import pairs as preferences
from trl_sft import conversations

STEPS, LEARNING_RATE = 8, 5e-3
TOLERANCE = 1e-4  # relative; fp32 sums in another order

PIPELINE = """
lehr: 1
name: peft
seed: 3
vars: {lora: {rank: 4, alpha: 6, targets: [q_proj, v_proj, o_proj, gate_proj, down_proj]}, steps: %d, rate: %g}
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  chats: {uses: files.conversations, with: {train: [train.jsonl], eval_fraction: 0}}
  pairs: {uses: files.preferences, with: {train: [pairs.jsonl], eval_fraction: 0}}
  tokenizer: {uses: tokenizer.train, in: {documents: text}, with: {vocab_size: 400}}
  tokens: {uses: tokenizer.encode, in: {documents: text, tokenizer: tokenizer}}
  base:
    uses: pretrain
    in: {tokens: tokens}
    with:
      model: {family: qwen2, width: 64, layers: 2, heads: 4, kv_heads: 2, context: 128}
      budget: {steps: 30}
      batch_tokens: 1k
      precision: fp32
  start: {uses: sft, in: {model: base, conversations: chats}, with: {precision: fp32, lora: "${vars.lora}", budget: {steps: 0}}}
  tuned:
    uses: sft
    in: {model: base, conversations: chats}
    with: {precision: fp32, lora: "${vars.lora}", budget: {steps: "${vars.steps}"}, batch_tokens: 1M, learning_rate: "${vars.rate}", schedule: {kind: constant, warmup: 0}}
  dropped:
    uses: sft
    in: {model: base, conversations: chats}
    with:
      precision: fp32
      lora: {rank: 4, alpha: 6, targets: [q_proj, v_proj, o_proj, gate_proj, down_proj], dropout: 0.25}
      budget: {steps: "${vars.steps}"}
      batch_tokens: 1M
      learning_rate: "${vars.rate}"
      schedule: {kind: constant, warmup: 0}
  judge:
    uses: reward
    in: {model: base, preferences: pairs}
    with: {precision: fp32, lora: "${vars.lora}", budget: {steps: 4}, batch_tokens: 1M, learning_rate: 1e-2, schedule: {kind: constant, warmup: 0}}
outputs: {base: base, start: start, tuned: tuned, dropped: dropped, judge: judge}
""" % (STEPS, LEARNING_RATE)

# Adapters of PEFT's own, over the model `base`.
ADAPTERS = {
    "all": {"target_modules": "all-linear"},
    "stabilized": {"target_modules": ["q_proj", "down_proj"], "use_rslora": True},
    "second": {"target_modules": ["v_proj", "up_proj"], "layers_to_transform": [1]},
}


def run_lehr(build, folder):
    chats = conversations(40, 1)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chats))
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in preferences(30, 2)))
    (folder / "text.txt").write_text("\n\n".join(m["content"] for c in conversations(400, 3) for m in c["messages"]))
    (folder / "p.yaml").write_text(PIPELINE)
    done = subprocess.run([build / "bin/lehr", "run", folder / "p.yaml", "--store", folder / "store",
                           "--plugin-path", build / "lib/lehr/plugins"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    losses = {}
    for stage in ("tuned", "dropped"):
        for file in (folder / "store/runs").glob(f"*/stages/{stage}/metrics.jsonl"):
            points = [json.loads(line) for line in file.read_text().splitlines()]
            losses[stage] = [p["value"] for p in points if p["name"] == "loss"]
    return chats, losses["tuned"], losses["dropped"], folder / "outputs"


def peft_losses(out, chats):
    tokenizer = AutoTokenizer.from_pretrained(out / "base")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(out / "base", dtype=torch.float32),
                                      out / "start/adapter", is_trainable=True)
    rows = []
    for chat in chats:
        r = tokenizer.apply_chat_template(chat["messages"], tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        rows.append((torch.tensor([r["input_ids"]]), torch.tensor(r["assistant_masks"][1:], dtype=torch.bool)))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=LEARNING_RATE, betas=(0.9, 0.999),
                                  eps=1e-8, weight_decay=0.0)
    losses = []
    for _ in range(STEPS):
        total = torch.zeros(())
        count = 0
        for ids, mask in rows:
            logp = model(ids).logits[0, :-1].log_softmax(-1)
            nll = -logp.gather(1, ids[0, 1:, None])[:, 0]
            total = total + nll[mask].sum()
            count += int(mask.sum())
        loss = total / count
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def ours(build, folder, ids):
    done = subprocess.run([build / "tests/model_tool", "logits", folder], input=" ".join(map(str, ids)).encode(),
                          capture_output=True, check=True)
    return torch.tensor(np.frombuffer(done.stdout, np.float32).reshape(len(ids), -1).copy())


def import_adapters(build, folder, out, ids):
    """By name: PEFT's logits, and the folder of the model that we made of base and adapter."""
    logits, stages = {}, []
    for name, more in ADAPTERS.items():
        torch.manual_seed(5)
        base = AutoModelForCausalLM.from_pretrained(out / "base", dtype=torch.float32)
        model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=6, init_lora_weights=False, **more)).eval()
        logits[name] = model(torch.tensor([ids])).logits[0]
        model.save_pretrained(folder / "adapters" / name)
        stages.append(f"  {name}: {{uses: import.model, with: {{path: outputs/base, adapter: adapters/{name}}}}}\n")
    (folder / "imports.yaml").write_text("lehr: 1\nname: imports\nstages:\n" + "".join(stages) +
                                         "outputs: {" + ", ".join(f"{n}: {n}.model" for n in ADAPTERS) + "}\n")
    done = subprocess.run([build / "bin/lehr", "run", folder / "imports.yaml", "--store", folder / "store",
                           "--plugin-path", build / "lib/lehr/plugins"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    return {name: (logits[name], out / name) for name in ADAPTERS}


def differ(name, a, b):
    error = ((a - b).abs().max() / b.abs().max()).item()
    print(f"{name:48} largest difference {error:.1e} of the largest value")
    return not error <= TOLERANCE


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        chats, our_losses, dropped_losses, out = run_lehr(build, pathlib.Path(name))
        theirs = peft_losses(out, chats)
        failed |= len(our_losses) != STEPS or not theirs[-1] < 0.8 * theirs[0]
        for step, (a, b) in enumerate(zip(our_losses, theirs)):
            good = abs(a - b) <= TOLERANCE * abs(b)
            failed |= not good
            print(f"step {step} loss: ours {a:.7f}  PEFT {b:.7f}  {'ok' if good else 'DIFFERS'}")
        # At first B is zero, so a dropout before A changes nothing; then it does, and it learns all the same.
        good = abs(dropped_losses[0] - theirs[0]) <= TOLERANCE * theirs[0] and dropped_losses[1:] != our_losses[1:]
        good = good and dropped_losses[-1] < 0.8 * dropped_losses[0]
        good = good and json.loads((out / "dropped/adapter/adapter_config.json").read_text())["lora_dropout"] == 0.25
        failed |= not good
        print(f"with dropout: loss {dropped_losses[0]:.7f} to {dropped_losses[-1]:.7f}  {'ok' if good else 'WRONG'}")

        vocab = json.loads((out / "base/config.json").read_text())["vocab_size"]
        ids = [int(i) for i in np.random.default_rng(1).integers(0, vocab, 100)]
        with torch.no_grad():
            base = AutoModelForCausalLM.from_pretrained(out / "base", dtype=torch.float32)
            adapted = PeftModel.from_pretrained(base, out / "tuned/adapter")(torch.tensor([ids])).logits[0]
            merged = AutoModelForCausalLM.from_pretrained(out / "tuned", dtype=torch.float32)(torch.tensor([ids])).logits[0]
            failed |= differ("sft: our merged model, in transformers", merged, adapted)
            failed |= differ("sft: our merged model, by ourselves", ours(build, out / "tuned", ids), adapted)
            base = AutoModelForCausalLM.from_pretrained(out / "base", dtype=torch.float32)
            adapted = PeftModel.from_pretrained(base, out / "dropped/adapter")(torch.tensor([ids])).logits[0]
            failed |= differ("sft with dropout: our merged model", ours(build, out / "dropped", ids), adapted)

            plain = ours(build, out / "base", ids)
            for adapter, (theirs, folder) in import_adapters(build, pathlib.Path(name), out, ids).items():
                failed |= differ(f"import: adapter '{adapter}', by ourselves", ours(build, folder, ids), theirs)
                failed |= bool((plain - theirs).abs().max() < 0.1)  # it does change what the model says

            scored = dict(dtype=torch.float32, num_labels=1)
            base = AutoModelForSequenceClassification.from_pretrained(out / "base", **scored)
            base.config.pad_token_id = 0
            adapted = PeftModel.from_pretrained(base, out / "judge/adapter")(torch.tensor([ids])).logits
            judge = AutoModelForSequenceClassification.from_pretrained(out / "judge", **scored)
            judge.config.pad_token_id = 0
            failed |= differ("reward: our merged model, in transformers", judge(torch.tensor([ids])).logits, adapted)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
