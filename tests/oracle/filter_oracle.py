#!/usr/bin/env python3
"""Our Gopher quality rules against datatrove's with the same whitespace splitter: the same decision and the
same reason for every text. Run by tests/oracle/run, or: filter_oracle.py --build BUILD
Reads the glosses of the installed WordNet; everything else is generated."""

import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys

import datatrove.pipeline.filters.gopher_quality_filter as gopher
from datatrove.data import Document
from datatrove.utils.text import PUNCTUATION_SET

WORDNET = "/usr/share/wordnet"
STOP = ["the", "be", "to", "of", "and", "that", "have", "with"]
SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2007\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"


def glosses():
    if not pathlib.Path(WORDNET).exists():
        sys.exit("filter_oracle: WordNet is not installed; run tools/setup")
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(f"{WORDNET}/data.{part}", encoding="utf-8"):
            if " | " in line:
                yield line.split(" | ", 1)[1].strip()


def near_a_threshold(rng):
    """A text that fails at most one rule by a little: n words, some of them of a kind."""
    n = rng.choice([rng.randint(45, 60), rng.randint(50, 400)])
    length = rng.choice([2, 3, 3, 5, 9, 10, 11])
    words = ["".join(rng.choices("abcxyzéß中Ж", k=max(1, length + rng.randint(-1, 1)))) for _ in range(n)]
    if rng.random() < 0.8:
        for word in rng.sample(STOP, rng.randint(0, 4)):
            words[rng.randrange(n)] = word
    kinds = ["#", "#tag", "...", "…", "12", "3.5", "!", "--", "！", "።", "１", "x.", "²", "Ⅳ", "a\u0301", "\u0301"]
    for kind in rng.sample(kinds, rng.randint(0, 2)):
        for _ in range(rng.randint(0, n // 4)):
            words[rng.randrange(n)] = kind
    text, line = "", 0
    bullets, ends = rng.choice([0, 0.5, 0.88, 0.92, 1]), rng.choice([0, 0.1, 0.28, 0.32, 1])
    per_line = rng.randint(2, 15)
    for i, word in enumerate(words):
        if i % per_line == 0:
            if line:
                text += rng.choice(["", "", " ", "\t"]) if rng.random() >= ends else rng.choice(["...", "… ", "…\u3000"])
                text += rng.choice(["\n", "\n", "\r\n", "\x1c", "\u2028", "\v"])
            line += 1
            text += rng.choice(["", " "]) + rng.choice(["- ", "•", "-"]) if rng.random() < bullets else ""
        text += word + rng.choice([" ", " ", " ", rng.choice(SPACES)])
    return text


def noise(rng):
    alphabet = SPACES + "".join(sorted(PUNCTUATION_SET)) + "abcdefgh #.…•-" * 20 + "é中😀२٣ªʰ"
    text = "".join(rng.choices(alphabet, k=rng.randint(200, 1500)))
    return text + " " + " ".join(rng.sample(STOP, 3))


def texts(rng):
    lines = list(glosses())
    yield from lines
    for _ in range(4000):  # several glosses as one document
        yield rng.choice([" ", "\n", "...\n"]).join(rng.sample(lines, rng.randint(2, 20)))
    for _ in range(12000):
        yield near_a_threshold(rng)
    for _ in range(4000):
        yield noise(rng)
    yield from ["", " ", "\n", "#", "the be " * 25, "the be " * 24 + "the", "word " * 100001]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    gopher.split_into_words = lambda text, language: text.split()
    oracle = gopher.GopherQualityFilter()
    all_texts = list(texts(random.Random(args.seed)))
    expected = []
    for text in all_texts:
        verdict = oracle.filter(Document(text=text, id="0"))
        expected.append("" if verdict is True else verdict[1])
    stdin = "".join(json.dumps(text) + "\n" for text in all_texts)
    tool = args.build / "tests" / "filter_tool"
    got = subprocess.run([tool, "gopher_quality"], input=stdin, text=True, check=True,
                         stdout=subprocess.PIPE).stdout.split("\n")[:-1]
    assert len(got) == len(expected), (len(got), len(expected))
    wrong = [(t, e, g) for t, e, g in zip(all_texts, expected, got) if e != g]
    for text, e, g in wrong[:10]:
        print(f"differs: datatrove {e!r}, ours {g!r}: {text[:200]!r}")
    for reason, n in sorted(collections.Counter(expected).items()):
        print(f"{n:8} {reason or 'kept'}")
    if len(set(expected)) < 11:
        sys.exit("filter_oracle: some rule was never the reason, so it was not checked")
    print(f"gopher_quality: {len(all_texts) - len(wrong)} of {len(all_texts)} texts judged alike")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
