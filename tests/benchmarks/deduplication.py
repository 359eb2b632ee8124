"""Deduplication beside datatrove and datasketch on the same generated documents, cut into the same words. A figure of Lehr's
is the whole stage, from the start of its process to the compressed, hashed, fsynced artifact, or the part of it until it
knows what to keep, reading and parsing included. The peers read JSON Lines, and are charged neither for starting nor for
writing. What was kept is compared."""

import json
import pathlib

import near_duplicates
from measure import HEAD, LEHR, PEERS, ROOT, equal, install_peers, number, ratio, row, sh

PIPELINE = """lehr: 1
name: deduplication
resources: {{threads: {threads}}}
stages:
  source: {{uses: files.documents, with: {{train: [documents.jsonl]}}}}
  dedup: {{in: {{documents: source}}, {stage}}}
"""
FAST = "uses: minhash, with: {word_splitter: whitespace}"
EXACT_SIGNATURES = "uses: minhash, with: {word_splitter: whitespace, hash: datatrove}"
MODES = {"fast": FAST, "datatrove's signatures": EXACT_SIGNATURES}
EXACT_DEDUP = "uses: filter, with: {steps: [exact_dedup]}"

# Peers: {"kept", "seconds"} on stdout.
HEADER = """
import json, os, sys, time
os.environ["LOGURU_LEVEL"] = "WARNING"
folder = sys.argv[2]
def read():
    global start
    start = time.perf_counter()
    return [json.loads(line) for line in open(sys.argv[1])]
"""
WHITESPACE_WORDS = """
class Words:
    word_tokenize = staticmethod(str.split)
minhash.load_word_tokenizer = lambda language: Words
"""
DATATROVE = HEADER + """
import datatrove.pipeline.dedup.minhash as minhash
from datatrove.data import Document
""" + WHITESPACE_WORDS + """
minhash.tqdm = lambda files, desc: files
documents, config = [Document(text=r["text"], id=r["id"]) for r in read()], minhash.MinhashConfig()
minhash.MinhashDedupSignature(folder + "/s", config).run(iter(documents), 0, 1)
buckets = minhash.MinhashDedupBuckets(folder + "/s", folder + "/b", config=config)
for bucket in range(14):
    buckets.run(None, bucket, 14)
minhash.MinhashDedupCluster(folder + "/b", folder + "/c", config).run(None, 0, 1)
kept = sum(1 for _ in minhash.MinhashDedupFilter(folder + "/c").run(iter(documents), 0, 1))
print(json.dumps({"kept": kept, "seconds": time.perf_counter() - start}))
"""
SPACY_DATATROVE = DATATROVE.replace(WHITESPACE_WORDS, "")
DATASKETCH = HEADER + """
from datasketch import MinHash, MinHashLSH
rows = read()
lsh, parents = MinHashLSH(num_perm=112, params=(14, 8)), {}
def find(x):
    while parents[x] != x:
        parents[x] = x = parents[parents[x]]
    return x
for row in rows:
    words = row["text"].split()
    signature = MinHash(num_perm=112)
    signature.update_batch({" ".join(words[i:i + 5]).encode() for i in range(len(words) - 4)})
    own = int(row["id"])
    parents[own] = own
    for other in lsh.query(signature):
        a, b = find(own), find(other)
        parents[max(a, b)] = min(a, b)
    lsh.insert(own, signature)
kept = sum(find(x) == x for x in list(parents))
print(json.dumps({"kept": kept, "seconds": time.perf_counter() - start}))
"""
DATATROVE_EXACT = HEADER + """
from datatrove.data import Document
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig, ExactDedupFilter, ExactDedupSignature, ExactFindDedups
documents = [Document(text=r["text"], id=r["id"]) for r in read()]
config = ExactDedupConfig(content_getter=lambda document: document.text)
ExactDedupSignature(folder + "/s", config).run(iter(documents), 0, 1)
ExactFindDedups(folder + "/s", folder + "/d", config).run(None, 0, 1)
kept = sum(1 for _ in ExactDedupFilter(folder + "/d", config).run(iter(documents), 0, 1))
print(json.dumps({"kept": kept, "seconds": time.perf_counter() - start}))
"""
PYTHON_SET = HEADER + """
import xxhash
kept = len({xxhash.xxh3_128_digest(row["text"]) for row in read()})
print(json.dumps({"kept": kept, "seconds": time.perf_counter() - start}))
"""


