#!/usr/bin/env python3
"""Instructions that commands of lehr take on pipelines of trivial stages, and that reading, deduplicating, filtering and
tokenizing documents take, held against counts.json; and how they grow.

    instructions.py --lehr BIN/lehr --plugins FOLDER --kiln FOLDER --reader PROGRAM [--update]
"""
import argparse
import csv
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "benchmarks"))
import graphs  # noqa: E402
import near_duplicates  # noqa: E402

TOLERANCE = 0.05
GROWTH = 10.5
COUNTED = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
# The C library and OpenSSL choose by processor; here they are to choose the same everywhere.
SAME_CODE = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-ERMS", "OPENSSL_ia32cap": ":~0x20000128"}


def list_port(folder, stages):
    """One stage with a list of so many inputs, written on one line."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["lehr: 1", "name: list", "stages:", "  source: {uses: kiln.dig}",
             "  words: {uses: kiln.tokenize, in: {documents: source.documents}, with: {vocab_size: 100}}",
             "  tokens: {uses: kiln.encode, in: {documents: source.documents, tokenizer: words}}"]
    lines += [f"  m{i}: {{uses: kiln.train, in: {{tokens: tokens}}}}" for i in range(stages)]
    lines.append(f"  all: {{uses: kiln.compare, in: {{models: [{', '.join(f'm{i}' for i in range(stages))}]}}}}")
    path = folder / "pipeline.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def document_file(folder, form, count):
    """So many documents of about a kilobyte, with quotes, line ends, characters of two bytes and a further member."""
    folder.mkdir(parents=True, exist_ok=True)
    path, rng = folder / f"{count}.{form}", random.Random(1)
    texts = ["".join(rng.choice(("word ", "other ", "caf\u00e9 ", "\"quoted\" ", "line\n") + ("longer ",) * 30) for _ in range(rng.randint(50, 300)))
             for _ in range(count)]
    with open(path, "w", encoding="utf-8", newline="") as out:
        if form == "csv":
            rows = csv.writer(out)
            rows.writerow(["id", "text", "n"])
            rows.writerows((i, text, i % 7) for i, text in enumerate(texts))
        else:
            for i, text in enumerate(texts):
                row = {"id": str(i), "text": text} | ({"n": i % 7} if form == "ndjson" else {})
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


class Workshop:
    def __init__(self, arguments, folder):
        self.folder, self.bin, self.reader = folder, folder / "bin", arguments.reader.resolve()
        self.bin.mkdir()
        self.plugins, self.built = folder / "lib/lehr/plugins", arguments.plugins
        self.plugins.mkdir(parents=True)
        for program in ("lehr", "lehr-host"):
            shutil.copy2(arguments.lehr.parent / program, self.bin)
        self.add("files", "template")
        shutil.copy2(arguments.kiln / "kiln.so", self.plugins)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C", **SAME_CODE}

    def add(self, *names):
        """Plugins of the build. Every command reads all there are, so each is added where it is first needed."""
        for name in names:
            shutil.copy2(self.built / f"{name}.so", self.plugins)

    def run(self, *command):
        done = subprocess.run([self.bin / "lehr", *command], cwd=self.folder, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"lehr {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def count(self, *command, said):
        """Instructions of lehr; `said` must be in what the command prints."""
        if command[0] == "plan":  # the first one asks plugins what they say to it; the store keeps the answers
            self.run(*command)
        return self.count_program(self.bin / "lehr", *command, said=said)

    def count_program(self, *command, said):
        done = subprocess.run([*COUNTED, *command], cwd=self.folder, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        found = re.search(r"I +refs: +([\d,]+)", done.stderr)
        if done.returncode != 0 or not found or said not in done.stdout:
            sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return int(found.group(1).replace(",", ""))

    def count_stage(self, file, stage):
        """Instructions of the process that runs the stage."""
        host, log = self.bin / "lehr-host", self.folder / "counted"
        real = host.rename(self.bin / "counted-host")
        host.write_text(f'#!/bin/sh\nexec {" ".join(COUNTED)} --log-file={log} {real} "$@"\n')
        host.chmod(0o755)
        self.run("run", file, "--only", stage)
        host.unlink()
        real.rename(host)
        return int(re.search(r"I +refs: +([\d,]+)", log.read_text()).group(1).replace(",", ""))


def deduplication(folder, documents):
    """A pipeline for each way to drop duplicates, over so many documents, on one thread."""
    folder.mkdir()
    with open(folder / "documents.jsonl", "w") as out:
        for i, (text, _) in enumerate(near_duplicates.documents(documents, 100)):
            out.write(json.dumps({"id": str(i), "text": text + "\nfollow us"}) + "\n")
    (folder / "pipeline.yaml").write_text("""lehr: 1
