"""What the PyTorch sides of the training benchmarks share: the clock, models in fp32, AdamW's groups."""

import json
import os
import resource
import sys
import time

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import numpy as np
import torch
import transformers

DEVICE, BF16 = (json.loads(sys.argv[1])[name] for name in ("device", "bf16"))
ADAMW = dict(betas=(0.9, 0.95), eps=1e-8)


class Clock:
    """Seconds of each step, losses, and the end of the first step after the start of the process."""

    def __init__(self, begun):
        self.begun, self.ends, self.losses, self.tokens = begun, [], [], []

    def step(self, loss, tokens):
        self.ends.append(time.time())
        self.losses.append(float(loss))
        self.tokens.append(int(tokens))

    def report(self, **more):
        return {"losses": self.losses, "tokens": self.tokens, "seconds": np.diff(self.ends).tolist(),
                "first_step": self.ends[0] - self.begun, "whole": self.ends[-1] - self.begun, **more,
                "peak_bytes": torch.cuda.max_memory_allocated() if DEVICE == "cuda" else
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def load(task):
    return transformers.AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32).to(DEVICE)


def decayed(model, weight_decay):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    return [dict(params=matrices, weight_decay=weight_decay), dict(params=others, weight_decay=0.0)]


class Told(transformers.TrainerCallback):
    def __init__(self, clock, tokens):
        self.clock, self.tokens = clock, tokens

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            self.clock.step(logs["loss"], self.tokens(state.global_step - 1))
