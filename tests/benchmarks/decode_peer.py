"""Hugging Face's side of `./tools/bench decode`; see decode_benchmark.cpp for the lines it answers.

  decode_peer.py make FOLDER JSON        a random model of that shape, with decided logits, in bf16 values
  decode_peer.py serve FOLDER KIND DTYPE THREADS DEVICE
      KIND  generate   model.generate as it comes
            tuned      a loop of its own: a static cache, torch.compile, the head on the last token only"""

import json
import os
import sys
import time

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import warnings

warnings.simplefilter("ignore", FutureWarning)
import torch
import transformers

PROMPT_TOKENS = 32


def make(folder, shape):
    torch.manual_seed(7)
    config = transformers.LlamaConfig(**json.loads(shape), initializer_range=0.1, bos_token_id=None, eos_token_id=None)
    transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)


def prompts(batch, vocabulary):
    return torch.tensor([[(i * 7919 + t * 104729 + 11) % vocabulary for t in range(PROMPT_TOKENS)] for i in range(batch)])


def generate(model, device):
    def answer(ids, tokens):
        return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens,
                              do_sample=False)[:, ids.shape[1]:]
    return answer


def tuned(model, device):
    step = torch.compile(lambda ids, cache, at: model(input_ids=ids, past_key_values=cache, cache_position=at,
                                                      position_ids=at[None], logits_to_keep=1).logits[:, -1].argmax(-1),
                         mode="reduce-overhead" if device == "cuda" else None)  # CUDA graphs
    caches = {}

    def answer(ids, tokens):
        key = (ids.shape[0], ids.shape[1] + tokens)
        if key not in caches:
            caches[key] = transformers.StaticCache(config=model.config, max_cache_len=key[1])
        cache = caches[key]
        cache.reset()
        at = torch.arange(ids.shape[1], device=ids.device)
        next_ids = model(input_ids=ids, past_key_values=cache, cache_position=at, position_ids=at[None],
                         logits_to_keep=1).logits[:, -1].argmax(-1)
        out = [next_ids]
        for i in range(tokens - 1):
            next_ids = step(next_ids[:, None], cache, torch.tensor([ids.shape[1] + i], device=ids.device))
            out.append(next_ids.clone())  # a CUDA graph writes where it wrote before
            next_ids = out[-1]
        return torch.stack(out, 1)
    return answer


def serve(folder, kind, dtype, threads, device):
    torch.set_num_threads(int(threads))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(device).eval()
    answer = {"generate": generate, "tuned": tuned}[kind](model, device)
    with torch.no_grad():
        for line in sys.stdin:
            what, batch, tokens = line.split()
            ids = prompts(int(batch), model.config.vocab_size)
            start = time.perf_counter()
            out = answer(ids.to(device), int(tokens)).cpu()
            seconds = time.perf_counter() - start
            if what == "ids":
                print(*out.flatten().tolist(), flush=True)
            else:
                print(out.numel() / seconds, flush=True)


{"make": make, "serve": serve}[sys.argv[1]](*sys.argv[2:])
