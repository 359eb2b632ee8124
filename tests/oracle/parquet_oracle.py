#!/usr/bin/env python3
"""Parquet files as pyarrow writes them, through parquet.documents: the same rows in the same order, whatever the encoding,
compression, row groups and threads; a file larger than the memory allowed; damaged files; a pass that is killed. Run by
tests/oracle/run, or: parquet_oracle.py --build BUILD. Skipped where the plugin is not built (tools/setup --parquet)."""

import argparse
import itertools
import json
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

wrong = []


def check(what, good, detail=""):
    print(f"{'ok' if good else 'WRONG'}: {what}")
    if not good:
        wrong.append(what)
        print(str(detail)[-1500:])


class Shop:
    def __init__(self, lehr, folder):
        self.lehr, self.folder, self.count = lehr, folder, 0

    def command(self, parameters, threads, store):
        self.count += 1
        pipeline = self.folder / f"p{self.count}.yaml"
        pipeline.write_text(json.dumps({"lehr": 1, "name": "parquet", "stages": {"source": {
            "uses": "parquet.documents", "resources": {"threads": threads}, "with": parameters}}}))
        return [self.lehr, "run", pipeline, "--store", store, "--json"]

    def run(self, parameters, threads=2, data_bytes=None, store=None):
        """(exit code, output, documents)"""
        store = store or self.folder / f"s{self.count}"
        limit = data_bytes and (lambda: resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes)))
        done = subprocess.run(self.command(parameters, threads, store), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, preexec_fn=limit)
        files = sorted((store / "artifacts").glob("*/train-*.jsonl.zst")) if done.returncode == 0 else []
        lines = [subprocess.run(["zstd", "-dcq", f], stdout=subprocess.PIPE, check=True).stdout for f in files]
        return done.returncode, done.stdout, [json.loads(line) for line in b"".join(lines).splitlines()]

    def artifacts(self, store):
        return sorted(p.name for p in (store / "artifacts").iterdir())


def table(rng, rows):
    texts = ["".join(rng.choice("abc é\n\"\\😀") for _ in range(rng.randint(0, 300))) for _ in range(rows)]
    return pa.table({"url": [f"u{i}" for i in range(rows)], "content": texts,
                     "n": pa.array([i if i % 3 else None for i in range(rows)], pa.int32()),
                     "score": pa.array([i / 7 for i in range(rows)], pa.float64()), "good": [i % 2 == 0 for i in range(rows)],
                     "lang": pa.array(["de" if i % 5 else "en" for i in range(rows)]).dictionary_encode(),
                     "tags": [["a"] * (i % 3) for i in range(rows)]})


def expected(made):
    return [{"id": row["url"], "text": row["content"], "n": row["n"], "score": row["score"], "good": row["good"],
             "lang": row["lang"]} for row in made.to_pylist()]


def check_forms(shop, rng):
    made = table(rng, 5000)
    parameters = {"text_field": "content", "id_field": "url"}
    for compression, dictionary, large in itertools.product(("NONE", "snappy", "zstd", "gzip"), (True, False), (True, False)):
        path = shop.folder / "form.parquet"
        wide = made.set_column(1, "content", made["content"].cast(pa.large_string())) if large else made
        pq.write_table(wide, path, compression=compression, use_dictionary=dictionary, row_group_size=700)
        code, said, documents = shop.run({"train": [str(path)], **parameters})
        check(f"{compression}, dictionary {dictionary}, large {large}", code == 0 and documents == expected(made), said)
    for encoding, version in itertools.product(("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"), ("1.0", "2.0")):
        pq.write_table(made, path, use_dictionary=False, data_page_version=version, data_page_size=1 << 14, row_group_size=700,
                       column_encoding={"content": encoding, "url": encoding, "n": "DELTA_BINARY_PACKED"})
        code, said, documents = shop.run({"train": [str(path)], **parameters})
        check(f"{encoding}, pages of version {version}", code == 0 and documents == expected(made), said)
    wide = {f"{'u' if low == 0 else ''}int{bits}": (low, high) for bits in (8, 16, 32, 64)
            for low, high in ((-(1 << (bits - 1)), (1 << (bits - 1)) - 1), (0, (1 << bits) - 1))}
    numbers = pa.table({"content": ["a", "b", "c"], **{name: pa.array([low, high, None], getattr(pa, name)())
                                                      for name, (low, high) in wide.items()},
                        "float": pa.array([0.1, None, -1e30], pa.float32()), "double": [0.1, None, -1e300],
                        "bool": [None, True, False]})
    for format_version, dictionary in itertools.product(("1.0", "2.6"), (True, False)):
        pq.write_table(numbers, path, version=format_version, use_dictionary=dictionary)
        code, said, documents = shop.run({"train": [str(path)], "text_field": "content"})
        wanted = [{**row, "id": f"form.parquet:{i + 1}", "text": row["content"]} for i, row in enumerate(numbers.to_pylist())]
        for row in wanted:
            del row["content"]
        close = code == 0 and len(documents) == 3 and all(
            row.keys() == ours.keys() and all(row[k] == ours[k] or k == "float" and abs(row[k] - ours[k]) <= 1e-7 * abs(row[k])
                                              for k in row) for row, ours in zip(wanted, documents))
        check(f"the ends of every type, format {format_version}, dictionary {dictionary}", close, said + str(documents))
    folder = shop.folder / "several"
    folder.mkdir()
    for i in range(3):
        pq.write_table(made.slice(i * 1500, 1500), folder / f"part-{i}.parquet", row_group_size=400)
    pq.write_table(made.slice(0, 0), folder / "part-9.parquet")
    code, said, documents = shop.run({"train": [str(folder)], **parameters}, threads=1)
    check("several files, one of them empty", code == 0 and documents == expected(made)[:4500], said)
    code, said, documents = shop.run({"train": [str(folder)], **parameters, "columns": "listed", "fields": ["n"]})
    wanted = [{key: row[key] for key in ("id", "text", "n")} for row in expected(made)[:4500]]
    check("listed columns", code == 0 and documents == wanted, said)
    pq.write_table(pa.table({"id": [1], "text": ["t"], "content": ["c"], "url": ["u"]}), folder / "PART.PARQUET")
    (folder / "README.md").write_text("of these files")
    code, said, documents = shop.run({"train": [str(folder)], **parameters})
    wanted = [{"id": "u", "text": "c", "original_id": 1, "original_text": "t"}, *expected(made)[:4500]]
    check("columns called id and text, a name in capitals, another file", code == 0 and documents == wanted and
          "1 file of" in said and "passed over: README.md" in said, said)
    pq.write_table(pa.table({"id": [1], "original_id": [2], "content": ["c"]}), folder / "PART.PARQUET")
    code, said, _ = shop.run({"train": [str(folder)], **parameters})
    check("two columns of one name", code == 1 and "two columns would be called 'original_id'" in said, said)


