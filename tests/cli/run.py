"""Runs the cases: each folder's pipeline through `lehr`, output and exit code compared with expected.txt."""
import argparse
import difflib
import itertools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

# What is other each time, by command: where a case has runs of its own beforehand, the rest is as written.
RUN, DIGEST = (r"\b\d{8}-\d{6}-[\w.-]+-[0-9a-f]{4}\b", "RUN"), (r"\b[0-9a-f]{64}\b", "DIGEST")
SANITIZER = (r"  library\.lib(asan|tsan|ubsan)\.so\S* = .*\n", "")  # a plugin needs it where tools/sanitize built it
CHANGING = {"run": [RUN, DIGEST, (r"\b\d+ MiB are free", "SIZE are free"), (r" +(\d+(\.\d)?m?s|\d+m\d\ds)\b", " TIME")], "explain": [RUN, DIGEST, SANITIZER], "validate": [DIGEST], "store": [RUN, (r"runs?: \d.*B\b", "runs: SIZE"), (r"(run +)\d.*B\b", r"\1SIZE")],
            "plan": [RUN, (r"machine has \d[\d.]* \w+", "machine has SO MUCH"), (r"only \d[\d.]* \w+ are free", "only SIZE are free"), (r"took +[\d.hms]+", "took TIME")]}
SPACE_AT_END = re.compile(r"^(?!\s*\d*\s*\|).* $")  # but where another's text is quoted
VARIABLE = re.compile(r"[A-Z_]+=")  # CUDA_VISIBLE_DEVICES=GPU-7 run pipeline.yaml
HERE = pathlib.Path(__file__).resolve().parent


def outcome(case, lehr, plugins, folder):
    shutil.copytree(case, folder, dirs_exist_ok=True)
    script = folder / "pipeline.py"
    if script.exists():
        made = subprocess.run([sys.executable, str(script)], check=True, stdout=subprocess.PIPE)
        (folder / "pipeline.yaml").write_bytes(made.stdout)
    args = folder / "args.txt"
    lines = args.read_text().splitlines() if args.exists() else ["validate pipeline.yaml"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LEHR_PLUGIN_PATH": plugins, "TZ": "UTC",
                   "CUDA_VISIBLE_DEVICES": ""}
    for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    out = ""
    for line in lines:
        words = shlex.split(line)
        given = dict(word.split("=", 1) for word in itertools.takewhile(VARIABLE.match, words))
        words = words[len(given):]
        done = subprocess.run([lehr, *words], cwd=folder, env=environment | given, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        said = done.stdout.decode().replace(str(folder.resolve()), "FOLDER").replace(plugins, "PLUGINS")
        said = said.replace(str(pathlib.Path(lehr).parent.parent / "lib/lehr/plugins"), "BUILT")
        for pattern, name in CHANGING.get(words[0], []):
            said = re.sub(pattern, name, said)
        if "took TIME" in said:  # the column is as wide as the longest time
            said = re.sub(r"(?<=\S) {3,}", "  ", said)
        variables = "".join(f"{name}={value} " for name, value in given.items())
        out += f"$ {variables}lehr {line[len(variables):]}\n{said}exit {done.returncode}\n"
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lehr", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    lehr, plugins = os.path.abspath(options.lehr), os.path.abspath(options.plugins)
    cases = sorted(p for p in (HERE / "cases").iterdir() if p.is_dir())
    cases = [c for c in cases if not options.cases or c.name in options.cases]
    failed = 0
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            got = outcome(case, lehr, plugins, pathlib.Path(folder))
        expected = case / "expected.txt"
        for line in filter(SPACE_AT_END.match, got.splitlines()):
            failed += 1
            print(f"{case.name}: a line ends in a space: {line!r}")
        if options.update:
            expected.write_text(got)
        elif not expected.exists() or expected.read_text() != got:
            failed += 1
            want = expected.read_text() if expected.exists() else ""
            sys.stdout.writelines(difflib.unified_diff(want.splitlines(True), got.splitlines(True),
                                                       f"{case.name}/expected.txt", "printed now"))
    print(f"{len(cases)} cases, {failed} differ")
    return 1 if failed or not cases else 0


sys.exit(main())
