"""R3: any single call fails, once or from then on; the run says what and where and ends with an error, or it can do without
and ends with the same bytes. The store stays whole and the next run succeeds."""
import errno
import os

from lab import check, tally

COUNT = 500
FULL = 20_000

# What can happen to which calls. "short": only half is read or written; like EINTR it must make no difference.
HARMLESS = {"short": "read,write", "EINTR": "read,write,lock,sync"}
HARMFUL = {"EIO": "read,write,open,sync,rename,remove,make,cut,link,list,lock,map,stat,copy",
           "ENOSPC": "write,open,sync,rename,make,link,copy", "EDQUOT": "write,open,make",
           "EMFILE": "open,list,pipe", "ENOMEM": "map,new"}
PROCESSES = (("lehr-host", "one"), ("lehr-host", "two"), ("lehr", None))
FEW_ALLOCATIONS = 600  # of the many thousands, drawn; in full so many that all calls have their turn beside them


def labels(lab, text):
    calls, allocations = [], []
    for program, stage in PROCESSES:
        counts = {}  # kind of call -> how many an undisturbed run makes
        for fault, kinds in {**HARMLESS, **HARMFUL}.items():
            for kind in kinds.split(","):
                if kind not in counts:
                    counts[kind] = lab.count_calls(text, program, kind, stage)
                    check(kind != "new" or counts[kind] > 1000, f"allocations of {program} are not seen: {counts[kind]}")
                for number in range(1, counts[kind] + 1):
                    # Always interrupted is no fault of ours; without any memory nobody can say anything.
                    for mode in ("once",) if fault == "EINTR" or kind == "new" else ("once", "sticky"):
                        label = f"{program} {stage} {fault} {kind} {number} {mode}"
                        (allocations if kind == "new" else calls).append(label)
    print(f"  {len(calls)} faults of calls, {len(allocations)} of allocations")
    wanted = max(FEW_ALLOCATIONS, lab.count - len(calls))
    return calls + lab.dice.sample(allocations, min(wanted, len(allocations)))


def said(fault, text):
    """The error tells what happened."""
    reasons = {"ENOMEM": ("out of memory", "bad_alloc", "Cannot allocate memory", "registration failed", "no memory",
                          "not enough memory")}
    return any(reason in text for reason in reasons.get(fault, (os.strerror(getattr(errno, fault)),)))


def campaign(lab):
    text = tally()
    expected = lab.reference(text)

    def case(label, _dice):
        program, stage, fault, kind, number, mode = label.split()
        do = fault if fault == "short" else getattr(errno, fault)
        with lab.workshop(text) as shop:
            done = shop.run(env=lab.disturbed(program, kind, number, do, None if stage == "None" else stage,
                                              mode == "sticky"))
            # nlohmann's destructor allocates, and may not throw: the process ends there, and says so.
            ended = kind == "new" and "terminate called" in done.text
            check(ended or done.code >= 0 and "died by signal" not in done.text and "terminate" not in done.text,
                  f"it crashed: {done}")
            if done.code == 0 or fault in HARMLESS:
                check(done.code == 0, f"this must make no difference: {done}")
                check(shop.digests() == expected, "other bytes")
            else:
                check(done.text.strip(), "it says nothing")
                if program == "lehr-host":
                    check(f"{stage}: failed" in done.text, f"the stage is not named: {done}")
                # What cannot be told to lehr either: the pipe itself fails.
                mute = ended or kind == "write" and "ended with exit code" in done.text
                check(mute or said(fault, done.text), f"the reason is not told: {done}")
            shop.goes_on(expected, f"after {label}")

    lab.each(lab.pick([lab.case] if lab.case else labels(lab, text)), case)