def check_bad(shop):
    made = pa.table({"id": [1, 2, 3], "text": ["a", None, "c"], "list": [[1], [2], [3]]})
    path = shop.folder / "bad.parquet"
    pq.write_table(made, path)
    for name, parameters, part in (
            ("null text", {}, "bad.parquet:2: the text is null"),
            ("no such column", {"text_field": "body"}, "there is no column 'body'; the columns are 'id', 'text'. Set text_field"),
            ("a column of numbers", {"text_field": "id"}, "column 'id' is int64, not text"),
            ("too long", {"max_document_bytes": 1024}, "bad.parquet:1: the text has more than 1024 bytes"),
            ("other columns too long", {"max_document_bytes": 1024}, "bad.parquet:1: the row has more than 1024 bytes")):
        long = {"too long": pa.table({"text": ["x" * 1025]}),
                "other columns too long": pa.table({"text": ["x" * 400], "note": ["y" * 700]})}
        pq.write_table(long.get(name, made), path)
        code, said, _ = shop.run({"train": [str(path)], **parameters})
        check(name, code == 1 and part in said, said)
    pq.write_table(made, path)
    code, said, documents = shop.run({"train": [str(path)], "malformed": "drop"})
    check("null text dropped", code == 0 and [d["id"] for d in documents] == ["1", "3"], said)
    binary = pa.table({"text": pa.array([b"ok", b"caf\xe9"], pa.binary())})
    pq.write_table(binary, path)
    code, said, _ = shop.run({"train": [str(path)]})
    check("bytes that are no UTF-8", code == 1 and "bad.parquet:2: the row is not valid UTF-8" in said, said)
    code, said, documents = shop.run({"train": [str(path)], "invalid_utf8": "replace"})
    check("replaced", code == 0 and documents[1]["text"] == "caf\ufffd", said)
    good = shop.folder / "good.parquet"
    pq.write_table(table(random.Random(2), 2000), good, compression="zstd", row_group_size=500)
    data, rng = good.read_bytes(), random.Random(3)
    crashes = []
    for i in range(60):
        damaged = bytearray(data)
        if i % 3 == 0:
            del damaged[rng.randrange(len(damaged)):]
        for _ in range(rng.randint(1, 5) if i % 3 else 0):
            at = rng.randrange(len(damaged)) if i % 2 else len(damaged) - rng.randrange(1, 2000)
            damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        code, said, _ = shop.run({"train": [str(path)], "text_field": "content", "invalid_utf8": "replace"}, data_bytes=1 << 30)
        if code not in (0, 1) or "killed by" in said or "signal" in said:
            crashes.append(said[-600:])
    check(f"60 damaged files, {len(crashes)} crashes", not crashes, "\n".join(crashes))


def check_large(shop, rng):
    words = ["".join(rng.choice("abcdefgh") for _ in range(7)) for _ in range(3000)]
    path, rows = shop.folder / "large.parquet", 0
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(3):  # row groups of about 130 MB of text
            texts = [" ".join(rng.choices(words, k=400)) for _ in range(40000)]
            writer.write_table(pa.table({"id": range(rows, rows + len(texts)), "text": texts}, schema), row_group_size=40000)
            rows += len(texts)
    parameters = {"train": [str(path)], "commit_every": 16 << 20}
    one = shop.folder / "one"
    code, said, documents = shop.run(parameters, threads=1, data_bytes=500 << 20, store=one)
    check(f"{rows} rows in row groups of 130 MB, in 500 MiB", code == 0 and [d["id"] for d in documents] ==
          [str(i) for i in range(rows)], said)
    killed, landed = shop.folder / "killed", 0
    for at in (8, 6):
        process = subprocess.Popen(shop.command(parameters, 2, killed), stdout=subprocess.PIPE, text=True)
        seen = 0
        for event in process.stdout:
            seen += '"progress"' in event
            if seen == at:
                landed += 1
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
    states = list((killed / "work").glob("*/state/*"))
    code, said, _ = shop.run(parameters, threads=2, store=killed)
    check(f"killed {landed} times ({len(states)} states), the same bytes with two threads",
          code == 0 and states and shop.artifacts(killed) == shop.artifacts(one), said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    options = parser.parse_args()
    if not (options.build / "lib/lehr/plugins/parquet.so").exists():
        print("skipped: the plugin parquet is not built; tools/setup --parquet, then build")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(options.build.resolve() / "bin/lehr", pathlib.Path(folder))
        check_forms(shop, random.Random(1))
        check_bad(shop)
        check_large(shop, random.Random(2))
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    sys.exit(bool(wrong))


main()
