"""Conversations of realistic lengths: log-normal, most answers a few sentences, some long, so that batches of eight in
random order are about half padding."""

import json
import random


def write_conversations(text, path, count, seed):
    """`count` conversations made of the words of the file `text`, one exchange or two each."""
    rng = random.Random(seed)
    words = text.read_text(encoding="utf-8").replace("\0", " ").split()

    def say(median, sigma, most):
        size = max(3, min(most, round(median * rng.lognormvariate(0, sigma))))
        at = rng.randrange(len(words) - size)
        return " ".join(words[at:at + size])

    with open(path, "w", encoding="utf-8") as out:
        for _ in range(count):
            messages = []
            for _ in range(1 if rng.random() < 0.8 else 2):
                messages.append({"role": "user", "content": say(12, 0.7, 60)})
                messages.append({"role": "assistant", "content": say(30, 0.9, 120)})
            out.write(json.dumps({"messages": messages}) + "\n")
