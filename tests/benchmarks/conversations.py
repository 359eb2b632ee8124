"""Conversations, preferences and prompts of realistic lengths: log-normal, most answers a few sentences, some long, so that
batches of eight in random order are about half padding."""

import json
import random


class Sayings:
    """Pieces of the words of the file `text`."""

    def __init__(self, text, seed):
        self.rng, self.words = random.Random(seed), text.read_text(encoding="utf-8").replace("\0", " ").split()

    def say(self, median, sigma, most):
        size = max(3, min(most, round(median * self.rng.lognormvariate(0, sigma))))
        at = self.rng.randrange(len(self.words) - size)
        return " ".join(self.words[at:at + size])

    def question(self):
        return {"role": "user", "content": self.say(12, 0.7, 60)}

    def answer(self):
        return {"role": "assistant", "content": self.say(30, 0.9, 120)}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_conversations(text, path, count, seed):
    """One exchange or two each."""
    said = Sayings(text, seed)
    rows = []
    for _ in range(count):
        rows.append({"messages": []})
        for _ in range(1 if said.rng.random() < 0.8 else 2):
            rows[-1]["messages"] += [said.question(), said.answer()]
    write(path, rows)


def write_preferences(text, path, count, seed):
    said = Sayings(text, seed)
    write(path, [{"prompt": [said.question()], "chosen": [said.answer()], "rejected": [said.answer()]} for _ in range(count)])


def write_prompts(text, path, count, seed):
    said = Sayings(text, seed)
    write(path, [{"prompt": [said.question()]} for _ in range(count)])
