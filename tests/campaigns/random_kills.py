"""R1: killed at random, again and again, also while recovering; in the end the bytes are those of an undisturbed run."""
import json
import os
import signal
import subprocess

from lab import check, tally

COUNT = 100
FULL = 10_000
KILLS = 10  # of one workshop, one after the other


def killed(shop, dice, longest):
    """One kill at a moment within the run's length: of lehr, whose hosts must die with it, or of a host alone."""
    process = shop.start("--json")
    try:
        process.wait(timeout=dice.uniform(0, longest))
        process.communicate()
        return process.returncode
    except subprocess.TimeoutExpired:
        # By name: LeakSanitizer has a child of lehr too, and waits for ever for one that was killed.
        hosts = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "lehr-host"], capture_output=True, text=True,
                               check=False).stdout
        for victim in [int(pid) for pid in hosts.split()] if dice.random() < 0.5 else [process.pid]:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return shop.finish(process).code


def campaign(lab):
    text = tally(lines=400, every=20)
    with lab.workshop(text) as shop:
        done = shop.run("--json")
        check(done.code == 0, done)
        expected = shop.digests()
        whole = [json.loads(line) for line in done.text.splitlines()][-1]["seconds"]  # here and now

    def case(label, dice):
        with lab.workshop(text) as shop:
            for attempt in range(KILLS):
                code = killed(shop, dice, whole * (0.3 + 0.1 * attempt))
                check(code in (0, 1, -signal.SIGKILL), f"attempt {attempt}: exit code {code}")
            shop.finishes(expected, f"after {KILLS} kills")
            left = [path.name for path in (shop.store / "work").glob("spare-*")]
            check(not left, f"spare folders of killed runs are left: {left}")

    lab.each([f"workshop {number}" for number in range(max(1, lab.count // KILLS))], case)