def write(folder, texts):
    """Bytes of text."""
    folder.mkdir()
    size = 0
    with open(folder / "documents.jsonl", "w", encoding="utf-8") as out:
        for i, text in enumerate(texts):
            size += len(text)
            out.write(json.dumps({"id": str(i), "text": text}) + "\n")
    return size


def lehr(folder, stage, threads):
    """The results of the stage, and the seconds it took. The source is made by the first run."""
    (folder / "p.yaml").write_text(PIPELINE.format(threads=threads, stage=stage))
    events = [json.loads(line) for line in sh(LEHR, "run", folder / "p.yaml", "--force", "dedup", "--json").splitlines()]
    done = next(e for e in events if e["event"] == "stage_finished" and e["stage"] == "dedup")
    return {name: result["value"] for name, result in done["results"].items()}, done["seconds"]


def kept_by_lehr(folder, stage, threads, until=None):
    """until: the result that has the seconds until it was known what to keep."""
    results, seconds = lehr(folder, stage, threads)
    return int(results["documents_out"]), results[until] if until else seconds


def planted_found(folder, stage, origins):
    """Of documents planted as near-duplicates, the share that went; of documents that went, the share that rightly did.
    Groups are what goes back to one text: all of it but one should go."""
    kept_by_lehr(folder, stage, 2)
    made = sh(LEHR, "store", "path", "dedup.documents", "--store", folder / ".lehr").strip()
    kept = {int(json.loads(line)["id"]) for shard in sorted(pathlib.Path(made).glob("*.jsonl.zst"))
            for line in sh("zstd", "-dcq", shard).splitlines()}
    groups = {}
    for number, origin in enumerate(origins):
        groups.setdefault(number if origin is None else origin, []).append(number)
    gone = len(origins) - len(kept)
    rightly = sum(len(group) - max(1, sum(number in kept for number in group)) for group in groups.values())
    return rightly / (len(origins) - len(groups)), rightly / gone


def peer(script, folder):
    scratch = folder / "peer"
    done = json.loads(sh(PEERS / "bin/python", "-c", script, folder / "documents.jsonl", scratch).splitlines()[-1])
    sh("rm", "-rf", scratch)
    return done["kept"], done["seconds"]


def compare(folder, size, measures, rounds, same):
    """measures: {name: (function, how often)}; same: lists of names that must keep equally many."""
    kept, figures = {}, {name: [] for name in measures}
    for turn in range(rounds):
        for name, (measure, times) in measures.items():
            if turn < times:
                kept[name], seconds = measure()
                figures[name].append(seconds)
    for names in same:
        for name in names[1:]:
            equal(kept[name], kept[names[0]], f"documents kept, {name} and {names[0]}")
    fastest = next(iter(figures))
    rows = [row(f"{name}: {kept[name]} kept", seconds, f"s, {number(size / 1e6 / min(seconds))} MB/s, "
                f"{ratio(seconds, figures[fastest])} x the first") for name, seconds in figures.items()]
    return "\n".join([HEAD, *rows])


def minhash(scratch):
    """30,000 documents of 300 words for all; how Lehr grows is in `./tools/bench minhash_growth`."""
    install_peers("datatrove[processing]", "datasketch", "xxhash<4", "spacy")
    folder = scratch / "minhash"
    origins = []
    size = write(folder, (origins.append(origin) or text for text, origin in near_duplicates.documents(30000, 300)))
    measures = {}
    for until, part in (("seconds/clustered", ", without writing"), (None, "")):
        for mode, stage in MODES.items():
            for threads in (2, 1):
                arguments = (folder, stage, threads, until)
                measures[f"Lehr, {mode}, {threads} thread{'s' * (threads - 1)}{part}"] = (
                    lambda arguments=arguments: kept_by_lehr(*arguments), 5)
    measures["datatrove, 1 process"] = (lambda: peer(DATATROVE, folder), 1)
    measures["datasketch, 1 process"] = (lambda: peer(DATASKETCH, folder), 1)
    alike = [[name for name in measures if "datatrove" in name], [name for name in measures if "fast" in name]]
    table = compare(folder, size, measures, 5, alike)
    found = "\n".join("{}: {:.2f} % of the planted near-duplicates found, {:.2f} % of what was dropped is one".format(
        mode, *(100 * share for share in planted_found(folder, stage, origins))) for mode, stage in MODES.items())
    return (f"30,000 documents, {size / 1e6:.0f} MB of text, 14 x 8 hashes of 5 words\n\n{table}\n\n{found}\n\n"
            + beside_spacy(scratch, {mode: 30000 / kept_by_lehr(folder, stage, 1)[1] for mode, stage in MODES.items()}))


