"""The words and sentences of framework/text/words.h, written anew."""

import re
import unicodedata

import regex


def uax29_words(text):
    return [w for w in (part.strip() for part in regex.split(r"(?V1w)\b", text)) if w]


def sentences(text):
    """The rule of framework/text/words.h, written anew: spaCy's sentencizer over these words."""
    begins, ended, at = 1, False, 0
    for word in uax29_words(text):
        at = text.index(word, at)
        ends = len(word) == 1 and regex.fullmatch(r"\p{Sentence_Terminal}", word)
        if word == ".":
            before, after = text[:at], text[at + 1:at + 2]
            ends = not (before.endswith(".") or after == "." or re.search(r"(?<![A-Z])[A-Z]\Z", before))
        if ends:
            ended = True
        elif ended and not all(unicodedata.category(c).startswith("P") for c in word):
            begins, ended = begins + 1, False
        at += len(word)
    return begins
