#!/usr/bin/env python3
"""MinHash against datatrove's, with the same splitter of words: simplified texts, signatures, and what its whole pipeline
(signature, buckets, cluster, filter) puts together and keeps. Then how well the hash mode `fast` tells similar texts.
Run by tests/oracle/run, or: minhash_oracle.py --build BUILD"""

import argparse
import collections
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).parent / "corpus"))
os.environ.setdefault("LOGURU_LEVEL", "WARNING")

import datatrove.pipeline.dedup.minhash as minhash  # noqa: E402
from datatrove.data import Document  # noqa: E402
from datatrove.utils.text import simplify_text  # noqa: E402

import filter_texts  # noqa: E402
from filter_oracle import uax29_words  # noqa: E402

# Signs before numbers: their word boundaries are others since Unicode 15.1, which the module regex knows and ICU 72 does not.
NUMBER_SIGNS = dict.fromkeys([*range(0x600, 0x606), 0x6DD, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD])
SPLITTERS = {"whitespace": str.split, "uax29": uax29_words}


class Tokenizer:
    def __init__(self, splitter):
        self.word_tokenize = SPLITTERS[splitter]


def signer(folder, splitter, **config):
    minhash.load_word_tokenizer = lambda language: Tokenizer(splitter)
    return minhash.MinhashDedupSignature(str(folder), minhash.MinhashConfig(**config))


def ask(tool, arguments, texts):
    stdin = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([tool, *arguments], input=stdin, text=True, check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.splitlines()]


def agree(what, texts, expected, got):
    if len(expected) != len(got):
        sys.exit(f"minhash_oracle: {what}: {len(got)} answers, not {len(expected)}")
    wrong = [(t, e, g) for t, e, g in zip(texts, expected, got) if e != g]
    for text, e, g in wrong[:10]:
        print(f"differs: {ascii(text)[:200]}\n  datatrove {ascii(e)[:200]}\n  ours      {ascii(g)[:200]}")
    print(f"{what}: {len(texts) - len(wrong)} of {len(texts)} texts alike")
    return not wrong


def characters():
    """Every character that Python's Unicode knows, where it could matter what stands beside it."""
    for code in range(0x110000):
        c = chr(code)
        if 0xD800 <= code < 0xE000 or unicodedata.category(c) == "Cn":
            continue
        yield f"{c} a{c}B 1{c}2 {c}"
        yield f"AΣ{c} {c}Σ A{c}Σ{c}b Σ{c}b"
        if unicodedata.combining(c):
            yield f"a\u302e{c}\U0001d165\u0301{c} {c}"


def change(rng, text, words):
    """Some words replaced, dropped or added; or only what simplifying takes away."""
    parts = text.split(" ")
    for _ in range(rng.choice([0, 1, 1, 2, 4, 8, 16])):
        at = rng.randrange(len(parts))
        parts[at:at + rng.choice([0, 1, 1, 2])] = rng.choices(words, k=rng.choice([0, 1, 1, 2]))
        if not parts:
            parts = ["x"]
    text = " ".join(parts)
    return rng.choice([text, text, text.upper(), text.replace(" ", ",  "), text + " 17.", unicodedata.normalize("NFD", text)])


def planted(rng, n):
    """Texts of every kind, every third a changed earlier one, and the edges."""
    kinds = list(filter_texts.texts(rng.randrange(1 << 30), 0.1))
    words = " ".join(filter_texts.glosses()).split()
    texts = ["", " ", "one two three four", "one two three four", "a b c d e", "A, b: c; d; e!", "\u0301 a b c d e", "1 2 3 4 5 6",
             "7 8 9 10 11 12", "中文字中文字中文字", "中文字中文字中文字。"]
    while len(texts) < n:
        if rng.random() < 0.35 and len(texts) > 50:
            texts.append(change(rng, rng.choice(texts), words))
        elif rng.random() < 0.4:
            texts.append(rng.choice(kinds)[:6000])
        else:
            texts.append(" ".join(rng.choices(words, k=rng.choice([3, 5, 8, 20, 60, 200, 600]))))
    return [text.translate(NUMBER_SIGNS) for text in texts]


class Numbering:
    """How datatrove numbers documents that are dealt in turn to `tasks` tasks: by task, and within it."""

    def __init__(self, count, tasks):
        self.count, self.tasks = count, tasks

    def of(self, i):
        return i % self.tasks, i // self.tasks

    def document(self, task, number):
        return number * self.tasks + task

    def shares(self, documents):
        return [documents[task::self.tasks] for task in range(self.tasks)]


