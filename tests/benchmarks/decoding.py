"""Decoding speed beside Hugging Face's generate and a loop tuned by hand: random models of the log's shapes, greedy, one
answer and 32 at a time. Every program is loaded once and they take turns."""

import json
import pathlib
import subprocess

from measure import DEVICE, HEAD, PRECISION, PYTHON, ROOT, equal, install_peers, interleaved, number, row, sh
from store import machine

HERE = pathlib.Path(__file__).parent
THREADS = "2"
SIZE = 256 << 20  # bytes, of the memory-read measurement
TOKENS = 128
SHAPES = {  # the 13.8M and the 33.6M of the training rows
    "13.8M": dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=6, num_key_value_heads=6,
                  intermediate_size=1024, vocab_size=8192),
    "33.6M": dict(hidden_size=512, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4,
                  intermediate_size=1536, vocab_size=16384)}
ROUNDS = {1: 5, 32: 5, 256: 3} if DEVICE == "cuda" else {1: 5, 32: 5}


class Server:
    """A program that answers one line for each line."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args}: ended without an answer to {line!r}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def servers(folder, precision):
    """Ours, model.generate, and the tuned loop."""
    dtype = {"fp32": "float32", "bf16": "bfloat16"}[precision]
    return {"lehr": Server(ROOT / "build/bin/decode_benchmark", folder, precision, THREADS, DEVICE),
            "HF generate": Server(PYTHON, HERE / "decode_peer.py", "serve", folder, "generate", dtype, THREADS, DEVICE),
            "HF, static cache + torch.compile": Server(PYTHON, HERE / "decode_peer.py", "serve", folder, "tuned", dtype, THREADS, DEVICE)}


def weight_bytes(shape):
    """What one token reads of weights: every matrix once, the tied head too."""
    width, kv = shape["hidden_size"], shape["num_key_value_heads"] / shape["num_attention_heads"]
    layer = width * width * (2 + 2 * kv) + 3 * width * shape["intermediate_size"]
    return (2 if PRECISION == "bf16" else 4) * (shape["num_hidden_layers"] * layer + shape["vocab_size"] * width)


def gpu_read():
    """Bytes a second of the GPU's memory, read by a sum."""
    return float(sh(PYTHON, "-c", "import torch, time\n"
                    "x = torch.randn(1 << 30, device='cuda').to(torch.bfloat16)\n"
                    "best = 1e9\n"
                    "for _ in range(10):\n"
                    "  torch.cuda.synchronize(); start = time.perf_counter(); x.view(torch.int32).max()\n"
                    "  torch.cuda.synchronize(); best = min(best, time.perf_counter() - start)\n"
                    "print(x.nbytes / best)"))


def decode(scratch):
    install_peers("torch==2.13.0", "transformers", "safetensors")
    read = gpu_read() if DEVICE == "cuda" else max(SIZE / seconds for seconds in machine(scratch, 3, SIZE)["read"])
    rows = [f"Memory read {read / 1e9:.1f} GB/s in this run. Prompts of 32 tokens, {TOKENS} greedy tokens each, {PRECISION}, "
            f"{'a GPU' if DEVICE == 'cuda' else THREADS + ' threads'}; ids equal in fp32 first.", "", HEAD]
    for name, shape in SHAPES.items():
        folder = scratch / name
        sh(PYTHON, HERE / "decode_peer.py", "make", folder,
           json.dumps({**shape, "max_position_embeddings": 512, "tie_word_embeddings": True}))
        exact = servers(folder, "fp32")
        answers = {who: server.ask("ids 4 24").split() for who, server in exact.items()}
        for who, ids in answers.items():
            equal(ids, answers["lehr"], f"{name}: greedy ids of {who}")
        for server in exact.values():
            server.close()
        running = servers(folder, PRECISION)
        floor = read / weight_bytes(shape)  # tokens a second if reading weights were all
        for batch, rounds in ROUNDS.items():
            line = f"rate {batch} {TOKENS}"
            for server in running.values():
                server.ask(line)  # compiles and warms up
            figures = interleaved({who: lambda s=server: float(s.ask(line)) for who, server in running.items()}, rounds)
            for who, rates in figures.items():
                rows.append(row(f"{name}, batch {batch}: {who}", rates, "tokens/s"))
            best = {who: max(rates) for who, rates in figures.items()}
            ours = best.pop("lehr")
            rows.append(f"| {name}, batch {batch}: lehr over " + ", ".join(
                f"{who} {number(ours / rate)}x" for who, rate in best.items()) +
                        (f"; {100 * ours / floor:.0f} % of the weight-read floor ({floor:.0f} tokens/s)" if batch == 1 else "")
                        + " | | | | |")
        for server in running.values():
            server.close()
    return "\n".join(rows)

