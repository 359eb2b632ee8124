#!/usr/bin/env python3
"""Our ids against tiktoken's (merging by rank) and Hugging Face's tokenizers (lists of merges) for vocabularies in use:
r50k, cl100k, o200k, Qwen, a tokenizer.json with several splits that takes a regular expression engine, and cl100k and o200k
in a tokenizer.json as Llama 3 has one: cut by its expression, with ignore_merges, and with a token before every text.
Run by tests/oracle/run, or: encoding_oracle.py --build BUILD [--texts N]"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "benchmarks"))
import vocabularies  # noqa: E402

import tiktoken  # noqa: E402
from tokenizers import Tokenizer, normalizers  # noqa: E402

LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PREFIX = r"[^\r\n\p{L}\p{N}]?"
TIKTOKEN = {  # as tiktoken_ext.openai_public and Qwen's own code write them
    "gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
    "cl100k_tiktoken": r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"""
                       r"""| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
    "cl100k": rf"{ENDINGS}|{LETTERS}|\p{{N}}{{1,3}}|{TAIL}",
    "qwen2": rf"{ENDINGS}|{LETTERS}|\p{{N}}|{TAIL}",
    "o200k": rf"{PREFIX}{UPPER}*{LOWER}+{ENDINGS}?|{PREFIX}{UPPER}+{LOWER}*{ENDINGS}?|\p{{N}}{{1,3}}"
             r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\p{L}+|\p{N}{2}|[^\p{L}]": r"\p{L}+|\p{N}{2}|[^\p{L}]",  # one that is not scanned by hand
}
OFTEN = ["'s", "'S", "'\u017f", "'re", "'LL", "'vE", "'d", "''s", "\u2019s", "1", "12", "12345", "\u0661\u0662\u0663\u0664",
         "\u00bd", "the", " The", "HTTPServer", " iPhone", "A\u3042BC", "e\u0301", "\u0301", "\u01c5", "/", "//\n/", "...\n\n",
         "!?", "\u00e9t\u00e9", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ufb06", "\u0130", "\u212a",
         "'\u212a", "\u4e2d\u6587", "\u65e5\u672c\u8a9e", "\ud55c\uad6d\uc5b4", "\u0440\u0443\u0441", "\u0915\u094d\u0937",
         "aaaaaaa", "return x;", "\t\tif (a[i] != '\\0') {\n", "https://a.b/c?d=e&f", "<|im_", "\x00", "\x7f"]
SPACES = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\x1c", "\x85", "\u200b", " \n ", "\n\n  "]
# Unicode itself: characters that exist since before any of the three programs' tables.
KNOWN = [chr(c) for c in range(0x110000)
         if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co") and unicodedata.ucd_3_2_0.category(chr(c)) != "Cn"]

failures = 0


def check(name, equal, detail=""):
    global failures
    failures += not equal
    print(f"{'ok  ' if equal else 'FAIL'} {name} {'' if equal else detail}", flush=True)


def texts_of(seed, count):
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(0, 40)):
            kind = rng.random()
            if kind < 0.25:
                parts.append(rng.choice(SPACES) * rng.choice((1, 1, 1, 2, 3, 70)))
            elif kind < 0.6:
                parts.append(rng.choice(OFTEN))
            elif kind < 0.75:
                parts.append(rng.choice(KNOWN) * rng.choice((1, 2, 3, 40)))
            elif kind < 0.9:
                parts.append("".join(rng.choice(KNOWN) for _ in range(rng.randint(1, 8))))
            else:
                parts.append("".join(chr(rng.randint(32, 126)) for _ in range(rng.randint(1, 100))))
        made.append("".join(parts))
    return made


def long_runs(seed):
    """Words, white space and signs of thousands of characters: of one, of two in turn, and at random."""
    rng = random.Random(seed)
    alphabets = ["a", "ab", "the", "abcdefghijklmnopqrstuvwxyz", "AB", "aB", "\u00e9", "\u0430\u0431\u0432", "\u4e2d\u6587", "\U0001f600", "e\u0301",
                 "0", "0123456789", " ", "\n", " \n", "\t ", "=", "-=", "/", "!?.", "'s", "\u3000"]
    made = []
    for alphabet in alphabets:
        for size in (300, 1000, 3000):
            some = alphabet * size if rng.random() < 0.5 else "".join(rng.choices(alphabet, k=size))
            made += [some, rng.choice(OFTEN) + some + rng.choice(OFTEN)]
    return made


def glosses(count):
    lines = open("/usr/share/wordnet/data.noun", encoding="utf-8").read().split("\n")
    return [line.split(" | ", 1)[1] for line in lines if " | " in line][:count]


class Ours:
    def __init__(self, build, folder):
        self.tool, self.folder = build / "tests/tokenizer_tool", folder

    def import_ranks(self, file, pattern):
        subprocess.run([self.tool, "import", file, pattern, self.folder], check=True)

    def encode(self, texts):
        stdin = "".join(json.dumps(t) + "\n" for t in texts)
        out = subprocess.run([self.tool, "encode", self.folder, "as_text"], input=stdin, text=True, check=True,
                             stdout=subprocess.PIPE).stdout
        return [json.loads(line) for line in out.splitlines()]


def compare(name, texts, got, expected):
    wrong = [i for i, (a, b) in enumerate(zip(got, expected)) if a != b]
    ids = sum(map(len, expected))
    detail = f"{len(wrong)} differ, first {texts[wrong[0]]!r}: {got[wrong[0]]} / {expected[wrong[0]]}" if wrong else ""
    check(f"{name}: {len(texts)} texts, {ids} ids", not wrong and len(got) == len(expected), detail)


def check_ranks(ours, file, pattern, texts):
    ranks = vocabularies.ranks_of(file)
    theirs = tiktoken.Encoding("theirs", pat_str=TIKTOKEN[pattern], mergeable_ranks=ranks, special_tokens={})
    ours.import_ranks(file, pattern)
    expected = theirs.encode_ordinary_batch(texts, num_threads=1)
    compare(f"{file.stem} cut by {pattern} against tiktoken", texts, ours.encode(texts), expected)
    return expected


def check_json(ours, name, texts, merged_by_rank=None, eos=None):
    """Hugging Face's tokenizers on the tokenizer.json we write, or that is given; ours by its list of merges."""
    theirs = Tokenizer.from_file(str(ours.folder / "tokenizer.json"))
    theirs.encode_special_tokens = True
    config = ours.folder / "tokenizer_config.json"
    config.write_text(json.dumps({"eos_token": eos} if eos else {}))  # ours says to merge by rank
    expected = [e.ids for e in theirs.encode_batch_fast(texts, add_special_tokens=False)]
    compare(f"{name} as tokenizer.json against Hugging Face", texts, ours.encode(texts), expected)
    if merged_by_rank:
        different = sum(a != b for a, b in zip(expected, merged_by_rank))
        print(f"     {different} of these texts have other ids by their list of merges than by rank")


