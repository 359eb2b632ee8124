"""FineWeb's chain of filters on one core and two, beside datatrove on the same documents. Decisions are compared first, with
the same words and sentences for both: those between whitespace, and spaCy's, with which datatrove is timed."""

import json
import pathlib
import random
import statistics
import sys

from measure import HEAD, LEHR, PEERS, ROOT, equal, install_peers, number, row, sh
from store import machine

sys.path.insert(0, str(ROOT / "tests/oracle/corpus"))
import filter_texts  # noqa: E402

MEGABYTES = 64
PLUGINS = ROOT / "build/lib/lehr/plugins"
CHAIN = [("gopher_repetition", {}), ("gopher_quality", {}), ("c4_quality", {"terminal_punctuation": False}), ("fineweb_quality", {})]
SPLIT = {"word_splitter": "whitespace"}


def article(rng, glosses):
    """Paragraphs of sentences, as a page that passes has them."""
    def sentence():
        parts = [rng.choice(glosses).replace('"', "").split(";")[0].strip() for _ in range(2)]
        return f"{rng.choice(['The', 'A', 'Every'])} {parts[0]} {rng.choice(['is', 'was', 'has', 'with', 'and the'])} {parts[1]}."
    return "\n".join(" ".join(sentence() for _ in range(rng.randint(2, 6))) for _ in range(rng.randint(4, 14)))


def corpus(megabytes, seed=5):
    """Three quarters articles, one quarter pieces of installed files, of which most are dropped."""
    rng = random.Random(seed)
    glosses, out, size = list(filter_texts.glosses()), [], 0
    while size < megabytes * 750_000:
        out.append(article(rng, glosses))
        size += len(out[-1])
    for text in filter_texts.real(rng, 1_000_000):
        if size >= megabytes * 1_000_000:
            break
        out.append(text)
        size += len(text.encode())
    rng.shuffle(out)
    return out


def chain(**words):
    """words: how the steps cut them; c4_quality knows spaCy's way or its own."""
    steps = []
    for name, parameters in CHAIN:
        steps.append([str(PLUGINS / "filter.so"), name, {**parameters, **({} if name == "c4_quality" and words == SPLIT else words)}])
    return steps


def in_memory(texts, rounds, chains):
    """{chain: ([MB/s of each round], documents kept)}, taking turns in one process, on one thread."""
    found = json.loads(sh(ROOT / "build/bin/filter_benchmark", texts, rounds, json.dumps(chains)))
    return {name: ([f["bytes"] / 1e6 / s for s in f["seconds"]], f["kept"]) for name, f in found.items()}


def stage(scratch, documents, threads, rounds):
    """MB/s of the whole stage, reading, parsing, compressing and writing included."""
    pipeline = scratch / "filters.yaml"
    steps = [{name: parameters} for name, parameters in CHAIN]
    pipeline.write_text(json.dumps({"lehr": 1, "resources": {"threads": threads}, "stages": {
        "source": {"uses": "files.documents", "with": {"train": [str(documents)]}},
        "clean": {"uses": "filter", "in": {"documents": "source.documents"}, "with": {"steps": steps}}}}))
    rates, kept = [], set()
    for run in range(rounds):
        store = scratch / f"filters{threads}-{run}"
        sh(LEHR, "run", pipeline, "--store", store)
        made = [json.loads(path.read_text()) for path in (store / "results").glob("*.json")]
        results = next(m["results"] for m in made if m["stage"] == "filter.filter")
        rates.append(results["megabytes_per_second"]["value"])
        kept.add(results["documents_out"]["value"])
    return rates, kept


def filters(scratch):
    install_peers("datatrove==0.10.1", "spacy", "regex")
    texts = corpus(MEGABYTES)
    plain, documents = scratch / "texts.jsonl", scratch / "documents.jsonl"
    plain.write_text("".join(json.dumps(t) + "\n" for t in texts))
    documents.write_text("".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts)))
    few = scratch / "few.jsonl"
    few.write_text("".join(json.dumps(t) + "\n" for t in texts[:300]))

    datatrove = [PEERS / "bin/python", pathlib.Path(__file__).parent / "datatrove_chain.py", few]
    table = scratch / "en.spacy.json"
    table.write_text(sh(PEERS / "bin/python", ROOT / "tools/spacy_table"))
    spacy = chain(spacy_table=str(table))
    alike = in_memory(few, 1, {"whitespace": chain(**SPLIT), "spacy": spacy})
    plainly = json.loads(sh(*datatrove, "whitespace"))
    equal(alike["whitespace"][1], plainly["kept"], "documents kept, with the same words as datatrove")
    theirs = json.loads(sh(*datatrove, "spacy"))
    equal(alike["spacy"][1], theirs["kept"], "documents kept, with spaCy's words as datatrove")

    template = [str(PLUGINS / "template.so"), "no_shouting", {}]
    found = in_memory(plain, 5, {"chain": chain(), "whitespace": chain(**SPLIT), "spacy": spacy, "direct": [["direct", "", {}]], "boundary": [template],
                                 "with one of a third party": [*chain()[:2], template, *chain()[2:]]})
    read = statistics.median(machine(scratch, 3)["read"])
    bandwidth = 100 * statistics.median(found["chain"][0]) / 1e3 / ((2 << 30) / read / 1e9)
    one, kept_by_one = stage(scratch, documents, 1, 3)
    two, kept_by_two = stage(scratch, documents, 2, 3)
    equal(kept_by_one | kept_by_two, {found["chain"][1]}, "documents kept by the stage")
    cost = 100 * (statistics.median(found["direct"][0]) / statistics.median(found["boundary"][0]) - 1)
    rows = [row("datatrove, one core, its spaCy words", [1e3 * r for r in theirs["megabytes_per_second"]], "kB/s"),
            row("datatrove, one core, words between whitespace", [1e3 * r for r in plainly["megabytes_per_second"]], "kB/s"),
            row("Lehr, one core, in memory", found["chain"][0], f"MB/s, {number(bandwidth)} % of the memory's bandwidth"),
            row("the same, words between whitespace", found["whitespace"][0], "MB/s"),
            row("the same, words and sentences as spaCy cuts them", found["spacy"][0], "MB/s"),
            row("the same with a third party's step in the middle", found["with one of a third party"][0], "MB/s"),
            row("that step alone, through the C boundary in batches", found["boundary"][0], f"MB/s, {number(cost)} % more time than"),
            row("that step alone, called directly", found["direct"][0], "MB/s"),
            row("Lehr's stage, one thread: JSON in, zstd out", one, "MB/s"),
            row("Lehr's stage, two threads", two, "MB/s")]
    return "\n".join([HEAD, *rows, f"\n{len(texts)} documents, {MEGABYTES} MB, {found['chain'][1]} kept"])
