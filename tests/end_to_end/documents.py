#!/usr/bin/env python3
"""Documents through files.documents, as a user's files come: every kind of bad input ends in a clear error or a count; a
corpus several times larger than the memory allowed goes through it, through filter and through minhash; threads change no
byte; a pass that is killed goes on.

  documents.py LEHR [--corpus 200] [--kills 3]      megabytes of the large corpus, kills of the pass over it"""

import argparse
import gzip
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROW = '{"id": "%s", "text": "%s"}\n'
GOOD = ROW % ("g", "a good document")
BIG = "x" * (3 << 20)
LIMIT = 3 * 2 * 48 << 20  # bytes that a stage with two threads may hold, whatever the corpus
DEEP = '{"text": "t", "deep": ' + "[" * 100000 + "]" * 100000 + "}\n"


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def gz(data):
    return gzip.compress(data, mtime=0)


# name: (file name, content, parameters, what the error says, or the results that are expected)
CASES = {
    "not JSON": ("a.jsonl", GOOD + '{"text": \n', {}, "a.jsonl:2: malformed JSON"),
    "not JSON, dropped": ("a.jsonl", GOOD + '{"text": \n', {"malformed": "drop"}, {"dropped/malformed": 1}),
    "a list": ("a.jsonl", "[1]\n", {}, "a.jsonl:1: the line is not a JSON object"),
    "no text": ("a.jsonl", GOOD + '{"id": "x"}\n', {}, "a.jsonl:2: there is no member 'text'"),
    "text is a number": ("a.jsonl", '{"text": 7}\n', {}, "a.jsonl:1: member 'text' is not a string"),
    "other field": ("a.jsonl", GOOD, {"text_field": "body"}, "a.jsonl:1: there is no member 'body'"),
    "deep": ("a.jsonl", DEEP, {}, "a.jsonl:1: malformed JSON"),
    "deep, dropped": ("a.jsonl", DEEP + GOOD, {"malformed": "drop"}, {"dropped/malformed": 1, "documents_train": 1}),
    "NUL between rows": ("a.jsonl", GOOD + "\0\n", {}, "a.jsonl:2: malformed JSON"),
    "NUL escaped": ("a.jsonl", ROW % ("n", "a\\u0000b"), {}, {"documents_train": 1}),
    "NUL in text": ("a.txt", "a\0b", {}, "a.txt:1: a NUL byte"),
    "not UTF-8": ("a.jsonl", GOOD.encode() + b'{"text": "caf\xe9"}\n', {}, "a.jsonl:2: the line is not valid UTF-8"),
    "not UTF-8, replaced": ("a.jsonl", b'{"text": "caf\xe9"}\n', {"invalid_utf8": "replace"}, {"replaced/invalid_utf8": 1}),
    "not UTF-8, dropped": ("a.jsonl", GOOD.encode() + b'{"text": "caf\xe9"}\n', {"invalid_utf8": "drop"},
                           {"dropped/invalid_utf8": 1}),
    "half a surrogate": ("a.jsonl", '{"text": "\\ud800"}\n', {}, "a.jsonl:1: a \\u escape is half of a surrogate pair"),
    "UTF-16": ("a.txt", "text".encode("utf-16"), {}, "a.txt:1: the file is UTF-16"),
    "UTF-16, said so": ("a.txt", "text".encode("utf-16"), {"encoding": "utf-16"}, {"documents_train": 1}),
    "Latin-1, said so": ("a.txt", "café".encode("latin-1"), {"encoding": "latin-1"}, {"documents_train": 1, "text_bytes": 5}),
    "UTF-8 with a mark": ("a.jsonl", b"\xef\xbb\xbf" + GOOD.encode(), {}, {"documents_train": 1}),
    "empty": ("a.jsonl", "", {}, "there is no document in '"),
    "empty gzip": ("a.jsonl.gz", gz(b""), {}, "there is no document in '"),
    "blank lines": ("a.jsonl", "\n\r\n  \n" + GOOD, {}, {"documents_train": 1}),
    "gzip cut short": ("a.jsonl.gz", gz(GOOD.encode() * 9)[:-9], {}, "a.jsonl.gz: ends in the middle of its compressed data"),
    "gzip damaged": ("a.jsonl.gz", gz(GOOD.encode() * 9)[:-6] + b"\1\2\3\4\5\6", {}, "a.jsonl.gz: damaged gzip data"),
    "gzip and rubbish": ("a.jsonl.gz", gz(GOOD.encode()) + b"rubbish", {}, "a.jsonl.gz: damaged gzip data"),
    "zstd cut short": ("a.jsonl.zst", zstd(GOOD.encode() * 9)[:-3], {}, "a.jsonl.zst: ends in the middle"),
    "zstd damaged": ("a.jsonl.zst", zstd(GOOD.encode() * 9)[:-4] + b"\0\0\0\0", {}, "a.jsonl.zst: damaged zstd data"),
    "many gzip members": ("a.jsonl.gz", gz(GOOD.encode()) * 50, {}, {"documents_train": 50}),
    "many zstd frames": ("a.jsonl.zst", zstd(GOOD.encode()) * 50, {}, {"documents_train": 50}),
    "line too long": ("a.jsonl", GOOD + ROW % ("b", BIG), {"max_document_bytes": 2 << 20}, "a.jsonl:2: the document that begins"),
    "line too long, dropped": ("a.jsonl", GOOD + ROW % ("b", BIG) + GOOD, {"max_document_bytes": 2 << 20, "malformed": "drop"},
                               {"dropped/too_long": 1, "documents_train": 2}),
    "csv without the column": ("a.csv", "id,body\n1,x\n", {}, "the columns are 'id', 'body'. Set text_field"),
    "csv, a field too few": ("a.csv", "id,text\n1,x\n2\n", {}, "a.csv:3: the row has 1 fields, not 2"),
    "csv, open quote": ("a.csv", 'id,text\n1,"x\n2,y\n', {}, "a.csv:2: a quoted field is never closed"),
    "csv, line ends in quotes": ("a.csv", 'id,text\n1,"x\ny\r\nz"\n2,y\n', {}, {"documents_train": 2, "text_bytes": 7}),
    "csv, header alone": ("a.csv", "id,text\n", {}, "there is no document in '"),
    "unknown form": ("a.pdf", "x", {}, "a.pdf' is not known; known are .jsonl"),
}


