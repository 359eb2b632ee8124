#!/usr/bin/env python3
"""What tokenizer.megatron writes, read by a reader of Megatron-LM's indexed datasets that knows nothing of Lehr (numpy, from
the format as Megatron-LM publishes it): every document is there, with the ids that Hugging Face's tokenizers gives its text.
Run by tests/oracle/run, or: megatron_oracle.py --build BUILD"""

import argparse
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import numpy
import tokenizers

sys.path.insert(0, str(pathlib.Path(__file__).parent / "corpus"))
import filter_texts  # noqa: E402

TYPES = {1: numpy.uint8, 2: numpy.int8, 3: numpy.int16, 4: numpy.int32, 5: numpy.int64, 6: numpy.float64, 7: numpy.float32,
         8: numpy.uint16}


class IndexedDataset:
    """The documents of PREFIX.bin and PREFIX.idx, each a list of its sequences."""

    def __init__(self, prefix):
        with open(f"{prefix}.idx", "rb") as idx:
            assert idx.read(9) == b"MMIDIDX\0\0", "another format"
            version, code = struct.unpack("<QB", idx.read(9))
            assert version == 1, f"version {version}"
            self.dtype = TYPES[code]
            sequences, marks = struct.unpack("<QQ", idx.read(16))
            self.lengths = numpy.fromfile(idx, numpy.int32, sequences)
            self.pointers = numpy.fromfile(idx, numpy.int64, sequences)
            self.marks = numpy.fromfile(idx, numpy.int64, marks)
            assert idx.read() == b"", "the index goes on"
        self.bin = numpy.memmap(f"{prefix}.bin", mode="r")
        assert self.marks[0] == 0 and self.marks[-1] == sequences
        assert self.pointers[-1] + self.lengths[-1] * self.dtype().itemsize == len(self.bin)

    def __len__(self):
        return len(self.marks) - 1

    def __getitem__(self, document):
        return [numpy.frombuffer(self.bin, self.dtype, self.lengths[i], self.pointers[i]).tolist()
                for i in range(self.marks[document], self.marks[document + 1])]


def check(folder, lehr, splits, tokenizer, stage, dtype):
    """stage: the pipeline's lines that make the stage `tokenizer`."""
    (folder / "p.yaml").write_text(
        "lehr: 1\nname: oracle\nstages:\n  source: {uses: files.documents, with: {train: [train.jsonl], eval: [eval.jsonl]}}\n"
        f"  tokenizer: {stage}\n  tokens: {{uses: tokenizer.encode, in: {{documents: source, tokenizer: tokenizer}}}}\n"
        "  dataset: {uses: tokenizer.megatron, in: {tokens: tokens}}\noutputs: {dataset: dataset}\n")
    subprocess.run([lehr, "run", folder / "p.yaml"], check=True, stdout=subprocess.DEVNULL)
    made = folder / "outputs/dataset"
    theirs = tokenizers.Tokenizer.from_file(str(made / "tokenizer.json"))
    end = theirs.token_to_id("<|endoftext|>")
    right = True
    for split, texts in splits.items():
        dataset = IndexedDataset(made / split)
        expected = [[[*theirs.encode(text, add_special_tokens=False).ids, end]] for text in texts]
        got = [dataset[i] for i in range(len(dataset))]
        same = sum(e == g for e, g in zip(expected, got))
        print(f"{tokenizer}, {split}: {dataset.dtype.__name__}, {same} of {len(texts)} documents alike")
        right &= expected == got and dataset.dtype is dtype
    return right, theirs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    lehr = parser.parse_args().build.resolve() / "bin/lehr"
    texts = [t for t in filter_texts.texts(3, 0.05) if t]
    random.Random(3).shuffle(texts)
    splits = {"train": texts[40:], "eval": texts[:40]}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for split, part in splits.items():
            (folder / f"{split}.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in part))
        narrow, theirs = check(folder, lehr, splits, "2,000 tokens",
                               "{uses: tokenizer.train, in: {documents: source}, with: {vocab_size: 2000}}", numpy.uint16)
        theirs.add_special_tokens([f"<|{i}|>" for i in range(70000)])
        theirs.save(str(folder / "wide.json"))
        wide, _ = check(folder, lehr, splits, "72,000 tokens", "{uses: tokenizer.import, with: {path: wide.json}}", numpy.int32)
        subprocess.run(["chmod", "-R", "u+w", scratch], check=True)
    sys.exit(not (narrow and wide))


if __name__ == "__main__":
    main()