name: deduplication
resources: {threads: 1}
stages:
  source: {uses: files.documents, with: {train: [documents.jsonl]}}
  near: {uses: minhash, in: {documents: source}, with: {word_splitter: whitespace}}
  same: {uses: filter, in: {documents: source}, with: {steps: [exact_dedup, line_dedup]}}
""")
    return (folder / "pipeline.yaml").relative_to(folder.parent)


def filtering(folder, documents):
    """FineWeb's chain of filters over so many pages that all stay, on one thread."""
    rng = random.Random(4)
    words = ["".join(rng.choices("abcdefghiklmnoprstuw", k=rng.randint(2, 9))) for _ in range(3000)]

    def sentence():
        return " ".join([rng.choice(words), "the", *rng.choices(words, k=6), "of", *rng.choices(words, k=5)]).capitalize() + "."
    folder.mkdir()
    with open(folder / "documents.jsonl", "w") as out:
        for i in range(documents):
            out.write(json.dumps({"id": str(i), "text": "\n".join(f"{sentence()} {sentence()}" for _ in range(8))}) + "\n")
    (folder / "pipeline.yaml").write_text("""lehr: 1
name: filtering
resources: {threads: 1}
stages:
  source: {uses: files.documents, with: {train: [documents.jsonl]}}
  clean:
    uses: filter
    in: {documents: source}
    with: {steps: [gopher_repetition, gopher_quality, {c4_quality: {terminal_punctuation: false}}, fineweb_quality]}
    require: {documents_out: "== %d"}
""" % documents)
    return (folder / "pipeline.yaml").relative_to(folder.parent)