def datatrove_clusters(folder, texts, splitter, tasks, **config):
    """Runs all four steps; (numbers kept, the set of its clusters)."""
    config = minhash.MinhashConfig(**config)
    numbering = Numbering(len(texts), tasks)
    shares = numbering.shares([Document(text=text, id=str(i)) for i, text in enumerate(texts)])
    minhash.tqdm = lambda files, desc: files
    minhash.load_word_tokenizer = lambda language: Tokenizer(splitter)
    for task, share in enumerate(shares):
        minhash.MinhashDedupSignature(f"{folder}/signatures", config).run(iter(share), task, tasks)
    buckets = minhash.MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)
    for bucket in range(config.num_buckets):
        buckets.run(None, bucket, config.num_buckets)
    minhash.MinhashDedupCluster(f"{folder}/buckets", f"{folder}/clusters", config, save_cluster_id=True).run(None, 0, 1)
    kept, clusters = [], collections.defaultdict(set)
    for task, share in enumerate(shares):
        kept += [int(d.id) for d in minhash.MinhashDedupFilter(f"{folder}/clusters").run(iter(share), task, tasks)]
        for number, cluster in struct.iter_unpack("<2I", pathlib.Path(folder, f"clusters/{task:06d}.clusters").read_bytes()):
            clusters[cluster].add(numbering.document(task, number))
    return sorted(kept), {frozenset(members) for members in clusters.values()}


def clusters_by_definition(signatures, rows):
    """Documents with a whole band in common, and those in common with them, and so on."""
    neighbours = collections.defaultdict(list)
    for i, minima in enumerate(signatures):
        for at in range(0, len(minima or []), rows):
            neighbours[at, tuple(minima[at:at + rows])].append(i)
    cluster = list(range(len(signatures)))  # each with its smallest neighbour, until nothing changes
    while True:
        before = list(cluster)
        for together in neighbours.values():
            smallest = min(cluster[i] for i in together)
            for i in together:
                cluster[i] = smallest
        if cluster == before:
            break
    members = collections.defaultdict(set)
    for i, smallest in enumerate(cluster):
        members[smallest].add(i)
    return {frozenset(m) for m in members.values() if len(m) > 1}


def kept_by_datatrove_rule(signatures, rows, tasks):
    """What datatrove keeps, from our signatures: pairs come band after band, within one by signature and number; of two
    clusters that meet the larger one's document stays, of two as large the one of the pair's first document."""
    numbering = Numbering(len(signatures), tasks)
    root, size = {}, collections.Counter()

    def find(x):
        while root.setdefault(x, x) != x:
            x = root[x]
        return x

    bands = len(next(s for s in signatures if s)) // rows
    for band in range(bands):
        found = sorted((minima[band * rows:(band + 1) * rows], numbering.of(i)) for i, minima in enumerate(signatures) if minima)
        for (one, a), (other, b) in zip(found, found[1:]):
            if one != other or (a := find(a)) == (b := find(b)):
                continue
            if size[a] < size[b]:
                a, b = b, a
            root[b] = a
            size[a] += 1 + size[b]
    return sorted(i for i in range(len(signatures)) if find(numbering.of(i)) == numbering.of(i))


def kept_by_lehr(build, folder, texts, **parameters):
    with open(folder / "texts.jsonl", "w", encoding="utf-8") as out:
        out.writelines(json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts))
    settings = ", ".join(f"{key}: {value}" for key, value in parameters.items())
    (folder / "p.yaml").write_text(
        "lehr: 1\nname: oracle\nstages:\n  source: {uses: files.documents, with: {train: [texts.jsonl]}}\n"
        f"  dedup: {{uses: minhash, in: {{documents: source}}, with: {{{settings}}}}}\noutputs: {{kept: dedup}}\n")
    subprocess.run([build / "bin/lehr", "run", folder / "p.yaml"], check=True, stdout=subprocess.DEVNULL)
    rows = subprocess.run(["zstd", "-dcq", *sorted((folder / "outputs/kept").glob("*.jsonl.zst"))], check=True, stdout=subprocess.PIPE)
    return [int(json.loads(row)["id"]) for row in rows.stdout.splitlines()]