def byte_characters():
    """The byte alphabet of tokenizer.json."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def llama_json(ranks):
    """The ranks as transformers converts those of Llama 3: every way to make a token of two others is a merge, in the order of
    ranks, and a pre-token that is a token stays whole (ignore_merges)."""
    characters = byte_characters()
    written = {token: "".join(characters[b] for b in token) for token in ranks}
    merges = []
    for token in sorted(ranks, key=ranks.get):
        ways = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        merges += sorted(ways, key=lambda way: (ranks[way[0]], ranks[way[1]]))
    first = max(ranks.values()) + 1
    begin, end = "<|begin_of_text|>", "<|end_of_text|>"
    text, before = {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": begin, "type_id": 0}}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": TIKTOKEN["cl100k"]}, "behavior": "Isolated", "invert": False}
    template = {"type": "TemplateProcessing", "single": [before, text], "pair": [before, text, before, text],
                "special_tokens": {begin: {"id": begin, "ids": [first], "tokens": [begin]}}}
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "decoder": byte_level,
            "added_tokens": [{"id": first + i, "content": content} | added for i, content in enumerate((begin, end))],
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
            "post_processor": {"type": "Sequence", "processors": [byte_level, template]},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                      "vocab": {written[token]: rank for token, rank in ranks.items()},
                      "merges": [[written[left], written[right]] for left, right in merges]}}


def check_llama(ours, file, texts):
    """Every token is a text of its own, too. Then without the merges of the last ones: only ignore_merges finds them."""
    ranks = vocabularies.ranks_of(file)
    made = llama_json(ranks)
    texts = texts + [t for t in (token.decode(errors="ignore") for token in ranks) if t]
    path = ours.folder / "tokenizer.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    tiktokens = tiktoken.Encoding("theirs", pat_str=TIKTOKEN["cl100k"], mergeable_ranks=ranks, special_tokens={})
    check_json(ours, f"{file.stem} written as Llama 3's", texts, tiktokens.encode_ordinary_batch(texts, num_threads=1))
    begun = Tokenizer.from_file(str(path)).encode(texts[0]).ids
    check(f"{file.stem}: theirs begins a text with {begun[0]}, ours does not",
          begun == [len(ranks)] + ours.encode(texts[:1])[0] and len(ranks) == max(ranks.values()) + 1)
    model = made["model"]
    del model["merges"][-len(model["merges"]) // 5:]
    path.write_text(json.dumps(made), encoding="utf-8")
    check_json(ours, f"{file.stem}, a fifth of its merges left out,", texts)
    kept = Tokenizer.from_file(str(path)).encode_batch_fast(texts)
    model["ignore_merges"] = False
    merged = Tokenizer.from_str(json.dumps(made)).encode_batch_fast(texts)
    different = sum(a.ids != b.ids for a, b in zip(kept, merged))
    check(f"{file.stem}: ignore_merges decides the ids of {different} of them", different > len(ranks) // 20)


def check_nfc(ours, name, texts):
    path = ours.folder / "tokenizer.json"
    theirs = Tokenizer.from_file(str(path))
    theirs.normalizer = normalizers.NFC()
    theirs.save(str(path))
    check_json(ours, f"{name}, NFC,", texts)


def check_long(ours, file, pattern):
    """Ten megabytes of one letter, and of white space: ids that decode to it, in time that grows as n log n."""
    ours.import_ranks(file, pattern)
    theirs = tiktoken.Encoding("theirs", pat_str=TIKTOKEN[pattern], mergeable_ranks=vocabularies.ranks_of(file),
                               special_tokens={})
    for what, text in (("letter", "a" * (10 << 20)), ("space", " " * (10 << 20)), ("line end", "\n" * (10 << 20))):
        start = time.perf_counter()
        got = ours.encode([text])[0]
        took = time.perf_counter() - start
        check(f"{file.stem}: 10 MiB of one {what}: {len(got)} ids in {took:.1f} s",
              took < 60 and theirs.decode(got) == text, "not the text, or far too slow")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--vocabularies", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / ".deps/vocabularies")
    arguments = parser.parse_args()
    folder = vocabularies.fetch(arguments.vocabularies)
    texts = texts_of(23, arguments.texts) + long_runs(24) + glosses(arguments.texts // 4)
    with tempfile.TemporaryDirectory() as scratch:
        ours = Ours(arguments.build.resolve(), pathlib.Path(scratch) / "ours")
        for name, pattern in vocabularies.RANKS.items():
            expected = check_ranks(ours, folder / f"{name}.tiktoken", pattern, texts)
            if pattern == "cl100k_tiktoken":  # its $ is the end of a line to Hugging Face's engine, ours is not
                check_json(ours, name, texts, expected)
                check_ranks(ours, folder / f"{name}.tiktoken", "cl100k", texts)
                expected = None
            check_json(ours, name, texts, expected)
            if pattern == "qwen2":
                check_nfc(ours, name, texts)
        check_ranks(ours, folder / "cl100k_base.tiktoken", r"\p{L}+|\p{N}{2}|[^\p{L}]", texts[:2000])
        check_long(ours, folder / "cl100k_base.tiktoken", "cl100k_tiktoken")
        for name in ("cl100k_base", "o200k_base"):
            check_llama(ours, folder / f"{name}.tiktoken", texts)
        (ours.folder / "tokenizer.json").write_bytes((folder / vocabularies.DEEPSEEK).read_bytes())
        check_json(ours, "DeepSeek's, three splits,", texts, eos="<｜end▁of▁sentence｜>")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