class Shop:
    def __init__(self, lehr, folder):
        self.lehr, self.folder, self.count = lehr, folder, 0

    def pipeline(self, parameters, threads=2, then=()):
        """then: stages ("uses", parameters) over the documents, one after the other"""
        self.count += 1
        path = self.folder / f"p{self.count}.yaml"
        stages = {"source": {"uses": "files.documents", "resources": {"threads": threads}, "with": parameters}}
        for uses, further in then:
            stages[uses] = {"uses": uses, "in": {"documents": list(stages)[-1]}, "resources": {"threads": threads},
                            "with": further}
        path.write_text(json.dumps({"lehr": 1, "name": "documents", "stages": stages}))
        return path

    def command(self, pipeline, store):
        return [self.lehr, "run", pipeline, "--store", store, "--json"]

    def run(self, parameters, threads=2, data_bytes=None, store=None, then=()):
        """(exit code, everything printed, results, of all stages where there are several)"""
        store = store or self.folder / f"s{self.count}"
        limit = data_bytes and (lambda: resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes)))
        done = subprocess.run(self.command(self.pipeline(parameters, threads, then), store), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, preexec_fn=limit)
        results = {}
        for path in (store / "results").glob("*.json"):
            results.update({name: entry["value"] if isinstance(entry, dict) else entry
                            for name, entry in json.loads(path.read_text())["results"].items()})
        return done.returncode, done.stdout, results

    def digest(self, store):
        return sorted(p.name for p in (store / "artifacts").iterdir())