def tokenizing(folder, documents):
    """Training and encoding, on one thread, of so many documents of prose, code, numbers and other scripts."""
    rng = random.Random(6)
    words = ["".join(rng.choices("etaoinshrdlucmfw", k=min(2 + int(rng.expovariate(0.25)), 14))) for _ in range(20000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    others = ["стекло", "остывает", "玻璃", "窯", "γυαλί", "é", "🏺", "if (x[i] != 0) {\n    y += f(x, i);\n}", "\t\t", "  ", "'ll", "don't", "...", "\r\n"]
    folder.mkdir()
    with open(folder / "documents.jsonl", "w", encoding="utf-8") as out:
        for i in range(documents):
            parts = rng.choices(words, weights, k=400)
            for _ in range(30):
                parts[rng.randrange(400)] = rng.choice(others) if rng.random() < 0.6 else str(rng.randrange(10 ** rng.randint(1, 7)))
            out.write(json.dumps({"id": str(i), "text": " ".join(parts)}, ensure_ascii=False) + "\n")
    (folder / "pipeline.yaml").write_text("""lehr: 1
name: tokenizing
resources: {threads: 1}
stages:
  source: {uses: files.documents, with: {train: [documents.jsonl]}}
  words: {uses: tokenizer.train, in: {documents: source}, with: {vocab_size: 8192}}
  tokens: {uses: tokenizer.encode, in: {documents: source, tokenizer: words}}
  taken: {uses: tokenizer.import, with: {path: ranks.json}}
""")
    (folder / "ranks.json").write_text(json.dumps(long_vocabulary(8 * documents), ensure_ascii=False), encoding="utf-8")
    return (folder / "pipeline.yaml").relative_to(folder.parent)


def long_vocabulary(merges):
    """A tokenizer.json with so many merges: every token so far with every letter."""
    letters = [chr(c) for c in range(33, 127)] + ["\u0120", "\u010a"]
    tokens, pairs = list(letters), []
    for left in tokens:  # which grows
        for right in letters:
            if len(pairs) < merges:
                tokens.append(left + right)
                pairs.append([left, right])
        if len(pairs) == merges:
            break
    end = {"id": len(tokens), "content": "<|endoftext|>", "special": True}
    return {"version": "1.0", "added_tokens": [end], "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
            "model": {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}, "merges": pairs}}


def measure(shop):
    """{what: instructions}. The names of those that are to grow linearly end in the number of stages."""
    counts = {"version": shop.count("--version", said=".")}
    for stages in (100, 1000):
        made = {shape.__name__: shape(shop.folder / f"{shape.__name__}{stages}", stages).relative_to(shop.folder)
                for shape in (graphs.chain, graphs.fan, list_port)}
        for shape, file in made.items():
            counts[f"validate {shape} {stages}"] = shop.count("validate", file, said="no mistakes")
            (shop.folder / file).parent.joinpath(".lehr").mkdir()
            counts[f"plan {shape} {stages}"] = shop.count("plan", file, said="never run before")
    for stages in (30, 300):
        file = graphs.chain(shop.folder / f"run{stages}", stages).relative_to(shop.folder)
        shop.run("run", file)
        counts[f"nothing to do {stages}"] = shop.count("run", file, said=f"0 ran, {stages} cached")
        counts[f"first stage changed {stages}"] = shop.count(
            "plan", file, "--set", f"stages.s0.with.train=[{file.parent}/more.jsonl]", said=f"{stages - 1} to run unless")
    shop.add("filter", "minhash")
    for documents in (2000, 20000):
        file = deduplication(shop.folder / f"documents{documents}", documents)
        shop.run("run", file, "--only", "source")
        for stage, what in (("near", "minhash"), ("same", "exact_dedup, line_dedup")):
            counts[f"{what} {documents}"] = shop.count_stage(file, stage)
    for documents in (300, 3000):
        file = filtering(shop.folder / f"pages{documents}", documents)
        shop.run("run", file, "--only", "source")
        counts[f"filters {documents}"] = shop.count_stage(file, "clean")
    shop.add("tokenizer")
    for documents in (300, 3000):
        file = tokenizing(shop.folder / f"texts{documents}", documents)
        shop.run("run", file, "--only", "source")
        for stage, what in (("words", "tokenizer.train"), ("tokens", "tokenizer.encode"), ("taken", "tokenizer.import")):
            counts[f"{what} {documents}"] = shop.count_stage(file, stage)
    for form in ("jsonl", "ndjson", "csv"):
        for count in (1000, 10000):
            counts[f"read {form} {count}"] = shop.count_program(shop.reader, document_file(shop.folder / "documents", form, count),
                                                                said=f"{count} documents")
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lehr", required=True, type=pathlib.Path)
    parser.add_argument("--plugins", required=True, type=pathlib.Path)
    parser.add_argument("--kiln", required=True, type=pathlib.Path)
    parser.add_argument("--reader", required=True, type=pathlib.Path)
    parser.add_argument("--update", action="store_true", help="take what is counted now as the numbers to keep to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lehr-instructions-", ignore_cleanup_errors=True) as folder:
        counts = measure(Workshop(arguments, pathlib.Path(folder)))
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    stored = HERE / "counts.json"
    if arguments.update:
        stored.write_text(json.dumps(counts, indent=1) + "\n")
    kept = json.loads(stored.read_text())
    wrong = []
    for what, count in counts.items():
        change = count / kept[what] - 1
        print(f"{what:32} {count / 1e6:9.2f} M  {change:+7.1%}")
        if abs(change) > TOLERANCE:
            wrong.append(f"{what}: {count:,} instructions, not {kept[what]:,} ({change:+.1%})")
        if what.endswith("00") and (small := what.rsplit(" ", 1)[0] + " " + what.rsplit(" ", 1)[1][:-1]) in counts:
            grown = (count - counts["version"]) / (counts[small] - counts["version"])
            if grown > GROWTH:
                wrong.append(f"{what}: {grown:.1f} times as many instructions as a tenth of the stages")
    for line in wrong:
        print(line)
    if wrong:
        print("A change that is meant: instructions.py --update, and commit counts.json with it.")
    sys.exit(bool(wrong))


main()
