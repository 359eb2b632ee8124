#!/usr/bin/env python3
"""Writes documents with planted near-duplicates as JSON Lines, as a stream: near_duplicates.py N [WORDS] > documents.jsonl
N documents of WORDS words on average (100). Every tenth is one of the thousand before it, with up to six words changed."""

import random
import sys


def documents(n, words=100, seed=1):
    """(text, the number of the text it was made from or None)"""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(30000)]
    recent = []
    for number in range(n):
        origin = None
        if recent and rng.random() < 0.1:
            origin, parts = rng.choice(recent)
            parts = parts.copy()
            for _ in range(rng.randint(0, 6)):
                parts[rng.randrange(len(parts))] = rng.choice(vocabulary)
        else:
            parts = rng.choices(vocabulary, k=rng.randint(words // 2, words * 3 // 2))
            if len(recent) < 1000:
                recent.append((number, parts))
            else:
                recent[number % 1000] = number, parts
        yield " ".join(parts), origin


def main():
    write = sys.stdout.write
    for number, (text, _) in enumerate(documents(int(sys.argv[1]), *map(int, sys.argv[2:]))):
        write(f'{{"id": "{number}", "text": "{text}"}}\n')


if __name__ == "__main__":
    main()
