"""`lehr` where its surroundings are not what one hopes for: nobody reads what it prints, the terminal closes, a program
prints without end, names are no text, no plugin is there."""
import argparse
import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

# Fills `report` when it is asked to stop, or else after a time that no test waits for.
PATIENT = r"""lehr: 1
stages:
  patient:
    uses: command
    out: {report: documents}
    with:
      program: sh
      args: [-c, "trap 'sleep 0.3; echo saved > $TMPDIR/../saved; exit 0' TERM; echo begun >&2; sleep 1000 & wait"]
"""
QUICK = "lehr: 1\nstages:\n  quick: {uses: kiln.fire}\n"


class Surroundings:
    def __init__(self, lehr, plugins, folder):
        self.lehr, self.folder = lehr, folder
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LEHR_PLUGIN_PATH": plugins}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def write(self, text, name="pipeline.yaml"):
        (self.folder / name).write_text(text)

    def start(self, *words, **more):
        return subprocess.Popen([self.lehr, *words], cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, **more)

    def run(self, *words, code=0, said="", stdout=subprocess.PIPE, env=None, cwd=None):
        done = subprocess.run([self.lehr, *words], cwd=cwd or self.folder, env=env or self.environment, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=60)
        out = (done.stdout or b"") + done.stderr
        if (done.returncode != code and code is not None) or said.encode() not in out:
            sys.exit(f"lehr {words}: exit {done.returncode}, not {code} with {said!r}:\n{out.decode(errors='replace')}")
        return done.stdout

    def saved(self):  # what a stage that was asked to stop has left in its work folder
        found = list(self.folder.glob(".lehr/work/*/saved"))
        return len(found) == 1

    def wait_for(self, what, otherwise="it never began"):
        end = time.monotonic() + 30
        while not what():
            if time.monotonic() > end:
                sys.exit(otherwise)
            time.sleep(0.01)

    def begun(self):
        return any("begun" in log.read_text() for log in self.folder.glob(".lehr/runs/*/stages/patient/log.txt"))


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def state(pid):  # T: stopped
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def nobody_reads(at):
    at.write(QUICK)
    with open("/dev/full", "w") as full:
        at.run("validate", "pipeline.yaml", stdout=full, code=1, said="the output could not be written: No space left")
        at.run("--version", stdout=full, code=1, said="No space left")
        at.run("store", "ls", stdout=full, code=2, said="there is no store")
    at.write(PATIENT)
    # The reader of a pipe goes: a training of weeks is not lost for that, it saves its state and stops.
    going = at.start("run", "pipeline.yaml", stdout=subprocess.PIPE)
    at.wait_for(at.begun)
    going.stdout.close()
    going.send_signal(signal.SIGTERM)  # so that there is something to print
    if going.wait(30) != 75 or not at.saved():
        sys.exit(f"a reader that goes: exit {going.returncode}, saved {at.saved()}")


def full_disk(at):
    at.write(PATIENT)
    with open("/dev/full", "w") as full:
        going = at.start("run", "pipeline.yaml", stdout=full)
        if going.wait(30) != 75:
            sys.exit(f"a full disk: exit {going.returncode}")


def terminal_closes(at):
    at.write(PATIENT)
    going = at.start("run", "pipeline.yaml", stdout=subprocess.DEVNULL)
    at.wait_for(at.begun)
    for _ in range(2):  # one by the shell, one by the kernel
        going.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    if going.wait(30) != 75 or not at.saved():
        sys.exit(f"a terminal that closes: exit {going.returncode}, saved {at.saved()}")


def prints_without_end(at):
    at.write("lehr: 1\nstages:\n  loud: {uses: command, out: {report: documents}, timeout: 500ms, with: {program: 'yes'}}\n")
    begin = time.monotonic()
    at.run("run", "pipeline.yaml", code=1, said="was stopped")
    if time.monotonic() - begin > 20:
        sys.exit("its timeout came late")


