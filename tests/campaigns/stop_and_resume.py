"""R7: asked to stop in the middle, it keeps its state and ends with 75 within 10 seconds; going on gives the same bytes. Asked
a second time it ends at once, whatever the plugin does. It goes on from its own states only: work folders are passed on from
stage to stage, and a power loss may leave one under the name of a stage before."""
import json
import signal
import time

from lab import check, tally

COUNT = 10
FULL = 1000
HANG = "lehr: 1\nname: hostile\nstages:\n  bad: {uses: hostile.hostile, with: {how: hang}}\n"


def stopped_and_resumed(lab, expected, dice):
    step = dice.randrange(0, 400, 20)
    with lab.workshop(tally(lines=400, every=20, hold_at=step)) as shop:
        process = shop.start("--json")
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "metric" and event["step"] == step:
                break
        asked = time.monotonic()
        process.send_signal(dice.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]))
        done = shop.finish(process)
        check(done.code == 75, f"not 75: {done}")
        check(time.monotonic() - asked < 10, "it took too long to stop")
        again = shop.finishes(expected, "stopped", "--set", "stages.one.with.hold_at=-1")
        check("going on from checkpoint" in again.text, again)


def second_interrupt(lab):
    with lab.workshop(HANG) as shop:
        process = shop.start("--json")
        for line in process.stdout:
            event = json.loads(line)["event"]
            if event in ("progress", "stopping"):
                process.send_signal(signal.SIGINT)
            if event == "stopping":
                break
        done = shop.finish(process)
        check(done.code == 130, f"not 130: {done}")


def state_of_another_stage(lab):
    expected = lab.reference(tally(lines=200, every=20))
    with lab.workshop(tally(lines=400, every=20, hold_at=100)) as shop:
        process = shop.start("--json")
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "metric" and event["step"] == 100:
                break
        process.send_signal(signal.SIGTERM)
        done = shop.finish(process)
        check(done.code == 75, f"not 75: {done}")
        shop.file.write_text(tally(lines=200, every=20))
        plan = shop.lehr_command("plan", str(shop.file), "--plugin-path", lab.plugins, "--json")
        key = json.loads(plan.text)["stages"][0]["key"]
        [work] = (shop.store / "work").glob("[0-9a-f]*")
        work.rename(work.with_name(key))
        again = shop.finishes(expected, "with the state of another stage")
        check("belongs to another stage" in again.text and "going on" not in again.text, again)


def campaign(lab):
    expected = lab.reference(tally(lines=400, every=20))

    def case(label, dice):
        if label.startswith("twice"):
            second_interrupt(lab)
        elif label.startswith("foreign"):
            state_of_another_stage(lab)
        else:
            stopped_and_resumed(lab, expected, dice)

    lab.each([f"stop {number}" for number in range(lab.count)] + ["twice", "foreign"], case)
