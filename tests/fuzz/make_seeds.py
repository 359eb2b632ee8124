#!/usr/bin/env python3
"""Writes the inputs in binary forms that the targets `fasttext`, `kept_rows` and `parquet` begin with, into seeds/; the latter where
Python has pyarrow. They are tiny, and made up here."""

import pathlib
import struct

seeds = pathlib.Path(__file__).parent / "seeds"
SOFTMAX, HIERARCHICAL = 3, 1


def fasttext(loss, quantized, word_ngrams=1, version=12, moved=None):
    words, labels, dim, bucket = ["the", "näh", "</s>"], ["__label__en", "__label__de"], 2, 8
    out = struct.pack("<2i", 793712314, version)
    out += struct.pack("<12id", dim, 5, 1, 1, 5, word_ngrams, loss, 3, bucket, 1, 3, 100, 1e-4)
    out += struct.pack("<3i2q", len(words) + len(labels), len(words), len(labels), 100, -1 if moved is None else len(moved))
    for i, entry in enumerate(words + labels):
        out += entry.encode() + b"\0" + struct.pack("<qb", 50 - i, entry in labels)
    for old, new in moved or []:
        out += struct.pack("<2i", old, new)
    rows = len(words) + (bucket if moved is None else len(moved))

    def dense(rows):
        numbers = [(i % 7 - 3) / 4 for i in range(rows * dim)]
        return struct.pack("<2q", rows, dim) + struct.pack(f"<{len(numbers)}f", *numbers)

    def quantizer(columns):
        numbers = [(i % 7 - 3) / 4 for i in range(columns * 256)]
        return struct.pack("<4i", columns, 1, columns, columns) + struct.pack(f"<{len(numbers)}f", *numbers)

    def codes(rows, norms):
        out = struct.pack("<?2qi", norms, rows, dim, rows) + bytes(range(rows)) + quantizer(dim)
        return out + (bytes(range(rows)) + quantizer(1) if norms else b"")

    if not quantized:
        return out + b"\0" + dense(rows) + b"\0" + dense(len(labels))
    return out + b"\1" + codes(rows, True) + b"\1" + codes(len(labels), False)


def write(target, name, data):
    (seeds / target).mkdir(parents=True, exist_ok=True)
    (seeds / target / name).write_bytes(data)


write("fasttext", "softmax", fasttext(SOFTMAX, False, word_ngrams=2))
write("fasttext", "tree_old", fasttext(HIERARCHICAL, False, version=11))
write("fasttext", "pruned", fasttext(HIERARCHICAL, True, moved=[(3, 0), (5, 1)]))
write("fasttext", "quantized", fasttext(SOFTMAX, True))

# Bits: 1 ends a frame, 2 no line end, 4 \\r\\n, 8 dropped, 16 from elsewhere, 32 a document. Frames of whole rows and
# more than 32 KiB are copied.
write("kept_rows", "whole", bytes([255, 0, 255, 0, 255, 1] * 6))
write("kept_rows", "some_dropped", bytes([255, 0, 255, 0, 255, 1, 200, 0, 200, 8, 255, 1, 255, 0, 255, 0, 255, 5]))
write("kept_rows", "cut_within_rows", bytes([255, 0, 255, 3, 255, 16, 255, 0, 255, 1, 90, 34, 255, 0, 255, 0, 255, 1, 3, 4, 7, 9]))

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise SystemExit("make_seeds: pyarrow is not here: seeds/parquet stays as it is")


def parquet(name, table, **options):
    (seeds / "parquet").mkdir(parents=True, exist_ok=True)
    pq.write_table(table, seeds / "parquet" / name, store_schema=False, write_statistics=False, **options)


texts = pa.array(["one", None, "ein längerer Text", "", "one"] * 3)
rows = {"text": texts, "id": pa.array(range(15), pa.int32()), "score": pa.array([0.5, None, 2.0] * 5), "ok": pa.array([True] * 15)}
parquet("dictionary_snappy", pa.table(rows), row_group_size=8)
parquet("plain", pa.table(rows), use_dictionary=False, compression="none")
parquet("delta_zstd", pa.table(rows), use_dictionary=False, compression="zstd", data_page_version="2.0",
        column_encoding={"text": "DELTA_BYTE_ARRAY", "id": "DELTA_BINARY_PACKED"})
parquet("bytes_nested", pa.table({"text": texts.cast(pa.binary()), "list": pa.array([[1], None, [2, 3]] * 5)}), compression="gzip")
