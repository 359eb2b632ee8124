"""Pipelines of trivial stages, and the same graphs for ninja, make, Snakemake and DVC. A job copies one file; the middle job
of a chain also copies a parameter, so that everything after it has to run when that changes."""

import json


def conversation(text):
    return json.dumps({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": text}]}) + "\n"


def write(folder, stages):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chats.jsonl").write_text(conversation("hello") + conversation("hello " * 40))
    (folder / "more.jsonl").write_text(conversation("hello again"))  # what the first stage may be set to read
    path = folder / "pipeline.yaml"
    head = ["lehr: 1", "name: " + folder.name, "stages:",
            "  s0: {uses: files.conversations, with: {train: [chats.jsonl]}}"]
    path.write_text("\n".join(head + stages) + "\n")
    return path


def chain(folder, stages):
    """Each stage takes the last one's conversations. Each has another parameter: what is the same is done once."""
    lines = [f"  s{i}: {{uses: template, in: {{conversations: s{i - 1}}}, with: {{max_bytes: {1000 + i}}}}}" for i in range(1, stages)]
    return write(folder, lines)


def shrinking(folder, stages):
    """A chain in which each stage drops one more conversation, so that each makes an artifact of its own."""
    lines = [f"  s{i}: {{uses: template, in: {{conversations: s{i - 1}}}, with: {{max_bytes: {1000 - i}}}}}"
             for i in range(1, stages)]
    path = write(folder, lines)
    shortest = len(conversation("")) - 1
    chats = [conversation("x" * (1000 - i - shortest)) for i in range(stages + 1)]
    (folder / "chats.jsonl").write_text("".join(chats))
    return path


def fan(folder, stages):
    """All stages take the first one's conversations. Each has another parameter, so that each has to run."""
    lines = [f"  s{i}: {{uses: template, in: {{conversations: s0}}, with: {{max_bytes: {1000 + i}}}}}" for i in range(1, stages)]
    return write(folder, lines)


def ninja(folder, jobs):
    lines = ["rule copy", "  command = cat $in > $out"]
    lines += [f"build o{i}: copy {inputs(i, jobs)}" for i in range(1, jobs)]
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")


def make(folder, jobs):
    lines = [f"all: o{jobs - 1}"] + [f"o{i}: {inputs(i, jobs)}\n\tcat $^ > $@" for i in range(1, jobs)]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


def snakemake(folder, jobs):
    # It goes up a chain by recursion, and Python's limit is reached after some 480 jobs.
    lines = ["import sys", f"sys.setrecursionlimit({1000 + 20 * jobs})", f"rule all:\n    input: 'o{jobs - 1}'"]
    lines += [f"rule r{i}:\n    input: {', '.join(repr(n) for n in inputs(i, jobs).split())}\n    output: 'o{i}'\n"
              "    shell: 'cat {input} > {output}'" for i in range(1, jobs)]
    (folder / "Snakefile").write_text("\n".join(lines) + "\n")


def dvc(folder, jobs):
    lines = ["stages:"]
    for i in range(1, jobs):
        lines += [f"  r{i}:", f"    cmd: cat {inputs(i, jobs)} > o{i}", "    deps:",
                  *[f"    - {name}" for name in inputs(i, jobs).split()], "    outs:", f"    - o{i}"]
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")


def inputs(job, jobs):
    return f"o{job - 1}" + (" parameter" if job == jobs // 2 else "")
