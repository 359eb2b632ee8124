"""Encoding and BPE training beside the tokenizers people use now. Each measurement is a process of its own and so is cold; Lehr's
includes writing token shards. Ids and merges are compared before anything is timed."""

import hashlib
import json
import os
import pathlib
import statistics
import subprocess

import corpus
import vocabularies
from measure import HEAD, PEERS, ROOT, equal, install_peers, interleaved, number, ratio, row
from store import machine

BENCHMARK = ROOT / "build/bin/tokenizer_benchmark"
TOOL = ROOT / "build/tests/tokenizer_tool"
PEER = ROOT / "tests/benchmarks/tokenizer_peer.py"
MB = 1_000_000
ENCODE_MB, TRAIN_MB, GROWN_MB, SMALL_MB = 400, 200, 1000, 20  # SMALL_MB: what slow peers get; it flatters nobody, all are linear
MEMORY_BYTES = 1 << 28
OWN = "own 32,000"  # trained on a tenth of the text
VOCABULARIES = {  # Lehr's pattern, and the expression for tiktoken
    "r50k_base": ("gpt2", r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"),
    "cl100k_base": ("cl100k", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
                              r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
    "o200k_base": ("o200k", r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                            r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
}


def run(*command, threads=1):
    """One thread means one core: fastokens takes all there are, whatever RAYON_NUM_THREADS says."""
    pinned = ["taskset", "-c", "1"] if threads == 1 else []
    done = subprocess.run(pinned + [str(c) for c in command], check=True, capture_output=True, text=True,
                          env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
    return json.loads(done.stdout.splitlines()[-1])


def peer(*command, threads=1):
    return run(PEERS / "bin/python", PEER, *command, threads=threads)


def part_of(path, size):
    """The first documents of a corpus."""
    part = path.with_name(f"{path.name}-{size}")
    data = path.read_bytes()[:size * MB]
    part.write_bytes(data[:data.rindex(b"\0")])
    return part


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def ids_without_ends(folder):
    """Lehr's shards as the peers' ids: 32 bits, no end-of-text. Done by the peers' numpy."""
    code = ("import sys, json, glob, numpy\n"
            "folder, out = sys.argv[1:]\n"
            "width = '<u2' if json.load(open(folder + '/tokens.json'))['dtype'] == 'u16' else '<u4'\n"
            "parts = []\n"
            "for bin in sorted(glob.glob(folder + '/train-*.bin')):\n"
            "    ids, ends = numpy.fromfile(bin, width), numpy.fromfile(bin[:-4] + '.idx', '<u8')\n"
            "    parts.append(numpy.delete(ids, ends - 1))\n"
            "numpy.concatenate(parts).astype('<u4').tofile(out)\n")
    out = pathlib.Path(folder) / "ids"
    subprocess.run([PEERS / "bin/python", "-c", code, folder, out], check=True)
    return out


def encode(scratch):
    install_peers("tokenizers", "tiktoken", "fastokens", "gigatoken", "numpy", "dashscope")
    ranks = vocabularies.fetch(ROOT / ".deps/vocabularies")
    large = corpus.write(scratch / "corpus", ENCODE_MB * MB)
    small, tenth = part_of(large, SMALL_MB), part_of(large, ENCODE_MB // 10)
    memory = MEMORY_BYTES / statistics.median(machine(scratch, 3, MEMORY_BYTES)["read"]) / MB
    rows = [HEAD]
    for name, (pattern, expression) in {**VOCABULARIES, OWN: ("gpt2", "")}.items():
        file, folder, shards = ranks / f"{name}.tiktoken", scratch / name, scratch / "shards"
        if name == OWN:
            run(BENCHMARK, "train", tenth, pattern, "huggingface", 32004, folder, 2, threads=2)
        else:
            subprocess.run([TOOL, "import", file, pattern, folder], check=True)
        slow = ("tokenizers",) if name == OWN else ("tiktoken", "tokenizers")

        def ours(text, threads):
            return run(BENCHMARK, "encode", folder, text, shards, threads, threads=threads)

        def theirs(who, text, threads, ids=""):
            return peer("encode", who, folder, file, expression, text, ids, threads=threads)

        ours(small, 1)
        wanted = digest(ids_without_ends(shards))
        for who in ("gigatoken", "fastokens", *slow):
            theirs(who, small, 1, scratch / "ids")
            equal(digest(scratch / "ids"), wanted, f"ids of {name} by {who}")

        def rate(measure, text):
            size = text.stat().st_size / MB
            return lambda: size / measure()["seconds"]

        measures = {}
        for threads in (1, 2):
            measures[f"Lehr, {threads}"] = rate(lambda t=threads: ours(large, t), large)
            for who in ("gigatoken", "fastokens"):
                measures[f"{who}, {threads}"] = rate(lambda t=threads, w=who: theirs(w, large, t), large)
            for who in slow:
                measures[f"{who}, {threads}"] = rate(lambda t=threads, w=who: theirs(w, small, t), small)
        measures["Lehr, 1, a tenth"] = rate(lambda: ours(tenth, 1), tenth)
        figures = interleaved(measures, 5)
        for what, rates in figures.items():
            note = (f"MB/s, {number(100 * statistics.median(rates) / memory)} % of the memory's bandwidth" if what.startswith("Lehr")
                    else f"MB/s, Lehr {ratio(figures['Lehr, ' + what[-1]], rates)} x")
            rows.append(row(f"{name}: {what.replace('1', '1 thread').replace('2', '2 threads')}", rates, note))
        rows.append(row(f"{name}: two threads of Lehr against one",
                        [b / a for a, b in zip(figures["Lehr, 1"], figures["Lehr, 2"])], "x"))
    return f"{ENCODE_MB} MB of text, cold, shards included (slow peers: {SMALL_MB} MB)\n\n" + "\n".join(rows)


def merges_of(folder):
    return json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]


def bpe_training(scratch):
    install_peers("tokenizers", "gigatoken", "rustbpe", "numpy")
    large = corpus.write(scratch / "corpus", TRAIN_MB * MB)
    small, tenth = part_of(large, SMALL_MB), part_of(large, TRAIN_MB // 10)
    grown = corpus.write(scratch / "grown", GROWN_MB * MB)
    folder = scratch / "trained"

    def ours(text, threads, tie_break="huggingface", vocabulary=32000):
        return run(BENCHMARK, "train", text, "gpt2", tie_break, vocabulary + 4, folder, threads, threads=threads)

    merges = {}
    for who in ("tokenizers", "gigatoken", "rustbpe"):
        ours(small, 2, "rustbpe" if who == "rustbpe" else "huggingface", 16000)
        merges[who] = hashlib.sha256(json.dumps(merges_of(folder)).encode()).hexdigest()
        equal(peer("train", who, small, 16000, threads=2)["merges"], merges[who], f"merges by {who}")
    memory = {}

    def seconds(name, measure):
        def once():
            figures = measure()
            memory[name] = max(memory.get(name, 0), figures["megabytes"])
            return figures["seconds"]
        return once

    measures = {"Lehr, 2 threads": lambda: ours(large, 2), "Lehr, 1 thread": lambda: ours(large, 1),
                "Lehr, 2 threads, a tenth of the text": lambda: ours(tenth, 2),
                f"Lehr, 2 threads, {GROWN_MB} MB": lambda: ours(grown, 2),
                "gigatoken, 2 threads": lambda: peer("train", "gigatoken", large, 32000, threads=2),
                "rustbpe, 2 threads": lambda: peer("train", "rustbpe", large, 32000, threads=2),
                "HF tokenizers, 2 threads": lambda: peer("train", "tokenizers", large, 32000, threads=2)}
    figures = interleaved({name: seconds(name, measure) for name, measure in measures.items()}, 3)
    rows = [HEAD]
    for name, taken in figures.items():
        note = "" if name.startswith("Lehr") else f", {ratio(taken, figures['Lehr, 2 threads'])} x Lehr"
        rows.append(row(name, taken, f"s, {number(memory[name])} MB{note}"))
    return f"{TRAIN_MB} MB, vocabulary 32,000, cut as GPT-2 does\n\n" + "\n".join(rows)
