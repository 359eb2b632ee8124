"""R9: a plugin that crashes, aborts, exits, hangs, leaks, throws, has the wrong version or a damaged file never takes the run's
process down and is named in the error; the store stays whole."""
import json
import pathlib
import resource
import shutil
import signal
import subprocess
import time

from lab import check

COUNT = 3  # times each
FULL = 10
FILES = 100  # damaged ones, read by one process
BATCHES = 3  # of them
FULL_BATCHES = 500
PIPELINE = "lehr: 1\nname: hostile\nstages:\n  bad: {{uses: hostile.hostile, with: {{{}}}}}\n"
RAW = "lehr: 1\nname: raw\nstages:\n  bad: {uses: raw}\n"
PROCESS = "the process of plugin 'hostile'"

# how -> what the error says; None: it does no harm
DEATHS = {"segv": "signal 11", "abort": "signal 6", "exit": "exit code 0", "quit": "exit code 0", "stack": "signal 11"}
STAGE = {**{how: f"{PROCESS}|{said}|about to {how}" for how, said in DEATHS.items()},
         "close": "before the stage was finished", "throw": "thrown on purpose",
         "throw_int": "not a std::exception", "empty": "output 'documents' empty", "leak": "Too many open files",
         "lie": "its result is not in the store", "forget": "a state is committed that was not begun",
         "link": "is not a plain file", "chdir": None, "flood": None, "garbage": None, "deep": None, "child": None}
OTHERS = {**DEATHS, "throw": "thrown on purpose", "throw_int": "not a std::exception"}
DESCRIBE = {**OTHERS, "throw": "describing 'hostile': thrown on purpose"}
RAW_FAULTS = {"no_symbol": "exports no lehr_plugin_entry", "constructor_crash": "the process of plugin 'raw'|signal 11",
              "constructor_exit": "the process of plugin 'raw'|exit code 0", "entry_crash": "the process of plugin 'raw'|signal 11",
              "entry_null": "cannot use this host", "newer": "needs plugin boundary version 99",
              "no_version": "too small", "small_table": "too small", "small_elements": "smaller than version 1",
              "no_stage": "it has no stage 'raw'", "other_description": "not what the plugin says",
              "no_json": "not JSON", "unresolved": "this_is_nowhere", "no_reason": "gave no reason",
              "bad_status": "gave no reason", "uninvited_cancel": "nobody asked", "wild_strings": ""}
REPLACED = {"stage": "how: answer", "step": "steps: [step: {how: answer, at: process}]",
            "reward": "rewards: [length: {how: answer, at: score}]"}
HANGS = {"stage": "how: hang", "step": "steps: [step: {how: hang}]", "reward": "rewards: [length: {how: hang}]",
         "create": "steps: [step: {how: hang, at: create}]"}


def labels():
    out = [f"stage {how}" for how in STAGE]
    out += [f"step {at} {how}" for at in ("create", "process", "destroy") for how in OTHERS]
    out += [f"reward {at} {how}" for at in ("create", "score") for how in OTHERS]
    out += [f"describe {how}" for how in DESCRIBE] + ["changes", "meddle", "limits"]
    out += [f"raw {fault}" for fault in RAW_FAULTS] + [f"hang {where}" for where in HANGS] + ["hang constructor"]
    out += ["unlisted constructor_crash"] + [f"replaced {where}" for where in REPLACED]
    return out


def failed(done, said, codes=(1, 4)):
    check(done.code in codes and "bad: failed" in done.text, done)
    names(done, said)


def refused(done, said):
    """While planning, which makes an instance to ask what it says to its parameters: nothing was run."""
    check(done.code in (3, 4) and "stage 'bad': 'hostile." in done.text, done)
    names(done, said)


def names(done, said):
    for text in said.split("|"):
        check(text in done.text, f"it does not say '{text}': {done}")


class Raw:
    """The plugins of raw.c, with the manifest of the one without fault."""

    def __init__(self, lab):
        self.folder = pathlib.Path(lab.build) / "tests" / "campaigns" / "raw"
        self.manifest = self.folder / "manifest.json"
        describe = subprocess.run([pathlib.Path(lab.lehr).parent / "lehr-host", "--describe", self.folder / "raw.so"],
                                  capture_output=True, check=True)
        self.text = describe.stdout.strip()

    def put(self, fault, folder):
        folder.mkdir()
        (folder / "manifest").write_bytes(self.text)
        subprocess.run(["objcopy", "--add-section", f".lehr.manifest={folder / 'manifest'}",
                        self.folder / f"raw_{fault}.so", folder / "raw.so"], check=True)


def unlisted(shop):
    """A plugin that is not on the list of allowed ones: its constructor would crash whoever loads it."""
    (shop.folder / "allow.txt").write_text("")
    for done in (shop.run("--allow", "allow.txt"), shop.run("--dry-run", "--allow", "allow.txt")):
        check(done.code == 4 and "is not allowed" in done.text and "signal" not in done.text, done)
    check(not shop.store.exists(), "there is a store")
    failed(shop.run(), "signal 11")


def replaced(shop, where):
    """The host is asked for what was planned, and finds a file of other code in its place."""
    # A host's orders are kept where it failed.
    shop.file.write_text(shop.file.read_text().replace("how: answer", "how: throw"))
    failed(shop.run(), "thrown on purpose")
    folder = shop.newest_run() / "stages" / "bad"
    spec = json.loads((folder / "spec.json").read_text().replace('"throw"', '"answer"'))
    other = shop.folder / "hostile.so"
    other.write_bytes(pathlib.Path(spec["plugin"]).read_bytes().replace(b"about to", b"ABOUT TO"))
    if where == "stage":
        spec["plugin"] = str(other)
    else:
        spec["item_plugins"]["hostile"] = str(other)
    spec["force"] = True
    (shop.folder / "spec.json").write_text(json.dumps(spec))
    host = pathlib.Path(shop.lab.lehr).parent / "lehr-host"
    done = shop.finish(shop.start(command=[str(host), "--spec", str(shop.folder / "spec.json")]))
    check(done.code in (1, 4) and "was replaced after the run was planned" in done.text, done)


