#!/usr/bin/env python3
"""The store as its users meet it, held against real runs.

    store_test.py --lehr BIN/lehr --plugins FOLDER [--only NAME]
"""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

PIPELINE = """\
lehr: 1
name: mill
stages:
  grist:
    uses: mill.grind
    with: {{lines: {lines}{more}}}
  sifted: {{uses: mill.sift, in: {{documents: grist}}}}
  guess: {{uses: mill.guess, in: {{documents: sifted}}}}
"""


class Workshop:
    """A folder with a pipeline and its store."""

    def __init__(self, arguments, lines=3, more=""):
        self.arguments = arguments
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lehr-store-"))
        self.file = self.folder / "mill.yaml"
        self.store = self.folder / ".lehr"
        self.write(lines, more)

    def write(self, lines=3, more=""):
        self.file.write_text(PIPELINE.format(lines=lines, more=more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, *command, code=0, env=None, said=()):
        """Runs lehr in the folder; what it prints must hold each of `said`."""
        done = subprocess.run([self.arguments.lehr, *command], env={**os.environ, **(env or {})}, text=True,
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        check(done.returncode == code, f"lehr {' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
        for text in said:
            check(text in done.stdout, f"lehr {' '.join(command)}: no {text!r} in\n{done.stdout}")
        return done.stdout

    def pipeline(self, command, *more, variant="as_it_is", **kwargs):
        plugins = str(pathlib.Path(self.arguments.plugins) / variant)
        return self.call(*command.split(), "mill.yaml", *more, "--plugin-path", plugins, **kwargs)

    def run(self, *more, **kwargs):
        return self.pipeline("run", *more, **kwargs)

    def path(self, name):
        return pathlib.Path(self.call("store", "path", name).strip())


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def test_show_tells_where_an_artifact_came_from(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        text = shop.call("store", "show", "sifted", "-p", "mill.yaml",
                         said=["train-00000.jsonl", "sifted (mill.sift)", "documents: ", "grist (mill.grind)",
                               "pinned      no", "(ok)"])
        digest = text.split()[1]
        check(shop.path("sifted").name == digest, text)
        check(shop.path(digest[:10]) == shop.path("sifted.documents"), "by digest and by port")
        shown = json.loads(shop.call("store", "show", digest, "--json"))
        check(shown["made_by"][0]["inputs"][0]["from"] == "grist" and shown["pinned"] is None, shown)
        run = shown["runs"][0]["run"]
        check(shop.path(f"{run}:sifted").name == digest, "by run")
        check(shop.path(str(shop.path("sifted"))).name == digest, "by path")
        shop.call("store", "show", "siftd", code=2, said=["names no artifact", "Did you mean 'sifted'?"])
        shop.call("store", "path", "nowhere:sifted", code=2, said=["there is no run 'nowhere'"])


def test_show_follows_the_pipeline_where_two_stages_made_the_same(arguments):
    with Workshop(arguments) as shop:
        shop.write(lines=3)
        shop.file.write_text(shop.file.read_text() +
                             "  passed: {uses: mill.pass, in: {documents: grist}}\n"
                             "  again: {uses: mill.guess, in: {documents: passed}}\n")
        shop.run()
        check(shop.path("passed") == shop.path("grist"), "one identity")
        text = shop.call("store", "show", "again")
        check(re.search(r"passed \(mill.pass\)\n +documents: \w+ grist \(mill.grind\)\n", text), text)
        shop.call("store", "show", "passed", said=["passed (mill.pass) in", "grist (mill.grind) in"])


def test_a_run_keeps_open_only_the_logs_of_what_is_running(arguments):
    with Workshop(arguments) as shop:
        shop.file.write_text("lehr: 1\nname: mill\nstages:\n" + "".join(
            f"  s{i}: {{uses: mill.grind, with: {{lines: {i + 1}}}}}\n" for i in range(40)))
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, before[1]))
        try:
            shop.run(variant="rebuilt", said=["40 ran, 0 cached"])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        logs = list(shop.store.glob("runs/*/stages/*/log.txt"))
        check(len(logs) == 40 and all(log.read_text() == "info: rebuilt\n" for log in logs), logs)


def test_two_stages_of_one_key_are_computed_once_and_told_so(arguments):
    with Workshop(arguments) as shop:
        shop.file.write_text("lehr: 1\nname: mill\nstages:\n" + "".join(
            f"  {name}: {{uses: mill.grind, with: {{lines: 3}}}}\n" for name in "ab"))
        text = shop.run(said=[": taken from '", "2 ran, 0 cached"])
        check("another run" not in text, text)


def test_gc_takes_runs_and_keeps_their_newest(arguments):
    with Workshop(arguments) as shop:
        for lines in (3, 4, 3, 3):  # the first made what the last takes from the store
            shop.write(lines=lines)
            shop.run()
        runs = sorted((shop.store / "runs").iterdir(), key=lambda run: (run / "lease").stat().st_mtime_ns)
        dry = json.loads(shop.call("store", "gc", "--grace", "0", "--keep-runs", "1", "--dry-run", "--json"))
        gone = {item["name"] for item in dry["items"] if item["kind"] == "run" and item["bytes"] > 0}
        check(gone == {run.name for run in runs[1:3]}, dry)
        shop.call("store", "gc", "--grace", "0", "--keep-runs", "1")
        check(sorted((shop.store / "runs").iterdir()) == sorted([runs[0], runs[3]]), "other runs are left")
        shop.call("store", "gc", "--grace", "0", "--keep-runs", "0")
        check(not any((shop.store / "runs").iterdir()), "runs are left that nothing needs")


def test_gc_forgets_files_that_are_gone(arguments):
    with Workshop(arguments) as shop:
        plugins = shop.folder / "plugins"
        shutil.copytree(pathlib.Path(arguments.plugins) / "as_it_is", plugins)
        for file in plugins.iterdir():
            os.utime(file, (1, 1))  # what is younger than two seconds is not remembered
        shop.call("run", "mill.yaml", "--plugin-path", str(plugins))
        memory = shop.store / "cache" / "input-digests.json"
        before = json.loads(memory.read_text())["files"]
        check(len(before) > 0, "the plugin's digest is not remembered")
        shop.call("store", "gc")
        check(json.loads(memory.read_text())["files"] == before, "gc forgot files that are as they were")
        shutil.rmtree(plugins)
        shop.call("store", "gc")
        left = json.loads(memory.read_text())["files"]
        check(not any(str(plugins) in identity for identity, _ in left), left)


def test_pins_outlive_runs(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        kept = shop.path("sifted")
        shop.call("store", "pin", "sifted", "--reason", "the good one", said=["pinned documents", "2 artifacts"])
        shop.call("store", "ls", said=["pinned: the good one"])
        shop.write(lines=5)
        shop.run()
        dry = shop.call("store", "gc", "--grace", "0", "--keep-runs", "1", "--dry-run",
                        said=["guess (mill.guess)", "would remove 1 artifact, 1 result"])
        check("mill.grind" not in dry, dry)
        shop.call("store", "gc", "--grace", "0", "--keep-runs", "1", said=["removed 1 artifact, 1 result"])
        check(kept.is_dir(), "gc took what was pinned")
        shop.write(lines=3)
        shop.run(said=["1 ran, 2 cached"])
        shop.call("store", "unpin", kept.name[:12])
        shop.call("store", "unpin", kept.name[:12], code=2, said=["is not pinned"])
        shop.call("store", "gc", "--grace", "soon", code=2, said=["'soon' is no duration"])


def test_adopting_the_result_of_other_code(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        shop.pipeline("plan", variant="rebuilt", said=["0 cached"])
        shop.pipeline("store adopt", "sifted", variant="rebuilt", code=1, said=["'grist' has to be run or adopted"])
        shop.pipeline("store adopt", "guess", "grist", "sifted", variant="rebuilt",
                      said=["grist: adopted", "sifted: adopted", "guess: adopted", "code.mill: "])
        shop.pipeline("run", variant="rebuilt", said=["0 ran, 3 cached"])
        shop.pipeline("explain", "grist", variant="rebuilt", said=["by `lehr store adopt`"])
        shop.call("store", "show", "grist", said=["adopted from key"])
        shop.pipeline("store adopt", "grist", variant="rebuilt", said=["has a result already"])
        shop.write(lines=4)
        shop.pipeline("store adopt", "grist", variant="rebuilt", code=1,
                      said=["more than code differs", "with.lines: 3 -> 4 (mill.yaml:6:19)"])
        shop.pipeline("store adopt", "girst", variant="rebuilt", code=2, said=["Did you mean 'grist'?"])


def test_a_bundle_makes_another_store_hit(arguments):
    with Workshop(arguments) as shop, Workshop(arguments) as other:
        shop.run()
        shop.call("store", "export", "guess", "-o", "b.lehr.tar.zst", said=["3 artifacts, 3 results"])
        shop.call("store", "export", "guess", "-o", "again.lehr.tar.zst")
        bundle = shop.folder / "b.lehr.tar.zst"
        check(bundle.read_bytes() == (shop.folder / "again.lehr.tar.zst").read_bytes(), "other bytes the second time")
        other.call("store", "import", str(bundle), said=["3 artifacts (3 new), 3 results (3 new)", "pinned evaluation"])
        other.run(said=["0 ran, 3 cached"])
        other.call("store", "verify", said=["3 artifacts checked, 0 problems"])
        shop.call("store", "export", "guess", "--alone", "-o", "one.lehr.tar.zst", said=["1 artifact, 1 result"])
        if shutil.which("zstd"):  # other programs can read it, and have nothing to say about it
            listed = subprocess.run(["tar", "--zstd", "-tf", bundle], text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, check=True).stdout.split("\n")[:-1]
            check(listed[0] == "bundle.json" and len(listed) == 1 + 3 + 6, listed)


def test_a_damaged_bundle_changes_nothing(arguments):
    with Workshop(arguments) as shop, Workshop(arguments) as other:
        shop.run()
        shop.call("store", "export", "guess", "-o", "b.lehr.tar.zst")
        bundle = shop.folder / "b.lehr.tar.zst"
        content = bundle.read_bytes()
        bundle.write_bytes(content[:len(content) // 2])
        other.call("store", "import", str(bundle), code=1, said=["b.lehr.tar.zst' is not a bundle, or is damaged"])
        for folder in ("artifacts", "results", "work"):
            check(not any((other.store / folder).iterdir()), f"something is left in {folder}")


def test_a_bundle_is_a_file(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        os.mkfifo(shop.folder / "pipe")
        for there in (".", "pipe"):
            shop.call("store", "export", "guess", "-o", there, code=2, said=["that is no file to write over"])
        check((shop.folder / "pipe").is_fifo(), "something else stands in its place")
        shop.call("store", "import", ".", code=2, said=["'.' is a folder; a bundle is one file"])


def test_damage_is_told_and_what_cannot_be_read_stays(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        for name, text in (("grist", None), ("guess", "{}")):
            artifact = shop.path(name) / "artifact.json"
            artifact.parent.chmod(0o755)
            artifact.unlink()
            if text:
                artifact.write_text(text)
            else:  # a link to itself, as root reads whatever the permissions are
                artifact.symlink_to("artifact.json")
        shop.call("store", "ls", said=["1 artifact, ", "2 more cannot be read"])
        said = shop.call("store", "verify", code=1, said=["3 artifacts checked, 3 problems; --discard", "; what cannot be read stays"])
        check(all(line.count(str(shop.store)) == 1 for line in said.splitlines()[:-1]), said)
        shop.call("store", "verify", "--discard", code=1, said=["what is damaged was moved away"])
        shop.call("store", "verify", code=1, said=["2 artifacts checked, 1 problem; what cannot be read stays"])
        check(len(list((shop.store / "artifacts").iterdir())) == 2, "what cannot be read is gone")


def test_locked_runs_refuse_changes(arguments):
    with Workshop(arguments, more=", extra: data.txt") as shop:
        (shop.folder / "data.txt").write_text("first")
        shop.run("--locked", code=2, said=["there is no '", "lehr lock mill.yaml"])
        shop.pipeline("lock", code=1, said=["there is no store at '"])
        shop.store.mkdir()
        shop.pipeline("lock", code=1, said=["no result yet", "grist: never run before"])
        shop.run()
        shop.pipeline("lock", said=["lehr.lock: 3 stages of mill"])
        text = (shop.folder / "lehr.lock").read_text()
        shop.pipeline("lock")
        check((shop.folder / "lehr.lock").read_text() == text, "the lock file is not stable")
        shop.run("--locked", said=["0 ran, 3 cached"])
        shop.pipeline("validate", "--locked", said=["no mistakes"])

        (shop.folder / "data.txt").write_text("second")
        shop.run("--locked", code=3, said=["stage 'grist': content.extra: ", "data.txt: "])
        (shop.folder / "data.txt").write_text("first")
        shop.write(lines=4, more=", extra: data.txt")
        for command in ("run", "validate"):
            shop.pipeline(command, "--locked", code=3,
                          said=["not as locked: stage 'grist': with.lines: 3 -> 4 (mill.yaml:6:19)"])
        shop.pipeline("lock", code=1, said=["grist: with.lines: 3 -> 4"])


def test_locked_runs_compare_what_other_code_makes(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        shop.pipeline("lock")
        shop.run("--locked", variant="rebuilt", said=["other code or machine than locked: stage 'grist': code.mill: "])
        locked = json.loads((shop.folder / "lehr.lock").read_text())["pipelines"]["mill.yaml"]["grist"]["outputs"]
        shop.run("--locked", variant="other", code=1,
                 said=["not as locked: stage 'grist': output 'documents' is ", "locked is " + locked["documents"]])


def test_verify_runs_again_and_compares(arguments):
    with Workshop(arguments) as shop:
        shop.run()
        shop.pipeline("verify", said=["3 of 3 came out the same", "results within 5%"])
        differs = shop.pipeline("verify", env={"MILL_GRAIN": "104"}, code=1,
                                said=["grist   differs", "documents: 'train-00000.jsonl' differs from byte 75 on "
                                      "(81 bytes, before 78)", "2 of 3 came out the same"])
        check(re.search(r"guess +same", differs), differs)
        shop.pipeline("verify", "guess", "--tolerance", "0.01", env={"MILL_GRAIN": "104"}, code=1,
                      said=["result 'guess' is 104, before 100"])
        shop.pipeline("verify", "sifted", said=["1 of 1 came out the same"])
        check(not any((shop.store / "work").iterdir()), "the scratch store is still there")
        kept = re.search("kept: (.*)", shop.pipeline("verify", "sifted", "--keep")).group(1)
        check((pathlib.Path(kept) / "artifacts").is_dir(), kept)
        shop.call("store", "verify", said=["3 artifacts checked, 0 problems"])
        shop.write(lines=9)
        shop.pipeline("verify", "grist", code=2, said=["has no result to verify (with.lines: 3 -> 9"])
        shop.pipeline("verify", code=2, said=["no stage of the pipeline has a result"])


def test_verify_leaves_open_what_nothing_tells(arguments):
    with Workshop(arguments) as shop:
        shop.file.write_text("lehr: 1\nname: mill\nstages: {mumble: {uses: mill.mumble}}\n")
        shop.run()
        shop.pipeline("verify", said=["1 of 1 came out the same\n"])
        shop.pipeline("verify", env={"MILL_GRAIN": "rye"}, said=[
            "mumble  open", "differs from byte", "has no results to compare",
            "0 of 1 came out the same; of 1 it cannot be told"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lehr", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    arguments.lehr, arguments.plugins = os.path.abspath(arguments.lehr), os.path.abspath(arguments.plugins)
    os.environ.pop("LEHR_STORE", None)
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or arguments.only not in name:
            continue
        try:
            test(arguments)
            print(f"ok      {name}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