def forced_in_vain(at):
    """What a forced stage made from a file that changed meanwhile is none; the result from before is still there."""
    at.write("lehr: 1\nstages:\n  reads:\n    uses: command\n    out: {report: documents}\n    with:\n      program: sh\n"
             "      files: [input.txt]\n"
             "      args: [-c, 'cp $LEHR_FILES $LEHR_OUTPUT_REPORT/it; [ ! -e $HOME/change ] || echo more >> $LEHR_FILES']\n")
    (at.folder / "input.txt").write_text("one\n")
    at.run("run", "pipeline.yaml")
    (at.folder / "change").touch()
    at.run("run", "pipeline.yaml", "--force", code=1, said="changed while the stage was reading it")
    (at.folder / "change").unlink()
    (at.folder / "input.txt").write_text("one\n")
    at.run("run", "pipeline.yaml", said="0 ran, 1 cached")


def cut_short_while_read(at):
    """What a stage says of half a file is not what is wrong, and trying again would not help."""
    at.write("lehr: 1\nstages:\n  reads:\n    uses: command\n    out: {report: documents}\n    retries: 3\n    with:\n      program: sh\n"
             "      files: [input.txt]\n      args: [-c, 'printf o > $LEHR_FILES; echo line 1 is cut short >&2; exit 1']\n")
    (at.folder / "input.txt").write_text("one\n")
    at.run("run", "pipeline.yaml", code=1, said="input.txt' changed while the stage was reading it")
    (at.folder / "input.txt").write_text("one\n")
    (at.folder / "pipeline.yaml").write_text((at.folder / "pipeline.yaml").read_text().replace("printf o >", "rm"))
    at.run("run", "pipeline.yaml", code=1, said="input.txt' changed while the stage was reading it")


def stage_stays_stopped(at):
    """A stage that is still stopped when lehr is continued, as one that left lehr's process group in that moment is, goes on."""
    at.write(PATIENT)
    going = at.start("run", "pipeline.yaml", stdout=subprocess.DEVNULL)
    at.wait_for(at.begun)
    host = children(going.pid)[0]
    os.kill(host, signal.SIGSTOP)
    at.wait_for(lambda: state(host) == "T", "it was not stopped")
    for each in signal.SIGSTOP, signal.SIGCONT:
        going.send_signal(each)
    at.wait_for(lambda: state(host) != "T", "it did not go on")
    going.terminate()
    if going.wait(30) != 75:
        sys.exit(f"a stage that stayed stopped: exit {going.returncode}")


def stops_with_its_stages(at):
    """Ctrl-Z stops the stages and what they run, `fg` continues them; that time counts for no timeout."""
    at.write(PATIENT.replace("with:", "timeout: 3s\n    with:"))
    going = at.start("run", "pipeline.yaml", stdout=subprocess.PIPE, preexec_fn=os.setpgrp)  # as a shell does
    at.wait_for(at.begun)
    host = children(going.pid)[0]
    program = children(children(host)[0])[0]
    everyone = going.pid, host, program
    going.send_signal(signal.SIGTSTP)
    at.wait_for(lambda: all(state(each) == "T" for each in everyone), "not all of them were stopped")
    time.sleep(4)
    going.send_signal(signal.SIGCONT)
    at.wait_for(lambda: not any(state(each) == "T" for each in everyone), "they did not go on")
    going.terminate()
    out, _ = going.communicate(timeout=30)
    if going.returncode != 75 or b"timeout" in out:
        sys.exit(f"stopped with its stages: exit {going.returncode}: {out.decode()}")


def waits_without_timeout(at):
    """What a stage waits for another run that computes the same is none of its timeout."""
    at.write(PATIENT.replace("sleep 1000 & wait", "until [ -e $HOME/go ]; do sleep 0.05; done; echo {} > $LEHR_OUTPUT_REPORT/x"))
    first = at.start("run", "pipeline.yaml", stdout=subprocess.PIPE)
    at.wait_for(at.begun)
    second = at.start("run", "pipeline.yaml", "--set", "stages.patient.timeout=2s", stdout=subprocess.PIPE)
    said = b""
    while b"waiting: " not in said:
        said += second.stdout.readline() or sys.exit(f"it does not wait: {said.decode()}")
    time.sleep(3)
    (at.folder / "go").touch()
    said += second.communicate(timeout=30)[0]
    first.communicate(timeout=30)
    if (first.returncode, second.returncode) != (0, 0) or b"taken from another run" not in said:
        sys.exit(f"one waits for the other: exit {first.returncode} and {second.returncode}: {said.decode()}")


