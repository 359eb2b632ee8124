"""R1: killed at random, again and again, also while recovering; in the end the bytes are those of an undisturbed run. Only a
run that died of it counts as a kill: one that ends before has nothing left to do, nor has any after it in that store."""
import collections
import json
import os
import signal
import subprocess
import time

from lab import check, tally

COUNT = 100
FULL = 10_000
KILLS = 10  # of one case, which takes a new workshop where a run got to its end
MISSES = 100  # of one case, runs that got there; six are usual
LEHR, HOST = -signal.SIGKILL, 1  # the exit codes of lehr: it was killed, or a host of its was


def kill_lehr(shop, dice, seconds):
    """At a moment within the run's length; its hosts must die with it."""
    process = shop.start("--json")
    try:
        process.wait(timeout=dice.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    return shop.finish(process)


def kill_host(shop, dice, events):
    """A host alone, a little after one of the run's events: lehr says when a host begins and when it is done."""
    process = shop.start("--json")
    at, host = dice.randrange(events), None
    for number, line in enumerate(process.stdout):
        event = json.loads(line) if line.startswith("{") else {"event": ""}
        host = None if event["event"] == "stage_finished" else event.get("pid", host)
        if host and number >= at:
            time.sleep(dice.uniform(0, 0.005))
            try:
                os.kill(host, signal.SIGKILL)
            except ProcessLookupError:  # it is done
                continue
            break
    return shop.finish(process)


def campaign(lab):
    text = tally(lines=1000, every=20)
    with lab.workshop(text) as shop:
        begin = time.monotonic()
        done = shop.run("--json")
        seconds = time.monotonic() - begin  # here and now
        check(done.code == 0, done)
        expected, events = shop.digests(), len(done.text.splitlines())
    ends = collections.Counter()

    def kill(shop, dice):
        host_alone = dice.random() < 0.5
        done = kill_host(shop, dice, events) if host_alone else kill_lehr(shop, dice, seconds)
        check(done.code in (0, HOST if host_alone else LEHR), done)
        check(done.code != HOST or "died by signal 9" in done.text, done)
        ends[done.code] += 1
        return done.code != 0

    def case(label, dice):
        kills = misses = 0
        while kills < KILLS:
            with lab.workshop(text) as shop:
                while kills < KILLS and kill(shop, dice):
                    kills += 1
                shop.finishes(expected, f"after {kills} kills")
                left = [path.name for path in (shop.store / "work").glob("spare-*")]
                check(not left, f"spare folders of killed runs are left: {left}")
            misses += kills < KILLS
            check(misses < MISSES, f"{misses} runs ended before they were killed, {kills} did not")

    lab.each([f"ten kills, {number}" for number in range(max(1, lab.count // KILLS))], case)
    print(f"  {ends[LEHR]} kills of lehr, {ends[HOST]} of a host alone; {ends[0]} runs ended before")
