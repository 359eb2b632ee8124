"""`lehr logs --follow` beside a run that is going on: prints what is written as it is written, and ends with the stage, or
with the run if that is killed. The run is this script: it holds the lease and writes the record."""
import argparse
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import tempfile


class Run:
    def __init__(self, store, name):
        self.folder = store / "runs" / name
        (self.folder / "stages/tune").mkdir(parents=True)
        (self.folder / "keys").touch()
        (self.folder / "plan.json").write_text(json.dumps({"stages": [{"id": "tune", "uses": "x.tune"}]}))
        self.lease = os.open(self.folder / "lease", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self.lease, fcntl.LOCK_EX)

    def event(self, **event):
        with open(self.folder / "events.ndjson", "a") as file:
            file.write(json.dumps(event) + "\n")

    def log(self, text):
        with open(self.folder / "stages/tune/log.txt", "a") as file:
            file.write(text + "\n")


def expect(process, line):
    found = process.stdout.readline().rstrip("\n")  # blocks until it is there; ctest's limit is the end of patience
    if found != line:
        process.kill()
        sys.exit(f"expected {line!r}, got {found!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lehr", required=True)
    lehr = os.path.abspath(parser.parse_args().lehr)
    with tempfile.TemporaryDirectory() as scratch:
        for how in ("the stage ends", "the run is killed"):
            store = pathlib.Path(scratch) / how.replace(" ", "-")
            run = Run(store, "20260101-100000-study-aaaa")
            run.event(event="run_started")
            follow = subprocess.Popen([lehr, "logs", "tune", "--follow", "--store", store], stdout=subprocess.PIPE, text=True)
            run.event(event="stage_started", stage="tune", key="")
            run.log("one")
            expect(follow, "one")
            run.log("two")
            run.log("three")
            expect(follow, "two")
            expect(follow, "three")
            if follow.poll() is not None:
                sys.exit("it ended before the stage did")
            # The record, which may be long, is not read again for each line that is logged.
            (run.folder / "plan.json").rename(run.folder / "away")
            run.log("four")
            expect(follow, "four")
            (run.folder / "away").rename(run.folder / "plan.json")
            run.log("last")
            if how == "the stage ends":
                run.event(event="stage_finished", stage="tune", seconds=1, taken=False, results={})
            else:
                os.close(run.lease)
            rest, _ = follow.communicate()
            if rest != "last\n" or follow.returncode != 0:
                sys.exit(f"when {how}: {rest!r}, exit {follow.returncode}")
    print("followed to the end, twice")


main()
