#!/usr/bin/env python3
"""Benchmarks of whole commands, as a user meets them, beside the tools people use now.

Prints minimum, median and maximum; --append adds the figures to LOG.md with date, commit and machine facts. Refuses on a
busy machine. Uses the build in build/ and a scratch folder, and installs peers from PyPI into .deps/bench."""

import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from alignment import train_dpo, train_grpo, train_ppo, train_reward
from decoding import decode
from deduplication import exact_dedup, minhash, minhash_growth
from documents import documents
from filters import filters
from measure import DEVICE, ROOT, sh
from memory import memory
from pipelines import pipelines, pipelines_dvc
from startup import libraries, startup
from store import peak, store
from tokenization import bpe_training, encode
from training import pretrain, train, train_gpu, train_large, train_sft

ALL = [startup, pipelines, store, peak, documents, encode, bpe_training, filters, minhash, exact_dedup, pretrain, memory, libraries]
LONG = [pipelines_dvc, minhash_growth, decode, train, train_large, train_gpu, train_sft, train_reward, train_dpo, train_grpo, train_ppo]  # not part of all


def others_load(seconds=3):
    """Processors busy just now, as a number of cores; the load average remembers minutes that are over."""
    def busy():
        times = [int(t) for t in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return sum(times) - times[3] - times[4]
    before = busy()
    time.sleep(seconds)
    return (busy() - before) / os.sysconf("SC_CLK_TCK") / seconds


def load_when_quiet():
    """The build before this, or the benchmark before, may still be ending: a minute to do so."""
    found = [others_load()]
    while found[-1] > 0.1 and len(found) < 20:
        found.append(others_load())
    return found[-1]


def facts():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    flags = [name for name in ("sha_ni", "avx2", "avx512f", "avx512_bf16") if f" {name}" in info]
    cpu = re.search(r"model name\s*: (.*)", info).group(1)
    kernel = os.uname().release
    device = sh("findmnt", "-no", "SOURCE,FSTYPE", "--target", tempfile.gettempdir()).split()
    if DEVICE == "cuda":
        cpu = sh("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").strip() + "; " + cpu
    return f"{cpu}, {os.cpu_count()} cores, {' '.join(flags)}; Linux {kernel}; {' '.join(device)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[measure.__name__ for measure in ALL + LONG] + ["all"])
    parser.add_argument("--append", action="store_true", help="add the figures to LOG.md")
    parser.add_argument("--busy", action="store_true", help="measure although the machine is busy; never with --append")
    options = parser.parse_args()
    if options.busy and options.append:
        sys.exit("figures of a busy machine are not recorded")
    if not options.busy and (load := load_when_quiet()) > 0.1:
        sys.exit(f"the machine is busy ({load:.1f} of {os.cpu_count()} processors): try later, or give --busy for a look")
    wanted = ALL if options.what == "all" else [measure for measure in ALL + LONG if measure.__name__ == options.what]
    commit = sh("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
    text = f"\n## {datetime.date.today()}, {commit}\n\n{facts()}\n"
    for measure in wanted:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="lehr-bench-"))
        try:
            part = f"\n`./tools/bench {measure.__name__}`\n\n{measure(scratch)}\n"
        except subprocess.CalledProcessError as error:
            said = "\n".join(str(text or "") for text in (error.stdout, error.stderr)).strip()
            sys.exit(f"{measure.__name__}: {error}\n{said[-2000:]}")
        finally:
            subprocess.run(["chmod", "-R", "u+w", scratch], check=False)
            shutil.rmtree(scratch, ignore_errors=True)
        print(part, flush=True)
        text += part
    if options.append:
        with open(pathlib.Path(__file__).parent / "LOG.md", "a", encoding="utf-8") as log:
            log.write(text)


main()
