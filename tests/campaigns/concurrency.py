"""R5 and R6: several runs, gc and verify on one store, stopped and killed at random. Whatever ends by itself ends well, with the
right bytes; gc takes nothing that a living run reaches, also if that is stopped; in the end it takes everything else."""
import json
import os
import random
import signal
import subprocess
import threading
import time

from lab import check, tally

COUNT = 20  # seconds
FULL = 3600
VARIANTS = (15, 16, 17, 18)  # lines; stage 'other' makes the same bytes under another key
MORE = """\
  other: {{uses: tally.copy, in: {{documents: two}}}}
  slow: {{uses: tally.tally, with: {{lines: 20, every: 10, hold_at: {hold_at}}}}}
"""


def text(lines, hold_at=-1):
    return tally(lines=lines) + MORE.format(hold_at=hold_at)


def race(lab):
    """All wait for one; it is computed once."""
    with lab.workshop(tally(lines=300, every=20)) as shop:
        processes = [shop.start() for _ in range(4)]
        done = [shop.finish(process) for process in processes]
        texts = "\n".join(map(str, done))
        check(all(one.code == 0 for one in done), texts)
        check(sum("one: done in" in one.text for one in done) == 1, texts)
        shop.whole()


def stopped_run_keeps_its_things(lab):
    """A run that is stopped (SIGSTOP) in its last stage: gc takes none of what it reaches."""
    with lab.workshop(text(15, hold_at=0)) as shop:
        process = shop.start("--json")
        finished = set()
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "stage_finished":
                finished.add(event["stage"])
            if event["event"] == "metric" and event["stage"] == "slow":
                finished.add("slow")
            if finished == {"one", "two", "other", "slow"}:
                break
        os.killpg(process.pid, signal.SIGSTOP)
        done = shop.lehr_command("store", "gc", "--store", str(shop.store), "--grace", "0", "--keep-runs", "0")
        check(done.code == 0 and "removed 0 artifacts, 0 results, 0 unfinished" in done.text, done)
        os.killpg(process.pid, signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        check(shop.finish(process).code == 75, "it did not stop")
        done = shop.run("--set", "stages.slow.with.hold_at=-1")
        check(done.code == 0 and "3 cached" in done.text, done)
        gone = shop.lehr_command("store", "gc", "--store", str(shop.store), "--grace", "0", "--keep-runs", "0")
        check(gone.code == 0 and not any((shop.store / "artifacts").iterdir()), f"garbage is left: {gone}")


def newest_run_stays(lab):
    """What only an older run reaches goes, what the newest reaches stays."""
    with lab.workshop(tally()) as shop:
        check(shop.run("--set", "stages.one.with.lines=10").code == 0, "the first run failed")
        old = {digest for stage in shop.digests().values() for digest in stage}
        check(shop.run().code == 0, "the second run failed")
        new = {digest for stage in shop.digests().values() for digest in stage}
        done = shop.lehr_command("store", "gc", "--store", str(shop.store), "--grace", "0", "--keep-runs", "1")
        check(done.code == 0, done)
        left = {path.name for path in (shop.store / "artifacts").iterdir()}
        check(left == new and not left & old, f"left: {left}")
        check("2 cached" in shop.run().text, "gc took what the newest run reaches")


class Crowd:
    """One store, used by everybody for a while."""

    def __init__(self, lab, shop, expected, seconds):
        self.lab, self.shop, self.expected = lab, shop, expected
        self.end = time.monotonic() + seconds
        self.counts, self.failures, self.lock = {}, [], threading.Lock()

    def command(self, dice):
        store = str(self.shop.store)
        kind = dice.choices(["run", "gc", "verify"], [8, 2, 2])[0]
        if kind == "gc":
            return kind, None, [self.lab.lehr, "store", "gc", "--store", store, "--grace", "0", "--keep-runs", "1"]
        if kind == "verify":
            return kind, None, [self.lab.lehr, "store", "verify", "--store", store]
        lines = dice.choice(VARIANTS)
        return kind, lines, self.shop.command("--set", f"stages.one.with.lines={lines}", "--json")

    def disturb(self, process, dice):
        """True if it was killed. Stopped ones go on: whoever holds a lock lets the others wait."""
        what = dice.random()
        try:
            process.wait(timeout=dice.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            if what < 0.25:
                os.killpg(process.pid, signal.SIGKILL)
                return True
            if what < 0.6:
                os.killpg(process.pid, signal.SIGSTOP)
                time.sleep(dice.uniform(0, 0.5))
                os.killpg(process.pid, signal.SIGCONT)
        return False

    def one(self, dice):
        kind, lines, command = self.command(dice)
        process = self.shop.start(command=command)
        killed = self.disturb(process, dice)
        done = self.shop.finish(process)
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.counts["killed"] = self.counts.get("killed", 0) + killed
        if killed:
            return
        busy = kind == "gc" and "the store is busy" in done.text
        check(done.code == 0 or busy, f"{kind}: {done}")
        if kind == "run":
            run = json.loads(done.text.splitlines()[0])["run"]
            try:
                keys = (self.shop.store / "runs" / run / "keys").read_text().split()
            except FileNotFoundError:
                return  # it is not the newest run any more
            for key in keys:
                try:
                    result = json.loads((self.shop.store / "results" / f"{key}.json").read_text())
                except FileNotFoundError:
                    continue
                digests = [port["digest"] for port in result["outputs"].values()]
                stage = result["made"]["stage_id"]
                check(digests == self.expected[lines][stage], f"'{stage}' of {lines} lines has other bytes")

    def work(self, seed):
        dice = random.Random(seed)
        while time.monotonic() < self.end and not self.failures:
            try:
                self.one(dice)
            except Exception as error:  # pylint: disable=broad-except
                with self.lock:
                    self.failures.append(f"{type(error).__name__}: {error}")


def crowd(lab, people, seconds):
    expected = {lines: lab.reference(text(lines)) for lines in VARIANTS}
    with lab.workshop(text(VARIANTS[0])) as shop:
        shop.store.mkdir()
        everybody = Crowd(lab, shop, expected, seconds)
        threads = [threading.Thread(target=everybody.work, args=(f"{lab.seed}/{people}/{number}",))
                   for number in range(people)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"  {people} at once, {seconds} s: {everybody.counts}", flush=True)
        check(not everybody.failures, "\n".join(everybody.failures[:5]))
        for path in (shop.store / "work").iterdir():  # what was killed long ago
            os.utime(path, (0, 0))
        shop.lehr_command("store", "gc", "--store", str(shop.store), "--grace", "0", "--keep-runs", "0")
        left = [str(path) for folder in ("artifacts", "results", "work", "runs", "trash")
                for path in (shop.store / folder).iterdir()]
        check(not left, f"gc leaves garbage: {left}")
        shop.finishes(expected[VARIANTS[0]], "after everybody")


def campaign(lab):
    def case(label, _dice):
        kind, *more = label.split()
        if kind == "crowd":
            crowd(lab, int(more[0]), int(more[1]))
        else:
            {"race": race, "stopped": stopped_run_keeps_its_things, "newest": newest_run_stays}[kind](lab)

    lab.each(["race", "stopped", "newest"], case)
    sizes = (2, 4, 8) if lab.full else (6,)
    for people in sizes:
        if not lab.case:
            lab.each([f"crowd {people} {max(1, lab.count // len(sizes))}"], case)