def stopped_at_once(at):
    at.write(PATIENT)
    for _ in range(20):
        going = at.start("run", "pipeline.yaml", stdout=subprocess.PIPE)
        going.stdout.readline()  # "started": the host may not have come to its first line
        going.send_signal(signal.SIGTERM)
        out, _ = going.communicate(timeout=30)
        if going.returncode != 75:
            sys.exit(f"stopped as it began: exit {going.returncode}: {out.decode()}")


def names_are_no_text(at):
    at.write(QUICK)
    odd = os.fsencode(at.folder) + b"/na\xefve"
    os.mkdir(odd)
    at.run("run", "pipeline.yaml", "--store", odd + b"/store", code=1, said="is not UTF-8. Name another")
    at.run("run", "pipeline.yaml", b"--set", b"stages.quick.with.glaze=>\xff", code=3, said="this is not UTF-8")
    shutil.copy(at.folder / "pipeline.yaml", odd + b"/pipeline.yaml")
    at.run("run", odd + b"/pipeline.yaml", "--store", "store")
    json.loads(at.run("runs", "--store", "store", "--json"))
    json.loads(at.run("validate", odd + b"/none.yaml", "--json", code=3))
    plugin = pathlib.Path(at.environment["LEHR_PLUGIN_PATH"]) / "kiln.so"
    os.mkdir(odd + b"/plugins")
    shutil.copy(plugin, odd + b"/plugins/kiln.so")
    at.run("plugins", "list", "--plugin-path", odd + b"/plugins", code=4, said="its path is not UTF-8")
    json.loads(at.run("plugins", "list", "--plugin-path", odd + b"/plugins", "--json", code=4))
    at.write("lehr: 1\nstages:\n  odd: {uses: command, out: {report: documents}, with: {program: sh, args: [-c, "
             "'touch $LEHR_OUTPUT_REPORT/$(printf \"\\357\")']}}\n")
    at.run("run", "pipeline.yaml", code=1, said="is not UTF-8, as that of a file in an artifact has to be")
    # A value is cut for a message where a character ends.
    at.write("lehr: 1\nname: '" + "x" * 56 + "ä" * 10 + "'\nstages:\n  quick: {uses: kiln.fire}\n")
    json.loads(at.run("validate", "pipeline.yaml", "--json", code=3).decode("utf-8"))


def shown_on(master):
    """All that went into a pseudo terminal whose other end is closed: one read gives what the kernel has passed on by then."""
    shown = b""
    try:
        while piece := os.read(master, 1 << 16):
            shown += piece
    except OSError:  # EIO: the end
        pass
    os.close(master)
    return shown


def dumb_terminal(at):
    at.write(QUICK)
    for kind, codes in ("xterm", True), ("dumb", False):
        master, slave = pty.openpty()
        at.run("run", "pipeline.yaml", "--force", stdout=slave, env={**at.environment, "TERM": kind})
        os.close(slave)
        if (b"\033" in shown_on(master)) != codes:
            sys.exit(f"a terminal that is {kind}: control sequences are expected: {codes}")


def narrow_terminal(at):
    at.write(QUICK + "  sifted: {uses: filter, in: {documents: quick}, with: {steps: [exact_dedup]}}\n")
    at.run("run", "pipeline.yaml")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    at.run("runs", "show", stdout=slave)
    os.close(slave)
    lines = shown_on(master).decode().splitlines()
    if not any("documents_out 1" in line for line in lines) or max(map(len, lines[2:])) > 60:
        sys.exit("every result in lines of 60 columns is expected:\n" + "\n".join(lines))


