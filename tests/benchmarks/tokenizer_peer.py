"""One measurement of another tokenizer, in a process of its own so that it is cold. Run by tokenization.py in the peers'
environment; prints JSON: seconds, and ids or merges to compare.

    tokenizer_peer.py encode PEER FOLDER RANKS PATTERN CORPUS IDS    ids into the file IDS, "" for not
    tokenizer_peer.py train PEER CORPUS VOCAB_SIZE                   cut as GPT-2 does
FOLDER holds a tokenizer.json, RANKS is the .tiktoken file it was made of. Threads: RAYON_NUM_THREADS."""

import hashlib
import json
import os
import pathlib
import re
import sys
import time

PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
ALPHABET = {b: chr(b) for b in PRINTABLE}
ALPHABET.update({b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in ALPHABET)})
THREADS = int(os.environ["RAYON_NUM_THREADS"])
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def flat(lists):
    import numpy
    return numpy.concatenate([numpy.asarray(ids, dtype=numpy.uint32) for ids in lists])


def encoder(peer, folder, ranks, pattern):
    """(what encodes a corpus file's documents, what makes its result one array of ids)"""
    path = str(pathlib.Path(folder) / "tokenizer.json")
    if peer == "gigatoken":
        import awkward
        import gigatoken
        tokenizer = gigatoken.Tokenizer(path)
        return lambda corpus, texts: tokenizer.encode_files(gigatoken.TextFileSource([corpus], separator=b"\0")), \
            lambda result: awkward.to_numpy(awkward.flatten(result))
    if peer == "fastokens":
        import fastokens
        import numpy
        tokenizer = fastokens._native.Tokenizer.from_file(path)
        return lambda corpus, texts: tokenizer.encode_batch_flat(texts, False, True), \
            lambda result: numpy.frombuffer(result[0], numpy.uint32)
    if peer == "tokenizers":
        import tokenizers
        tokenizer = tokenizers.Tokenizer.from_file(path)
        tokenizer.encode_special_tokens = True
        return lambda corpus, texts: tokenizer.encode_batch_fast(texts, add_special_tokens=False), \
            lambda result: flat(e.ids for e in result)
    import tiktoken
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import vocabularies
    tokenizer = tiktoken.Encoding("theirs", pat_str=pattern, mergeable_ranks=vocabularies.ranks_of(ranks), special_tokens={})
    return lambda corpus, texts: tokenizer.encode_ordinary_batch(texts, num_threads=THREADS), flat


def encode(peer, folder, ranks, pattern, corpus, ids):
    run, as_array = encoder(peer, folder, ranks, pattern)
    texts = [] if peer == "gigatoken" else open(corpus, encoding="utf-8", newline="").read().split("\0")
    start, before = time.perf_counter(), time.process_time()
    result = run(corpus, texts)
    took, cpu = time.perf_counter() - start, time.process_time() - before
    tokens = None
    if ids:
        array = as_array(result)
        tokens = len(array)
        array.astype("<u4").tofile(ids)
    return {"seconds": took, "cpu": cpu, "tokens": tokens}


def by_concatenation(ranks):
    """The merges behind a list of (bytes, rank): each token's two last parts before it was made."""
    ranks = {bytes(token): rank for token, rank in ranks}
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:
            best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], rank))
            parts[best:best + 2] = [parts[best] + parts[best + 1]]
        if len(parts) == 2:
            merges.append(parts)
    return merges


def digest(merges):
    """Of merges as bytes or as ByteLevel text, written as tokenizer.json has them."""
    def text(part):
        return part if isinstance(part, str) else "".join(ALPHABET[b] for b in part)
    written = [[text(part) for part in (merge.split(" ") if isinstance(merge, str) else merge)] for merge in merges]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def train(peer, corpus, vocab_size):
    start, before = time.perf_counter(), time.process_time()
    if peer == "gigatoken":
        import gigatoken
        start, before = time.perf_counter(), time.process_time()
        merges = gigatoken.train_bpe(gigatoken.TextFileSource([corpus], separator=b"\0"), int(vocab_size), [])[1]
    else:
        texts = open(corpus, encoding="utf-8", newline="").read().split("\0")
        start, before = time.perf_counter(), time.process_time()
        if peer == "rustbpe":
            import rustbpe
            tokenizer = rustbpe.Tokenizer()
            tokenizer.train_from_iterator(iter(texts), int(vocab_size), pattern=GPT2)
            merges = by_concatenation(tokenizer.get_mergeable_ranks())
        else:
            from tokenizers import Tokenizer, models, pre_tokenizers, trainers
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
                vocab_size=int(vocab_size), show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
            merges = json.loads(tokenizer.to_str())["model"]["merges"]
    took, cpu = time.perf_counter() - start, time.process_time() - before
    return {"seconds": took, "cpu": cpu, "merges": digest(merges),
            "megabytes": int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read()).group(1)) * 1024 / 1e6}


if __name__ == "__main__":
    print(json.dumps({"encode": encode, "train": train}[sys.argv[1]](*sys.argv[2:])))