def interrupted_twice(shop, *more):
    process = shop.start("--json", *more)
    for line in process.stdout:
        if '"event":"phase"' in line or '"event":"started"' in line:
            process.send_signal(signal.SIGINT)
        if '"event":"stopping"' in line:
            process.send_signal(signal.SIGINT)
            break
    done = shop.finish(process)
    check(done.code in (75, 130), done)


def interrupted_once(shop):
    """A reward hangs in a process of its own: its stage hears that it is to stop."""
    process = shop.start("--json")
    asked = 0
    for line in process.stdout:
        if '"phase"' in line and '"running"' in line:
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            break
    done = shop.finish(process)
    check(done.code == 75, done)
    check(time.monotonic() - asked < 10, "it took too long to stop")


def damaged(content, dice):
    """A plugin file with some of its structure changed, or cut."""
    content = bytearray(content)
    kind = dice.randrange(4)
    if kind == 0:
        return content[:dice.randrange(len(content))]
    for _ in range(dice.randint(1, 8)):
        if kind == 1:  # the header
            place = dice.randrange(64)
        elif kind == 2:  # the tables it points to
            table = int.from_bytes(content[32:40] if dice.random() < 0.5 else content[40:48], "little")
            place = min(len(content) - 1, table + dice.randrange(64 * 12))
        else:
            place = dice.randrange(len(content))
        content[place] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
    return content


def damaged_files(lab, dice):
    """`lehr plugins list` reads them all in one process; then one of them is used."""
    content = (pathlib.Path(lab.plugins) / "hostile.so").read_bytes()
    with lab.workshop(PIPELINE.format("how: answer")) as shop:
        folder = shop.folder / "damaged"
        folder.mkdir()
        for number in range(FILES):
            (folder / f"{number}.so").write_bytes(damaged(content, dice))
        done = shop.lehr_command("plugins", "list", "--plugin-path", str(folder))
        check(done.code in (0, 4), done)
        one = shop.folder / "one"
        one.mkdir()
        shutil.copy(folder / f"{dice.randrange(FILES)}.so", one / "hostile.so")
        done = shop.finish(shop.start(command=[lab.lehr, "run", str(shop.file), "--plugin-path", str(one)]))
        check(done.code in (0, 1, 3, 4), done)
        check(done.code == 0 or "hostile" in done.text, done)


def campaign(lab):
    raw = Raw(lab)

    def case(label, dice):
        kind, *more = label.split("#")[0].split()
        how = more[-1] if more else ""
        if kind == "damaged":
            return damaged_files(lab, dice)
        parameters = {"stage": f"how: {how}", "changes": "how: answer", "describe": "how: answer",
                      "step": f"steps: [step: {{how: {how}, at: {more[0]}}}]" if more else "",
                      "reward": f"rewards: [length: {{how: {how}, at: {more[0]}}}]" if more else "",
                      "hang": HANGS.get(how, ""), "meddle": "how: meddle, reads: data.txt",
                      "replaced": REPLACED.get(how, ""), "limits": "how: answer"}.get(kind, "")
        with lab.workshop(RAW if kind in ("raw", "unlisted") or label.startswith("hang constructor") else PIPELINE.format(parameters)) as shop:
            (shop.folder / "data.txt").write_text("first\n")
            if kind in ("raw", "unlisted") or how == "constructor":
                raw.put("constructor_hang" if how == "constructor" else how, shop.folder / "plugins")
            if kind == "unlisted":
                unlisted(shop)
            elif kind == "replaced":
                replaced(shop, how)
            elif kind == "hang" and how == "create":  # asked while planning, which waits for a while
                refused(shop.run(), "hostile.step")
            elif kind == "hang" and how == "reward":
                interrupted_once(shop)
            elif kind == "hang":
                interrupted_twice(shop)
            elif kind == "describe":
                failed(shop.run(env={"HOSTILE_DESCRIBE": how}), f"hostile|{DESCRIBE[how]}")
            elif kind == "changes":
                failed(shop.run(env={"HOSTILE_CHANGES": "1"}), "not what the plugin says")
            elif kind == "stage" and STAGE[how] is None:
                done = shop.run()
                check(done.code == 0, done)
            elif kind == "meddle":
                for _ in range(2):
                    failed(shop.run(), "data.txt' changed while")
            elif kind == "limits":  # nothing can be started
                done = shop.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)))
                check(done.code == 1 and "Too many open files" in done.text, done)
            else:
                said = {"stage": STAGE, "step": OTHERS, "reward": OTHERS, "raw": RAW_FAULTS}[kind][how]
                if kind == "step" and more[0] == "destroy" and how.startswith("throw"):
                    said = "signal 6"  # out of a destructor
                planned = kind == "step" and more[0] == "destroy" or "create" in more
                if kind == "reward" and not planned:
                    said += "|reward 'hostile.length'"
                (refused if planned else failed)(shop.run(), said)
            if shop.store.exists():
                shop.whole()
        return None

    lab.each([f"{label}#{time}" for time in range(lab.count) for label in labels()] +
             [f"damaged#{number}" for number in range(FULL_BATCHES if lab.full else BATCHES)], case)
