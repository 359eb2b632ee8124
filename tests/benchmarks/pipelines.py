"""Lehr's engine against DVC, Snakemake, ninja and make on the same chains of trivial jobs: cold, with nothing to do, and with
the parameter of the middle job changed. ninja and make neither hash nor sync anything; DVC and Snakemake hash."""

import os
import re
import shutil
import statistics
import subprocess
import time

import graphs
from measure import HEAD, LEHR, PEERS, equal, install_peers, ratio, row

STEPS = ("cold", "nothing to do", "a parameter changed")


class Peer:
    """A tool that makes files in its folder; a job ran if its file is newer than before."""

    def __init__(self, write, *command, setup=()):
        self.write, self.command, self.setup = write, command, setup

    def prepare(self, folder, jobs):
        folder.mkdir()
        (folder / "o0").write_text("hello\n")
        (folder / "parameter").write_text("1\n")
        self.write(folder, jobs)
        for command in self.setup:
            subprocess.run(command, cwd=folder, check=True, capture_output=True)

    def change(self, folder, jobs):
        (folder / "parameter").write_text("2\n")

    def run(self, folder, jobs):
        """(milliseconds, jobs that ran)"""
        outputs = [folder / f"o{i}" for i in range(1, jobs)]
        before = [path.stat().st_mtime_ns if path.exists() else None for path in outputs]
        start = time.perf_counter()
        subprocess.run(self.command, cwd=folder, check=True, capture_output=True, env=environment())
        took = (time.perf_counter() - start) * 1e3
        return took, sum(path.stat().st_mtime_ns != old for path, old in zip(outputs, before))


class Lehr:
    def __init__(self):
        self.sets = []

    def prepare(self, folder, jobs):
        self.sets = []
        graphs.chain(folder, jobs)

    def change(self, folder, jobs):
        self.sets = ["--set", f"stages.s{jobs // 2}.with.max_bytes=100"]  # drops the longer conversation

    def run(self, folder, jobs):
        start = time.perf_counter()
        done = subprocess.run([LEHR, "run", folder / "pipeline.yaml", *self.sets], check=True, capture_output=True, text=True)
        took = (time.perf_counter() - start) * 1e3
        ran = int(re.search(r": (\d+) ran, ", done.stdout).group(1))
        return took, ran - 1 if ran == jobs else ran  # the source is no job


def environment():
    return {**os.environ, "PATH": f"{PEERS}/bin:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"}


def tools():
    python = PEERS / "bin"
    return {
        "Lehr": Lehr(),
        "ninja": Peer(graphs.ninja, "ninja", "-j2"),
        "make": Peer(graphs.make, "make", "-j2"),
        "Snakemake": Peer(graphs.snakemake, python / "snakemake", "--cores", "2", "--quiet", "all"),
        "DVC": Peer(graphs.dvc, python / "dvc", "repro", "-q", setup=[
            [python / "dvc", "init", "-q", "--no-scm"], [python / "dvc", "config", "core.analytics", "false"]])}


def measure(scratch, jobs, rounds, steps=STEPS):
    """rounds: {tool: how many}. Interleaved; {(tool, step): [milliseconds]}."""
    figures = {}
    wanted = {"cold": jobs - 1, "nothing to do": 0, "a parameter changed": jobs - jobs // 2}
    every = {name: tool for name, tool in tools().items() if name in rounds}
    for number in range(max(rounds.values())):
        for name, tool in every.items():
            if number >= rounds[name]:
                continue
            folder = scratch / f"{name}-{jobs}"
            tool.prepare(folder, jobs)
            for step in steps:
                if step == "a parameter changed":
                    tool.change(folder, jobs)
                took, ran = tool.run(folder, jobs)
                equal(ran, wanted[step], f"{name}, {jobs - 1} jobs, {step}: jobs that ran")
                figures.setdefault((name, step), []).append(took)
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)
            shutil.rmtree(folder)
    return figures


def table(figures, jobs):
    rows = [f"chain of {jobs - 1} jobs, milliseconds", "", HEAD]
    for step in [step for step in STEPS if ("Lehr", step) in figures]:
        lehr = figures["Lehr", step]
        for (name, of), times in figures.items():
            if of == step:
                against = "" if name == "Lehr" else f"{ratio(times, lehr)} x Lehr"
                rows.append(row(f"{step}: {name}", times, against))
    cold = statistics.median(figures["Lehr", "cold"])
    rows += ["", f"Lehr, cold: {cold / jobs:.2f} ms for each stage"]
    return "\n".join(rows)


def pipelines(scratch):
    install_peers("dvc", "snakemake")
    small = measure(scratch, 201, {"Lehr": 5, "ninja": 5, "make": 5, "Snakemake": 3, "DVC": 2})
    large = measure(scratch, 1001, {"Lehr": 5, "ninja": 5, "make": 5, "Snakemake": 2})
    return table(small, 201) + "\n\n" + table(large, 1001)


def pipelines_dvc(scratch):
    """The longer chain for DVC, which takes some twenty minutes: one round, and no change, which takes it twice as long for half the jobs."""
    install_peers("dvc")
    return table(measure(scratch, 1001, {"Lehr": 1, "DVC": 1}, STEPS[:2]), 1001)
