#!/usr/bin/env python3
"""Kills, hostile plugins, races and damage: what `lehr run` promises, held against a real store.

    crash_test.py --lehr BIN/lehr --plugins FOLDER --preload crash_point.so [--only NAME]
"""
import argparse
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TALLY = """\
lehr: 1
name: tally
stages:
  one: {{uses: tally.tally, with: {{lines: {lines}, every: {every}, hold: {hold}}}}}
  two: {{uses: tally.copy, in: {{documents: one}}}}
"""
HOSTILE = """\
lehr: 1
name: hostile
stages:
  bad: {{uses: hostile.hostile, with: {{how: {how}{rewards}}}}}
"""


def scratch():
    """Memory where there is enough: a kill loses nothing the kernel has, so fsync may be free."""
    memory = pathlib.Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 28 else None


class Workshop:
    """A fresh folder with a pipeline and a store."""

    def __init__(self, arguments, text):
        self.arguments = arguments
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lehr-crash-", dir=scratch()))
        self.file = self.folder / "pipeline.yaml"
        self.file.write_text(text)
        self.store = self.folder / ".lehr"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *more):
        return [self.arguments.lehr, "run", str(self.file), "--plugin-path", self.arguments.plugins, *more]

    def run(self, *more, env=None, **kwargs):
        return subprocess.run(self.command(*more), env={**os.environ, **(env or {})}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **kwargs)

    def start(self, *more):
        return subprocess.Popen(self.command(*more), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)

    def lehr(self, *command):
        return subprocess.run([self.arguments.lehr, *command, "--store", str(self.store)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)

    def digests(self):
        out = []
        for stage in ("one", "two"):
            found = self.lehr("store", "path", stage)
            check(found.returncode == 0, found.stdout)
            out.append(pathlib.Path(found.stdout.strip()).name)
        return out

    def whole(self):
        done = self.lehr("store", "verify")
        check(done.returncode == 0, done.stdout)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def tally(lines=15, every=10, hold="false"):
    return TALLY.format(lines=lines, every=every, hold=hold)


def reference(arguments, text):
    with Workshop(arguments, text) as shop:
        done = shop.run()
        check(done.returncode == 0, done.stdout)
        return shop.digests()


def test_killed_at_every_point(arguments):
    text = tally()
    only_one = text[:text.index("  two:")]
    expected = reference(arguments, text)
    # The first stage, which keeps state; the second, which does not; the program that runs them.
    for program, before in (("lehr-host", None), ("lehr-host", only_one), ("lehr", None)):
        points = 0
        while True:
            with Workshop(arguments, before or text) as shop:
                if before:
                    check(shop.run().returncode == 0, "the stage before failed")
                    shop.file.write_text(text)
                done = shop.run(env={"LD_PRELOAD": arguments.preload, "LEHR_CRASH_PROGRAM": program,
                                     "LEHR_CRASH_AT": str(points + 1)})
                if done.returncode == 0:
                    break
                points += 1
                if program == "lehr-host":
                    check(done.returncode == 1 and "signal 9" in done.stdout, f"point {points}: {done.stdout}")
                again = shop.run()
                check(again.returncode == 0, f"{program}, point {points}: {again.stdout}")
                check(shop.digests() == expected, f"{program}, point {points}: other bytes")
                shop.whole()
        print(f"  {points} points in {program}" + (", second stage" if before else ""))
        check(points > 20, "the preload library counted almost nothing")


def test_killed_at_random(arguments):
    text = tally(lines=400, every=20)
    began = time.monotonic()
    expected = reference(arguments, text)
    whole = time.monotonic() - began  # of an undisturbed run here and now
    dice = random.Random(7)
    kills = 0
    with Workshop(arguments, text) as shop:
        for attempt in range(200):
            process = shop.start()
            try:
                process.communicate(timeout=dice.uniform(0, whole * (0.8 + 0.1 * attempt)))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
            if process.returncode == 0:
                break
        check(process.returncode == 0 and kills > 0, f"not finished after {kills} kills")
        check(shop.digests() == expected, "other bytes after being killed")
        shop.whole()
        print(f"  {kills} kills")


def test_stopped_and_resumed(arguments):
    expected = reference(arguments, tally())
    with Workshop(arguments, tally(hold="true")) as shop:
        process = shop.start("--json")
        for line in process.stdout:
            if json.loads(line)["event"] == "metric":
                break
        asked = time.monotonic()
        process.terminate()
        process.communicate()
        check(process.returncode == 75, f"exit code {process.returncode}, not 75")
        check(time.monotonic() - asked < 10, "it took too long to stop")
        done = shop.run("--set", "stages.one.with.hold=false")
        check(done.returncode == 0 and "going on from checkpoint" in done.stdout, done.stdout)
        check(shop.digests() == expected, "other bytes after being stopped")


def test_second_interrupt_ends_at_once(arguments):
    with Workshop(arguments, HOSTILE.format(how="hang", rewards="")) as shop:
        process = shop.start("--json")
        for line in process.stdout:
            event = json.loads(line)["event"]
            if event == "progress":
                process.send_signal(signal.SIGINT)
            if event == "stopping":
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=20)
        check(process.returncode == 130, f"exit code {process.returncode}, not 130")


