#!/usr/bin/env python3
"""Our filters against datatrove's: the same decision, reason and rewritten text for every text. Both cut words the same
way: at whitespace, or at Unicode's word boundaries, which are held against the module regex. Also prints how often
decisions are those of datatrove with its own splitter (spaCy's).  Run by tests/oracle/run, or:
    filter_oracle.py --build BUILD [check ...]"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import unicodedata
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent / "corpus"))
os.environ.setdefault("LOGURU_LEVEL", "WARNING")
warnings.filterwarnings("ignore")

import regex  # noqa: E402
from datatrove.data import Document  # noqa: E402
from datatrove.pipeline.filters import (C4ParagraphFilter, C4QualityFilter, FineWebQualityFilter,  # noqa: E402
                                        GopherQualityFilter, GopherRepetitionFilter)
from datatrove.pipeline.filters import c4_filters, fineweb_quality_filter, gopher_quality_filter  # noqa: E402
from datatrove.pipeline.filters import gopher_repetition_filter  # noqa: E402
from datatrove.utils import text as datatrove_text  # noqa: E402

import filter_texts  # noqa: E402

# Reasons that are no names.
NAMED = {"< 3 paragraphs": "too_few_paragraphs"}


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


def verdict(oracle, text):
    """{"reason"} or {"text"} or None, as filter_tool prints them."""
    document = Document(text=text, id="0")
    result = oracle.filter(document)
    kept, reason = result if isinstance(result, tuple) else (result, None)
    if not kept:
        return {"reason": NAMED.get(reason, reason)}
    return {"text": document.text} if document.text != text else None


class Checks:
    def __init__(self, build, texts):
        self.build, self.texts, self.wrong = build, texts, []

    def tool(self, *arguments, texts=None):
        stdin = "".join(json.dumps(text) + "\n" for text in (self.texts if texts is None else texts))
        command = [self.build / "tests/filter_tool", *arguments]
        out = subprocess.run(command, input=stdin, text=True, check=True, stdout=subprocess.PIPE).stdout
        return [json.loads(line) for line in out.split("\n")[:-1]]

    def step(self, name, texts=None, **parameters):
        plugin = self.build / "lib/lehr/plugins/filter.so"
        return self.tool("step", plugin, name, json.dumps(parameters), texts=texts)

    def compare(self, what, expected, got, reasons=0, texts=None):
        """reasons: how many different ones there must be, or some rule was not checked."""
        texts = self.texts if texts is None else texts
        assert len(expected) == len(got) == len(texts), (len(expected), len(got), len(texts))
        wrong = [(t, e, g) for t, e, g in zip(texts, expected, got) if e != g]
        for text, e, g in wrong[:5]:
            print(f"  {what}: oracle {str(e)[:300]!r}, ours {str(g)[:300]!r}: {text[:300]!r}")
        found = collections.Counter(e["reason"] if isinstance(e, dict) and "reason" in e else "" for e in expected)
        if len(found) - ("" in found) < reasons:
            wrong.append(f"{what}: only these reasons came up: {found}")
            print(wrong[-1])
        print(f"{what}: {len(texts) - len(wrong)} of {len(texts)} texts alike", flush=True)
        self.wrong += [what] if wrong else []

    # ---- words ----

    def words(self):
        assigned = [t for t in self.texts if not any(unicodedata.category(c) == "Cn" for c in t)]
        self.compare("words", [uax29_words(t) for t in assigned], self.tool("words", "uax29", texts=assigned), texts=assigned)
        self.compare("whitespace words", [t.split() for t in self.texts], self.tool("words", "whitespace"))
        self.compare("sentences", [sentences(t) for t in assigned], self.tool("sentences", texts=assigned), texts=assigned)

    # ---- rules ----

    RULES = [("gopher_quality", GopherQualityFilter, 10), ("gopher_repetition", GopherRepetitionFilter, 14),
             ("fineweb_quality", FineWebQualityFilter, 5), ("c4_paragraph", C4ParagraphFilter, 1)]

    def rules(self):
        for splitter in ("whitespace", "uax29"):
            words = dict(zip(self.texts, self.tool("words", splitter)))
            for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
                module.split_into_words = lambda text, language: words[text]
            for name, oracle, reasons in self.RULES:
                parameters = {} if name == "c4_paragraph" else {"word_splitter": splitter}
                judge = oracle()
                self.compare(f"{name} ({splitter})", [verdict(judge, t) for t in self.texts],
                             self.step(name, **parameters), reasons)

    def c4(self):
        c4_filters.split_into_sentences = lambda text, language: range(sentences(text))
        for options, parameters in [({}, {}), ({"filter_no_terminal_punct": False}, {"terminal_punctuation": False}),
                                    ({"remove_citations": False, "min_num_sentences": 2, "min_words_per_line": 1, "filter_policy": False},
                                     {"remove_citations": False, "min_sentences": 2, "min_words_per_line": 1, "drop_policy": False})]:
            judge = C4QualityFilter(**options)
            self.compare(f"c4_quality {parameters or ''}", [verdict(judge, t) for t in self.texts],
                         self.step("c4_quality", **parameters), 3)

    # ---- how far from spaCy ----

    def spacy(self):
        texts = [t for t in self.texts if 200 < len(t) < 6000][::8]
        split = datatrove_text.split_into_words
        for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
            module.split_into_words = split
        c4_filters.split_into_sentences = datatrove_text.split_into_sentences
        for name, oracle, _ in self.RULES[:3] + [("c4_quality", C4QualityFilter, 0)]:
            judge = oracle()
            expected = [verdict(judge, t) for t in texts]
            for splitter in ("uax29", "whitespace") if name != "c4_quality" else (None,):
                got = self.step(name, texts=texts, **({"word_splitter": splitter} if splitter else {}))
                kept = sum((e is None or "text" in e) == (g is None or "text" in g) for e, g in zip(expected, got))
                same = sum(e == g for e, g in zip(expected, got))
                print(f"{name} ({splitter or 'sentences'}) beside datatrove with spaCy: of {len(texts)} texts "
                      f"{kept / len(texts):.1%} decided alike, {same / len(texts):.1%} with the same reason and text", flush=True)

    ALL = ["words", "rules", "c4", "spacy"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="how many texts: 1 for about 9,000")
    parser.add_argument("checks", nargs="*", default=Checks.ALL)
    args = parser.parse_args()
    checks = Checks(args.build, filter_texts.texts(args.seed, args.scale))
    for name in args.checks:
        getattr(checks, name)()
    if checks.wrong:
        sys.exit(f"filter_oracle: differences in {', '.join(checks.wrong)}")


if __name__ == "__main__":
    main()
