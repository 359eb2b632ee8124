"""From a user's jsonl.zst to token shards: files.documents -> filter -> tokenizer.encode, and reading alone, beside what
zstd and the memory allow. The text is WordNet's glosses, put together anew as documents."""

import json
import random
import statistics
import subprocess

from measure import HEAD, LEHR, equal, interleaved, milliseconds, number, row, sh
from store import machine

BYTES = 200_000_000

PIPELINE = """lehr: 1
name: documents
resources: {{threads: {threads}}}
stages:
  source: {{uses: files.documents, with: {{train: [{corpus}]}}}}
  clean:
    uses: filter
    in: {{documents: source}}
    with: {{steps: [{{normalize: {{form: NFC}}}}, {{gopher_quality: {{min_words: 20}}}}, exact_dedup]}}
  words: {{uses: tokenizer.train, in: {{documents: clean}}, with: {{vocab_size: 16384}}}}
  tokens: {{uses: tokenizer.encode, in: {{documents: clean, tokenizer: words}}}}
"""


def glosses():
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(f"/usr/share/wordnet/data.{part}", encoding="utf-8"):
            if " | " in line:
                yield line.split(" | ", 1)[1].strip().capitalize() + "."


def write_corpus(path):
    """Gives the bytes of text."""
    rng, pieces, size, number_of = random.Random(1), list(glosses()), 0, 0
    with subprocess.Popen(["zstd", "-q", "-3", "-o", path], stdin=subprocess.PIPE) as compressor:
        while size < BYTES:
            text = " ".join(rng.choices(pieces, k=rng.randint(3, 60)))
            size += len(text.encode())
            compressor.stdin.write((json.dumps({"id": number_of, "text": text}, ensure_ascii=False) + "\n").encode())
            number_of += 1
        compressor.stdin.close()
    return size


def documents(scratch):
    """Megabytes of text per second, whole commands with their start, hashing and publishing."""
    corpus, plain = scratch / "corpus.jsonl.zst", scratch / "corpus.jsonl"
    size = write_corpus(corpus)
    sh("zstd", "-dqk", corpus, "-o", plain)
    pipelines, stores = {}, {}
    for threads in (1, 2):
        pipelines[threads] = scratch / f"threads{threads}.yaml"
        pipelines[threads].write_text(PIPELINE.format(threads=threads, corpus=corpus))
        stores[threads] = scratch / f"store{threads}"
        sh(LEHR, "run", pipelines[threads], "--store", stores[threads])  # also trains the tokenizer, once

    def rate(milliseconds_taken):
        return size / 1e3 / milliseconds_taken

    def run(threads, *stages, until="tokens"):
        return lambda: rate(milliseconds([LEHR, "run", pipelines[threads], "--store", stores[threads], "--until", until,
                                          "--force", *stages]))

    measures = {
        "whole path, 1 thread": run(1, "source", "clean", "tokens"),
        "whole path, 2 threads": run(2, "source", "clean", "tokens"),
        "reading alone, 1 thread": run(1, "source", until="source"),
        "reading alone, 2 threads": run(2, "source", until="source"),
        "`zstd -dc` of the same file": lambda: rate(milliseconds(["zstd", "-dcq", corpus])),
        "`zstd -3` of its text, 1 thread": lambda: rate(milliseconds(["zstd", "-3cqf", "--single-thread", plain])),
    }
    figures = interleaved(measures, 5)
    artifacts = [sorted(p.name for p in (store / "artifacts").iterdir()) for store in stores.values()]
    equal(artifacts[0], artifacts[1], "artifacts with one thread and with two")
    memory = statistics.median(machine(scratch, 1, 1 << 28)["read"])
    memory = (1 << 28) / memory / 1e6
    limit = 1 / (1 / statistics.median(figures["`zstd -dc` of the same file"]) +
                 1 / statistics.median(figures["`zstd -3` of its text, 1 thread"]))
    alone = statistics.median(figures["reading alone, 1 thread"])
    rows = [row(name, rates, "MB/s") for name, rates in figures.items()]
    rows.append(f"| zstd there and back, 1 thread | | {number(limit)} | | MB/s; reading reaches {number(100 * alone / limit)} % |")
    rows.append(f"| memory read | | {number(memory)} | | MB/s; reading reaches {number(100 * alone / memory)} % |")
    return "\n".join([HEAD, *rows])