def store_takes_no_run(at):
    at.write(QUICK)
    (at.folder / "store").mkdir()
    (at.folder / "store/runs").symlink_to("/proc")  # where not even root makes a folder
    at.run("run", "pipeline.yaml", "--store", "store", code=1, said="a store that it may write to (--store, LEHR_STORE)")


def plugin_folder_cannot_be_listed(at):
    (at.folder / "lehr").mkdir()
    (at.folder / "lehr/plugins").symlink_to("plugins")  # where even root can list nothing
    at.run("doctor", env={**at.environment, "XDG_DATA_HOME": str(at.folder)}, code=1, said="let this user read it")


def plugin_folder_is_not_there(at):
    folders = at.environment["LEHR_PLUGIN_PATH"] + ":/no/such/folder"
    said = at.run("doctor", env={**at.environment, "LEHR_PLUGIN_PATH": folders}, code=None)
    if b"'/no/such/folder', which LEHR_PLUGIN_PATH names, is not there" not in said:
        sys.exit(f"doctor does not miss a folder of LEHR_PLUGIN_PATH:\n{said.decode()}")


def pipe_for_a_file(at):
    os.mkfifo(at.folder / "pipe")
    at.write("lehr: 1\nstages:\n  dig: {uses: kiln.dig, with: {files: pipe}}\n")
    at.run("validate", "pipeline.yaml", code=3, said="pipe' is no file, but a pipe, a socket or a device")


