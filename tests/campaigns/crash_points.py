"""R1: killed just before any single call that changes the disk or tells someone; the next run ends with the same bytes.
In full also R2: the power goes at that point (see power_loss)."""
import power_loss
from lab import check, tally

COUNT = FULL = 1_000_000  # every point there is
CHANGES = "write,copy,sync,rename,remove,make,cut,link"
# The first stage, which keeps state; the second, which does not; the program that runs them.
PROCESSES = (("lehr-host", "one"), ("lehr-host", "two"), ("lehr", None))


def labels(lab, text, modes):
    out = []
    for program, stage in PROCESSES:
        points = lab.count_calls(text, program, CHANGES, stage)
        print(f"  {points} points in {program}" + (f" of stage {stage}" if stage else ""))
        check(points > 20, "the preload library counted almost nothing")
        out += [f"{program} {stage} {mode} {point}" for mode in modes for point in range(1, points + 1)]
    return out


def campaign(lab):
    text = tally()
    expected = lab.reference(text)

    def case(label, dice):
        program, stage, mode, point = label.split()
        stage = None if stage == "None" else stage
        if mode != "kill":
            return power_loss.lights_out(lab, text, expected, program, stage, int(point), mode, dice)
        with lab.workshop(text) as shop:
            done = shop.run(env=lab.disturbed(program, CHANGES, point, "kill", stage))
            if program == "lehr-host":
                check(done.code in (0, 1) and ("signal 9" in done.text) == (done.code == 1), done)
            shop.finishes(expected, "killed")
        return None

    lab.each(lab.pick(labels(lab, text, ("kill", "dropped", "torn") if lab.full else ("kill",))), case)
