"""`lehr selftest` whole; with plugins that each break one promise; and stopped in the middle.

  selftest.py --lehr LEHR --faulty FOLDER_OF_THEIR_FOLDERS [whole] [faults] [stopped]"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

# check: the plugin that breaks it, what is said of it
FAULTS = {
    "accumulation": ("sft", "-> the update of the weights"),
    "dpo": ("dpo", "-> the loss"),
    "ppo": ("ppo", "-> the ratio's mean"),
    "export": ("export", "-> the logits of the Hugging Face folder"),
    "template": ("export", "has other tokens in the exported folder"),
    "resume": ("pretrain", "-> made.txt"),
}


class Selftest:
    def __init__(self, lehr, faulty, scratch):
        self.lehr, self.faulty, self.scratch = lehr, faulty, scratch
        self.environment = dict(os.environ, TMPDIR=str(scratch), HOME=str(scratch))
        self.environment.pop("LEHR_PLUGIN_PATH", None)

    def start(self, *words):
        return subprocess.Popen([self.lehr, "selftest", *words], env=self.environment, text=True, start_new_session=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *words, code):
        running = self.start(*words)
        out, said = running.communicate()
        if running.returncode != code or self.left():
            sys.exit(f"lehr selftest {' '.join(map(str, words))}: exit {running.returncode}, not {code}, left {self.left()}:\n{out}{said}")
        return out

    def left(self):
        return [path.name for path in self.scratch.glob("lehr-selftest-*")]


def whole(selftest):
    found = json.loads(selftest.run("--json", code=0))["checks"]
    for check in found:
        print(f"{check['check']:13} {check['precision']}  {check['difference']:<8.2g} of {check['at_most']:g}  {check['seconds']:.1f} s")
    names = list(dict.fromkeys(check["check"] for check in found))
    listed = subprocess.run([selftest.lehr, "selftest", "--help"], capture_output=True, text=True).stdout
    listed = [line.split()[0] for line in listed.split("Checks:\n")[1].split("\n\n")[0].splitlines()]
    if names != listed or not all(check["ok"] for check in found):
        sys.exit(f"{listed} are to be checked and to hold")


def faults(selftest):
    for check, (plugin, said) in FAULTS.items():
        out = selftest.run("--only", check, "--plugin-path", selftest.faulty / plugin, code=1)
        # In each precision that this processor computes in.
        if f"FAILED  {check}" not in out or said not in out or not re.search(r"\b(\d) of \1 failed", out):
            sys.exit(f"{check} with a faulty {plugin}: {said!r} is missing, or a failure:\n{out}")
        print(f"{check}: {out.splitlines()[-4]}")
    # What cannot be measured fails too, with lehr's words.
    out = selftest.run("--only", "dpo", "--plugin-path", "nowhere", code=1)
    if "FAILED  dpo" not in out or "--plugin-path nowhere: there is no such folder" not in out:
        sys.exit(f"lehr's words are missing:\n{out}")


def stopped(selftest):
    running = selftest.start("--only", "resume")
    for line in running.stdout:
        if line.strip().startswith("check"):  # the heading: its folder is there soon
            break
    while not selftest.left():
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    out, said = running.communicate(timeout=60)
    if running.returncode != 128 + signal.SIGINT or selftest.left() or "hold" in out:
        sys.exit(f"stopped: exit {running.returncode}, left {selftest.left()}:\n{out}{said}")
    # A reader that goes is no reason to leave anything behind.
    running = selftest.start()
    running.stdout.readline()
    running.stdout.close()
    said = running.stderr.read()
    if running.wait(60) != 2 or selftest.left() or "could not be written" not in said:
        sys.exit(f"a reader that goes: exit {running.returncode}, left {selftest.left()}: {said}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lehr", required=True)
    parser.add_argument("--faulty", required=True, type=pathlib.Path)
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    for test in (whole, faults, stopped):
        if options.tests and test.__name__ not in options.tests:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            test(Selftest(os.path.abspath(options.lehr), options.faulty, pathlib.Path(scratch)))
        print(test.__name__)


main()