def check_clusters(build, tool, texts, splitter, n_grams, bands, rows):
    """The clusters are the same. Ours keeps the first document of each; which one datatrove keeps depends on its sizes of
    clusters on the way, and so on how many tasks the documents were dealt to: shown by saying beforehand which it is."""
    signatures = ask(tool, ["minima", "datatrove", splitter, str(n_grams), str(bands * rows)], texts)
    expected = clusters_by_definition(signatures, rows)
    firsts = sorted(set(range(len(texts))) - {i for members in expected for i in members if i != min(members)})
    right, theirs = True, {}
    for tasks in (1, 3):
        with tempfile.TemporaryDirectory() as scratch:
            theirs[tasks], clusters = datatrove_clusters(scratch, texts, splitter, tasks, n_grams=n_grams, num_buckets=bands,
                                                         hashes_per_bucket=rows)
        foretold = kept_by_datatrove_rule(signatures, rows, tasks) == theirs[tasks]
        print(f"clusters, {splitter}, {n_grams} words, {bands} x {rows}, datatrove in {tasks} tasks: {len(clusters)} clusters, "
              f"{len(clusters & expected)} of them ours with all their documents; keeps the first document of "
              f"{len(clusters) - len(set(firsts) - set(theirs[tasks]))}, as foretold: {foretold}")
        right &= clusters == expected and foretold
    with tempfile.TemporaryDirectory() as scratch:
        ours = kept_by_lehr(build, pathlib.Path(scratch), texts, hash="datatrove", word_splitter=splitter, shingle_size=n_grams,
                            bands=bands, rows=rows)
        subprocess.run(["chmod", "-R", "u+w", scratch], check=True)
    print(f"  {len(ours)} of {len(texts)} kept; datatrove's two runs differ in {len(set(theirs[1]) - set(theirs[3]))} documents")
    if len(expected) < 100 or theirs[1] == theirs[3]:
        sys.exit("minhash_oracle: too few clusters to say anything")
    return right and ours == firsts


def recall(tool, rng):
    """Pairs of a known similarity: in how many of them a band agrees, in `fast` and in `datatrove`, against the formula."""
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(20000)]
    right = True
    print("similarity of pairs, share found: by the formula, datatrove, fast")
    for words in (30, 120, 1000):
        for similarity in (0.4, 0.6, 0.7, 0.75, 0.8, 0.9):
            texts, exact = [], []
            for _ in range(400):
                shared = round(2 * words * similarity / (1 + similarity))
                common = rng.choices(vocabulary, k=shared)
                a = common + rng.choices(vocabulary, k=words - shared)
                b = common + rng.choices(vocabulary, k=words - shared)
                sets = [set(zip(*(t[i:] for i in range(5)))) for t in (a, b)]
                exact.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
                texts += [" ".join(a), " ".join(b)]
            wanted = sum(1 - (1 - s ** 8) ** 14 for s in exact) / len(exact)
            found = {}
            for hash_mode in ("datatrove", "fast"):
                minima = ask(tool, ["minima", hash_mode, "whitespace", "5", "112"], texts)
                bands = lambda m: {(i, *m[i:i + 8]) for i in range(0, 112, 8)}  # noqa: E731
                pairs = zip(minima[::2], minima[1::2])
                found[hash_mode] = sum(bool(bands(a) & bands(b)) for a, b in pairs) / len(exact)
            deviation = (wanted * (1 - wanted) / len(exact)) ** 0.5
            close = abs(found["fast"] - wanted) < 4 * deviation + 0.01
            right &= close
            print(f"  {words:5} words, {sum(exact) / len(exact):.2f}: {wanted:6.1%} {found['datatrove']:6.1%} {found['fast']:6.1%}"
                  f"{'' if close else '   <- beyond four deviations'}")
    return right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tool, rng = arguments.build.resolve() / "tests/minhash_tool", random.Random(arguments.seed)
    texts = planted(rng, 5000)
    every = list(characters()) + texts
    right = [agree("simplified texts", every, [simplify_text(t) for t in every], ask(tool, ["simplify"], every))]
    for splitter in SPLITTERS:
        for n_grams, functions in ((5, 112), (3, 250)):
            oracle = signer("/tmp", splitter, n_grams=n_grams, num_buckets=1, hashes_per_bucket=functions)
            shingles = [oracle.get_shingles(t) for t in texts[:3500]]
            expected = [oracle.get_signature(s)[0] if s.size else None for s in shingles]
            got = ask(tool, ["minima", "datatrove", splitter, str(n_grams), str(functions)], texts[:3500])
            right.append(agree(f"signatures, {splitter}, {n_grams} words, {functions} functions", texts[:3500], expected, got))
    for splitter, n_grams, bands, rows in (("whitespace", 5, 14, 8), ("uax29", 5, 14, 8), ("uax29", 3, 25, 10)):
        right.append(check_clusters(arguments.build.resolve(), tool, texts, splitter, n_grams, bands, rows))
    right.append(recall(tool, rng))
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