def beside_spacy(scratch, rates):
    """datatrove as it comes spends most of its time in spaCy's splitter, so it gets fewer documents. rates: Lehr's, documents/s."""
    folder = scratch / "few"
    write(folder, (text for text, _ in near_duplicates.documents(2000, 300)))
    kept, seconds = peer(SPACY_DATATROVE, folder)
    equal(kept_by_lehr(folder, EXACT_SIGNATURES, 1)[0], kept, "documents kept, Lehr and datatrove with spaCy")
    theirs = 2000 / seconds
    return f"datatrove as it comes, with spaCy's words: {number(theirs)} documents/s; " + "; ".join(
        f"Lehr's whole stage, {mode}, 1 thread: {number(rate)}, {number(rate / theirs)} x" for mode, rate in rates.items())


def exact_in_memory(folder):
    """What exact_dedup itself does, on one thread: rows of JSON are read, hashed and decided. No files, no zstd, no SHA-256."""
    found = json.loads(sh(ROOT / "build/bin/exact_dedup_benchmark", folder / "documents.jsonl"))
    return found["kept"], found["seconds"]


def exact_dedup(scratch):
    install_peers("datatrove[processing]", "xxhash<4")
    folder = scratch / "exact"
    texts = [text for text, _ in near_duplicates.documents(60000, 300)]
    size = write(folder, texts + texts[::3])
    return compare(folder, size, {
        "Lehr, 2 threads": (lambda: kept_by_lehr(folder, EXACT_DEDUP, 2), 5),
        "Lehr, 1 thread": (lambda: kept_by_lehr(folder, EXACT_DEDUP, 1), 5),
        "Lehr, one core, in memory": (lambda: exact_in_memory(folder), 5),
        "datatrove, 1 process": (lambda: peer(DATATROVE_EXACT, folder), 2),
        "a Python set of XXH3 digests": (lambda: peer(PYTHON_SET, folder), 2)}, 5,
        [["Lehr, 1 thread", "Lehr, 2 threads", "Lehr, one core, in memory", "datatrove, 1 process", "a Python set of XXH3 digests"]])


def minhash_growth(scratch, counts=(100_000, 1_000_000, 10_000_000)):
    """More and more documents of 40 words, from a stream, with 256 MiB for keys: six minutes, of which making the
    documents takes about half, and 8 GB of disk."""
    rows = ["| documents | text MB | signed s | clustered s | written s | peak MiB | near-duplicates dropped |",
            "| --- | --- | --- | --- | --- | --- | --- |"]
    for count in counts:
        folder = scratch / f"growth-{count}"
        size = write(folder, (text for text, _ in near_duplicates.documents(count, 40)))
        results, _ = lehr(folder, "uses: minhash, with: {memory: 256MiB}", 2)
        equal(int(results["documents_in"]), count, "documents read")
        signed, clustered, written = (results[f"seconds/{name}"] for name in ("signed", "clustered", "written"))
        rows.append(f"| {count:,} | {size / 1e6:.0f} | {signed:.1f} | {clustered - signed:.1f} | {written - clustered:.1f} | "
                    f"{results['peak_memory_bytes'] / 2**20:.0f} | {int(results['dropped/near_duplicate']):,} |")
        sh("chmod", "-R", "u+w", folder)
        sh("rm", "-rf", folder)
    return "\n".join(rows)