def stamping_crashes(at):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return print("no C compiler: a plugin that crashes is not stamped")
    (at.folder / "trap.c").write_text("__attribute__((constructor)) static void trap(void) { __builtin_trap(); }\n"
                                      "const void* lehr_plugin_entry(const void* host) { return host; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "trap.so", "trap.c"], cwd=at.folder, check=True)
    at.run("plugins", "stamp", "trap.so", code=4, said="trap.so: the process in which it was to describe itself died by signal")


def paths_lead_nowhere(at):
    at.write(QUICK)
    (at.folder / "circle").symlink_to("circle")
    at.run("plan", "pipeline.yaml", "--store", "circle", code=1, said="/circle: Too many levels of symbolic links\n")
    at.run("plugins", "list", "--plugin-path", "circle", code=1, said="lehr: circle: Too many levels of symbolic links\n")


def blanks_and_line_breaks(at):
    folder = at.folder / "two words\nand 'more'"
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(QUICK + "outputs: {final: {from: quick, to: 'out put', mode: link}}\n")
    for _ in range(2):
        at.run("run", "pipeline.yaml", cwd=folder)
    at.run("store", "verify", cwd=folder)
    at.run("store", "gc", "--grace", "0", "--keep-runs", "0", cwd=folder)
    if not (folder / "out put/artifact.json").exists():
        sys.exit("gc took what an output leads to")


# Files that steps read are looked into before anything runs; what was said of one is not said of another by its name.
def files_change_between_plans(at):
    at.environment.pop("LEHR_PLUGIN_PATH")
    at.write('{"id":"1","text":"a"}\n', "documents.jsonl")
    pipeline = """lehr: 1
stages:
  source: {uses: files.documents, with: {train: [documents.jsonl]}}
  clean: {in: {documents: source}, uses: filter, with: {steps: [STEP]}}
"""
    at.write(pipeline.replace("STEP", "{c4_bad_words: {words: words.txt}}"))
    words, bad = at.folder / "words.txt", b"caf\xe9\n"
    words.write_bytes(bad)
    at.run("run", "pipeline.yaml", "--only", "source")
    for _ in range(2):
        at.run("plan", "pipeline.yaml", code=3, said="words.txt:1: the line is not valid UTF-8")
        words.write_text("word\n")
        at.run("plan", "pipeline.yaml")
        words.write_bytes(bad)
    words.write_text("word\n")
    at.run("run", "pipeline.yaml")
    for step, wrong in (("language: {model: words.txt}", "is no fastText classifier"), ("url: {domains: none.txt}", "none.txt"),
                        ("decontaminate: {sets: [words.txt]}", "no row of this set is looked for"),
                        ("gopher_quality: {spacy_table: words.txt}", "is no table of spaCy's words")):
        at.write(pipeline.replace("STEP", "{" + step + "}"))
        at.run("plan", "pipeline.yaml", code=3, said=wrong)


def no_plugins(at):
    alone = at.folder / "alone"
    (alone / "bin").mkdir(parents=True)
    for program in ("lehr", "lehr-host"):
        shutil.copy(pathlib.Path(at.lehr).parent / program, alone / "bin")
    environment = {k: v for k, v in at.environment.items() if k != "LEHR_PLUGIN_PATH"}
    done = subprocess.run([alone / "bin/lehr", "init", "mine"], cwd=at.folder, env=environment, capture_output=True, text=True)
    for text in ("not found: files, filter, tokenizer", "alone/lib/lehr/plugins", "LEHR_PLUGIN_PATH"):
        if text not in done.stderr or done.returncode != 0:
            sys.exit(f"init without plugins does not say {text!r}: {done.returncode} {done.stderr}")
    at.run("init", "there")
    (at.folder / "here").mkdir()
    at.run("init", cwd=at.folder / "here", said="wrote pipeline.yaml")
    for recipe in "align", "quickstart", "smollm2":  # which may extend another
        at.run("init", recipe, "--recipe", recipe)
        out = at.run("graph", f"{recipe}/{recipe}.yaml", env={**at.environment, "SMOLLM2": at.lehr})
        if b"dpo" not in out:
            sys.exit(f"init --recipe {recipe} is not whole: {out.decode()}")
    at.run("init", "quickstart", "--recipe", "align", said="wrote quickstart/align.yaml")
    at.run("init", "align", "--recipe", "quickstart", code=2, said="is there already")
    at.run("init", "again", "--recipe", "smollm2", said="it cannot run yet")  # the model is not there
    at.run("init", "talk", "--recipe", "english", code=2, said="tools/setup --english")
    if at.run("init", "again", "--plugin-path", at.environment["LEHR_PLUGIN_PATH"]).count(b"--plugin-path") != 2:
        sys.exit("init does not go on with --plugin-path")


def programs_behind(at):
    for program in "lehr-bundle", "lehr-data", "lehr-inspect", "lehr-selftest":
        path = pathlib.Path(at.lehr).parent / program
        if not path.exists():  # the last two need LibTorch
            continue
        done = subprocess.run([path, "--help"], capture_output=True, text=True, timeout=60)
        if done.returncode != 2 or f"{program} is run by `lehr " not in done.stderr:
            sys.exit(f"{program} --help: {done.returncode} {done.stderr}")


def long_log(at):
    at.write(PATIENT.replace("echo begun >&2; sleep 1000 & wait", "seq 100000; cp /dev/null $LEHR_OUTPUT_REPORT/x"))
    at.run("run", "pipeline.yaml")
    for lines in (1, 3, 20000, 99999):
        tail = at.run("logs", "patient", "--tail", str(lines)).split()
        if len(tail) != lines or tail[-1] != b"100000":
            sys.exit(f"the last {lines} lines of a log: {len(tail)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lehr", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    for test in (nobody_reads, full_disk, terminal_closes, prints_without_end, forced_in_vain, cut_short_while_read, stage_stays_stopped, stops_with_its_stages,
                 waits_without_timeout, stopped_at_once,
                 names_are_no_text, dumb_terminal, narrow_terminal, store_takes_no_run, plugin_folder_cannot_be_listed,
                 plugin_folder_is_not_there, pipe_for_a_file, stamping_crashes, paths_lead_nowhere,
                 blanks_and_line_breaks, files_change_between_plans, no_plugins, programs_behind, long_log):
        if options.tests and test.__name__ not in options.tests:
            continue
        with tempfile.TemporaryDirectory() as folder:
            test(Surroundings(os.path.abspath(options.lehr), os.path.abspath(options.plugins), pathlib.Path(folder)))
        print(test.__name__)


main()
