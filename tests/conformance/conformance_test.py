#!/usr/bin/env python3
"""Each check of `lehr plugins test` fails for a plugin that breaks that promise, and for no other; plugins from the
other side of the boundary pass and run."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

RUNS = "runs, and stays in its own folders"
ELSEWHERE = "same bytes in another folder, language and time zone"
STOPS = "stops when asked, and goes on from there"
JUDGES = "verdicts and reasons are valid"
BATCH = "the same alone and in any batch"
AGAIN = "the same when asked again"
DECLARES = "names, types and defaults are valid"

# item of violators.so and raw.so -> the one promise it breaks
EXPECTED = {
    "violators": {
        "stage violators.unrepeatable": "same seed, same bytes",
        "stage violators.path": ELSEWHERE,
        "stage violators.local": ELSEWHERE,
        "stage violators.threaded": "same bytes with one thread and with two",
        "stage violators.deaf": STOPS,
        "stage violators.sulking": STOPS,
        "stage violators.forgetful": "killed after a checkpoint, it ends with the same bytes",
        "stage violators.leaking": "leaves no file open",
        "stage violators.wandering": RUNS,
        "stage violators.fragile": "broken input gives an error, not a crash",
        "stage violators.brittle": "any parameters are taken or refused with a reason",
        "stage violators.beyond": DECLARES,
        "stage violators.unbound": "ports and promises are valid",
        "stage violators.valueless": "ports and promises are valid",
        "stage violators.placeless": "ports and promises are valid",
        "stage violators.presuming": "estimates before and after its inputs are made",
        "stage violators.fabling": "estimates before and after its inputs are made",
        "step violators.moody": AGAIN,
        "step violators.remembering": "the same in any order",
        "step violators.bound": "the same for every instance, on two threads",
        "step violators.scribbling": "leaves documents as they are",
        "step violators.wordy": JUDGES,
        "step violators.fainting": "judges documents",
        "reward violators.dizzy": "scores answers",
        "reward violators.tiring": AGAIN,
        "reward violators.boundless": "scores are finite numbers",
    },
    "raw": {
        "stage raw.throwing": RUNS,
        "stage raw.silent": RUNS,
        "step raw.by_batch": BATCH,
        "step raw.unstrided": "arrays are walked by their stride",
        "step raw.fleeting": JUDGES,
        "reward raw.relative": BATCH,
    },
}
# file -> the one promise it breaks
FILES = {
    "fine": None,
    "unstamped": "is a plugin file with a manifest",
    "fickle": "loads, and says what its manifest says",
    "unlicensed": "says version, licence and what it does",
    "talkative": "shows only lehr_plugin_entry",
    "absolute": "run paths are relative to it",
    "snake": "libraries it needs are there and may be",
}

problems = []
checks, broken = set(), set()  # names of what the kit has looked at, and of what it has found broken


def expect(condition, text):
    if not condition:
        problems.append(text)


def kit(lehr, file, *arguments):
    done = subprocess.run([lehr, "plugins", "test", str(file), "--json", *arguments], stdout=subprocess.PIPE, timeout=550)
    findings = json.loads(done.stdout)
    failed = [(f["item"], f["check"]) for f in findings if f["verdict"] == "failed"]
    checks.update(f["check"] for f in findings)
    broken.update(check for _, check in failed)
    expect(done.returncode == (1 if failed else 0), f"{file}: exit code {done.returncode}, {len(failed)} failed")
    return findings, failed


def violators(lehr, folder):
    for name, expected in EXPECTED.items():
        findings, failed = kit(lehr, folder / "violators" / f"{name}.so", "--patience", "10")
        for item, check in expected.items():
            got = [c for i, c in failed if i == item]
            detail = [f for f in findings if f["item"] == item and f["verdict"] == "failed"]
            expect(got == [check], f"{item}: expected to break '{check}' alone, broke {detail}")
        others = [f for f in failed if f[0] not in expected]
        expect(not others, f"{name}: failed unexpectedly: {others}")


def files(lehr, folder):
    for name, check in FILES.items():
        findings, failed = kit(lehr, folder / "files" / f"{name}.so")
        expect([c for _, c in failed] == ([check] if check else []), f"{name}.so: {failed}, expected {check}")


def other_side(lehr, folder, builtin):
    """Plain C against the frozen header, with the tables of its time, of an older and of a newer one."""
    here = pathlib.Path(__file__).resolve().parent / "plain_c"
    for variant in ("plain_c", "older", "newer"):
        findings, failed = kit(lehr, folder / variant / "plain_c.so")
        expect(not failed, f"plain_c.so ({variant}): {[f for f in findings if f['verdict'] == 'failed']}")
        ran = [f for f in findings if f["item"] == "stage plain_c.head" and f["verdict"] == "passed"]
        expect(len(ran) >= 8, f"plain_c.so ({variant}): its stage was hardly tested: {findings}")
        with tempfile.TemporaryDirectory() as work:
            shutil.copytree(here, work, dirs_exist_ok=True)
            environment = dict(os.environ, LEHR_PLUGIN_PATH=str(builtin))
            command = [lehr, "run", f"{work}/pipeline.yaml", "--plugin-path", str(folder / variant)]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            expect(done.returncode == 0, f"plain_c ({variant}) does not run:\n{done.stdout}")
            path = subprocess.run([lehr, "store", "path", "head", "--store", f"{work}/.lehr"], stdout=subprocess.PIPE,
                                  text=True).stdout.strip()
            rows = (pathlib.Path(path) / "train-00000.jsonl").read_text().splitlines() if path else []
            expect(len(rows) == 2, f"plain_c ({variant}): expected the first 2 rows, found {rows}")
            odd = command + ["--set", "stages.head.with.rows=3"]
            done = subprocess.run(odd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            told = done.returncode == 3 and "pipeline.yaml:7:3: error: stage 'head': rows is odd" in done.stdout
            expect(told, f"plain_c ({variant}): its check should refuse 3 rows at its line:\n{done.stdout}")


def quarantine(lehr, folder):
    """A file that cannot be used is listed with its reason, and is used as soon as the reason is gone."""
    whole = (folder / "files" / "fine.so").read_bytes()

    def listed(place):
        done = subprocess.run([lehr, "plugins", "list", "--json", "--plugin-path", place], cwd=place,
                              env={"HOME": place, "PATH": os.environ["PATH"]}, stdout=subprocess.PIPE)
        entries = [e for e in json.loads(done.stdout) if place in e["path"]]
        return done.returncode, entries

    with tempfile.TemporaryDirectory() as place:
        file = pathlib.Path(place) / "file.so"
        for bytes_, reason in ((whole[:3000], "truncated"), (b"text", "not an ELF file")):
            file.write_bytes(bytes_)
            code, entries = listed(place)
            expect(code == 4 and len(entries) == 1 and reason in entries[0].get("error", ""),
                   f"a broken file should be listed as '{reason}': {code} {entries}")
        file.write_bytes(whole)
        code, entries = listed(place)
        expect(code == 0 and [e.get("name") for e in entries] == ["file"], f"the healed file is not used: {code} {entries}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("lehr", "plugins", "builtin"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    options = parser.parse_args()
    lehr = str(options.lehr.resolve())
    other_side(lehr, options.plugins, options.builtin)
    files(lehr, options.plugins)
    quarantine(lehr, options.plugins)
    violators(lehr, options.plugins)
    for check in sorted(checks - broken):
        expect(False, f"nothing breaks the promise '{check}': add a stage, step, reward or file to violators/ that does")
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