def test_hostile_plugins_are_named(arguments):
    wanted = {"segv": "signal 11", "abort": "signal 6", "exit": "exit code 0", "close": "before the stage was finished",
              "throw": "thrown on purpose", "throw_int": "not a std::exception", "empty": "output 'documents' empty"}
    for how, said in wanted.items():
        with Workshop(arguments, HOSTILE.format(how=how, rewards="")) as shop:
            done = shop.run()
            check(done.returncode == 1, f"{how}: exit code {done.returncode}\n{done.stdout}")
            check(said in done.stdout and "bad: failed" in done.stdout, f"{how}: {done.stdout}")
            if how in ("segv", "abort", "exit"):
                check("plugin 'hostile'" in done.stdout and f"about to {how}" in done.stdout, done.stdout)
            shop.whole()


def test_rewards_run_in_their_own_process(arguments):
    def pipeline(how):
        return HOSTILE.format(how="answer", rewards=f", rewards: [length: {{how: {how}}}]")
    with Workshop(arguments, pipeline("answer")) as shop:
        done = shop.run()
        check(done.returncode == 0 and "score 4" in done.stdout, done.stdout)
    for how, said in {"segv": "signal 11", "exit": "exit code 0", "throw": "thrown on purpose"}.items():
        with Workshop(arguments, pipeline(how)) as shop:
            done = shop.run()
            check(done.returncode == 1 and said in done.stdout and "reward 'hostile.length'" in done.stdout,
                  f"{how}: {done.stdout}")


def test_an_input_that_changes_while_it_is_read_fails_the_stage(arguments):
    with Workshop(arguments, HOSTILE.format(how="meddle", rewards=", reads: data.txt")) as shop:
        (shop.folder / "data.txt").write_text("first\n")
        for _ in range(2):
            done = shop.run()
            check(done.returncode == 1 and "data.txt' changed while" in done.stdout, done.stdout)


def test_racing_runs_compute_once(arguments):
    with Workshop(arguments, tally(lines=300, every=20)) as shop:
        processes = [shop.start() for _ in range(4)]
        texts = [p.communicate(timeout=120)[0] for p in processes]
        check(all(p.returncode == 0 for p in processes), "\n".join(texts))
        check(sum("one: done in" in text for text in texts) == 1, "\n".join(texts))
        shop.whole()


def test_damage_is_found_before_use(arguments):
    with Workshop(arguments, tally()) as shop:
        done = shop.run()
        check(done.returncode == 0, done.stdout)
        expected = shop.digests()
        one = shop.store / "artifacts" / expected[0] / "train-00000.jsonl"
        os.chmod(one, 0o644)
        content = bytearray(one.read_bytes())
        content[5] ^= 1
        one.write_bytes(content)
        for result in (shop.store / "results").iterdir():  # so that stage two has to run again
            if json.loads(result.read_text())["made"]["stage_id"] == "two":
                result.unlink()
        done = shop.run()
        check(done.returncode == 1 and str(one) in done.stdout, done.stdout)
        check(shop.lehr("store", "verify").returncode == 1, "verify saw nothing")
        check(shop.lehr("store", "verify", "--discard").returncode == 0, "discard failed")
        done = shop.run()
        check(done.returncode == 0, done.stdout)
        check(shop.digests() == expected, "other bytes after the repair")
        shop.whole()


def test_full_disk_is_a_clear_error(arguments):
    # A file may not grow beyond this: the write fails with EFBIG as one on a full disk does with ENOSPC.
    text = tally(lines=20000, every=20000)
    with Workshop(arguments, text) as shop:
        done = shop.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))
        check(done.returncode == 1 and "one: failed: " in done.stdout and "cannot write" in done.stdout, done.stdout)
        shop.whole()
        done = shop.run()
        check(done.returncode == 0, done.stdout)
        shop.whole()


def test_gc_keeps_what_runs_reach(arguments):
    with Workshop(arguments, tally()) as shop:
        check(shop.run("--set", "stages.one.with.lines=10").returncode == 0, "the first run failed")
        old = shop.digests()
        check(shop.run().returncode == 0, "the second run failed")
        new = shop.digests()
        done = shop.lehr("store", "gc", "--grace", "0", "--keep-runs", "1")
        check(done.returncode == 0, done.stdout)
        left = {path.name for path in (shop.store / "artifacts").iterdir()}
        check(left == set(new) and not left & set(old), f"left: {left}")
        check("2 cached" in shop.run().stdout, "gc took what the newest run reaches")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lehr", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or arguments.only not in name:
            continue
        begin = time.monotonic()
        try:
            test(arguments)
            print(f"ok      {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