def check_bad_input(shop):
    wrong = []
    for name, (file, content, parameters, wanted) in CASES.items():
        data = shop.folder / "bad" / name.replace(" ", "_").replace(",", "")
        data.mkdir(parents=True)
        (data / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        code, said, results = shop.run({"train": [str(data / file)], **parameters}, data_bytes=400 << 20)
        if isinstance(wanted, str):
            ok = code in (1, 3) and wanted in said.replace("\\\\", "\\")
        else:
            ok = code == 0 and all(results.get(key) == value for key, value in wanted.items())
        if not ok:
            wrong.append(f"{name}: exit code {code}, wanted {wanted}, got {results or said[-800:]}")
    print(f"{len(CASES)} kinds of bad input, {len(wrong)} wrong")
    return wrong


def write_corpus(path, megabytes):
    """In frames that say their size, which threads decompress ahead. Returns how long it is."""
    rng = random.Random(1)
    words = ["".join(rng.choice("abcdefghijklmnop") for _ in range(rng.randint(1, 9))) for _ in range(5000)]
    size, number = 0, 0
    with open(path, "wb") as out:
        while size < megabytes << 20:
            rows = [ROW % (i, " ".join(rng.choices(words, k=rng.randint(10, 2000)))) for i in range(number, number + 1000)]
            frame = "".join(rows).encode()
            out.write(zstd(frame, "-1", f"--stream-size={len(frame)}"))
            size, number = size + len(frame), number + len(rows)
    return size


def check_memory(shop, corpus, corpus_bytes):
    """A corpus of three times LIMIT, also through filter and minhash, a bomb of 1 GiB in a few kilobytes, and a line of 512
    MiB, each in LIMIT for lehr's processes."""
    wrong = []
    large = shop.folder / "large.jsonl.zst"
    with open(large, "wb") as out:  # the corpus, as often as that takes
        for _ in range(-(-3 * LIMIT // corpus_bytes)):
            with open(corpus, "rb") as part:
                shutil.copyfileobj(part, out)
    bomb = shop.folder / "bomb.jsonl.zst"
    line = (GOOD * (1 << 14)).encode()
    frame = zstd(line * 64)
    bomb.write_bytes(frame * ((1 << 30) // (len(line) * 64)))
    long = shop.folder / "long.jsonl.zst"
    with subprocess.Popen(["zstd", "-q", "-1", "-o", long], stdin=subprocess.PIPE) as compressor:
        compressor.stdin.write(b'{"text": "')
        for _ in range(1 << 9):
            compressor.stdin.write(b"x" * (1 << 20))
        compressor.stdin.write(b'"}\n' + GOOD.encode())
        compressor.stdin.close()
    then = (("filter", {"steps": ["fineweb_quality", {"regex": {"pattern": "^never$"}}]}), ("minhash", {"memory": 1 << 20}))
    for name, path, stages, wanted in (("corpus", large, then, None), ("bomb", bomb, (), None),
                                       ("long line", long, (), "has more than 67108864 bytes")):
        begin = time.monotonic()
        code, said, results = shop.run({"train": [str(path)]}, data_bytes=LIMIT, then=stages)
        ok = wanted in said and code == 1 if wanted else code == 0 and results["documents_train"] > 0
        print(f"{name}: {path.stat().st_size >> 10} KiB, {int(results.get('text_bytes', 0)) >> 20} MiB of text in "
              f"{LIMIT >> 20} MiB, {time.monotonic() - begin:.1f} s")
        if not ok:
            wrong.append(f"{name} in {LIMIT >> 20} MiB: exit code {code}: {said[-800:]}")
    code, said, results = shop.run({"train": [str(long)], "malformed": "drop"}, data_bytes=LIMIT)
    if code != 0 or results.get("dropped/too_long") != 1 or results["documents_train"] != 1:
        wrong.append(f"long line dropped: exit code {code}: {results} {said[-800:]}")
    return wrong


def check_threads_and_kills(shop, corpus, kills, rng):
    parameters = {"train": [str(corpus)], "eval_fraction": 0.05, "shard_bytes": 10_000_000, "commit_every": 8 << 20}
    reference = shop.folder / "reference"
    code, said, _ = shop.run(parameters, threads=1, store=reference)
    if code != 0:
        return [f"with one thread: {said[-800:]}"]
    wrong, landed = [], 0
    store = shop.folder / "killed"
    states = lambda: {p.name for p in (store / "work").glob("*/state/*")}
    for _ in range(kills):
        process = subprocess.Popen(shop.command(shop.pipeline(parameters, threads=2), store), stdout=subprocess.DEVNULL)
        before, wait = states(), rng.random() * 0.05
        while process.poll() is None and states() <= before:  # until it has left a new state
            time.sleep(0.001)
        time.sleep(wait)
        landed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    resumed_at = [p for p in (store / "work").glob("*/state/*")] if (store / "work").exists() else []
    code, said, _ = shop.run(parameters, threads=2, store=store)
    if code != 0 or shop.digest(store) != shop.digest(reference):
        wrong.append(f"killed {landed} times: exit code {code}, {shop.digest(store)}, not {shop.digest(reference)}")
    if landed == 0 or not resumed_at:
        wrong.append(f"{landed} kills landed, {len(resumed_at)} left a state: the corpus is too small to be a test")
    print(f"{landed} kills, {len(resumed_at)} states, {'the same bytes' if not wrong else 'WRONG'} with one thread and with two")
    return wrong


def check_mix(shop, corpus):
    """A mix larger than its memory: the same bytes through files as in memory, with one thread and with two, and killed."""
    wrong, digests = [], {}
    for name, memory, threads, kill in (("in memory", 1 << 30, 1, False), ("through files", 1 << 20, 2, False),
                                        ("killed", 4 << 20, 2, True)):
        store, pipeline = shop.folder / f"mix {name}", shop.folder / f"mix {name}.yaml"
        source = {"uses": "files.documents", "with": {"train": [str(corpus)], "eval_fraction": 0.01}}
        pipeline.write_text(json.dumps({"lehr": 1, "name": "mix", "seed": 3, "stages": {
            "large": source, "small": {"uses": "files.documents", "with": {"train": ["small.jsonl"]}},
            "mixed": {"uses": "mix.documents", "in": {"documents": ["large", "small"]}, "resources": {"threads": threads},
                      "with": {"sources": [{"from": "large", "weight": 4}, {"from": "small", "weight": 1, "max_epochs": 2000000}],
                               "total": 50_000_000, "shards": 3, "memory": memory}}}}))
        if kill:
            process = subprocess.Popen(shop.command(pipeline, store), stdout=subprocess.PIPE, text=True)
            for event in process.stdout:
                if '"mixed"' in event and '"progress"' in event:
                    break
            process.kill()
            process.communicate()
        limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (2 << 30 if memory > 1 << 29 else 400 << 20,) * 2)
        done = subprocess.run(shop.command(pipeline, store), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              preexec_fn=limit)
        digests[name] = shop.digest(store) if done.returncode == 0 else done.stdout[-800:]
        shares = [json.loads(p.read_text())["results"] for p in (store / "results").glob("*.json")]
        shares = [r["share/small"]["value"] for r in shares if "share/small" in r]
        if len(shares) != 1 or abs(shares[0] - 0.2) > 1e-3:
            wrong.append(f"mix {name}: share of the small source {shares}, not 0.2")
    if len(set(map(str, digests.values()))) != 1:
        wrong.append(f"mix: {digests}")
    print(f"mix in memory, through files, killed: {'the same bytes' if not wrong else 'WRONG'}")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lehr")
    parser.add_argument("--corpus", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(os.path.abspath(options.lehr), pathlib.Path(folder))
        corpus = shop.folder / "corpus.jsonl.zst"
        corpus_bytes = write_corpus(corpus, options.corpus)
        wrong = check_bad_input(shop) + check_memory(shop, corpus, corpus_bytes)
        (shop.folder / "small.jsonl").write_text("".join(ROW % (i, f"small {i}") for i in range(1000)))
        wrong += check_mix(shop, corpus)
        wrong += check_threads_and_kills(shop, corpus, options.kills, random.Random(options.seed))
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


main()
