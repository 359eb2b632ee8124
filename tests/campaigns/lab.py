"""What every campaign needs: workshops (a folder with a pipeline and a store), cases run side by side, and failures that
say how to repeat them."""
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading

TALLY = """\
lehr: 1
name: tally
stages:
  one: {{uses: tally.tally, with: {{lines: {lines}, every: {every}, hold_at: {hold_at}}}}}
  two: {{uses: tally.copy, in: {{documents: one}}}}
"""
MOST_TOLD = 20  # failures
# Of any one command; an undisturbed one takes a tenth of a second, one that trains under a sanitizer minutes.
LONGEST_SECONDS = 900 if "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ else 120


def tally(lines=15, every=10, hold_at=-1):
    return TALLY.format(lines=lines, every=every, hold_at=hold_at)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def scratch():
    """Memory where there is enough: a kill loses nothing the kernel has, so fsync may be free."""
    memory = pathlib.Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 28 else None


class Done:
    """How a command ended and what it printed."""

    def __init__(self, code, text):
        self.code, self.text = code, text

    def __str__(self):
        return f"exit code {self.code}\n{self.text}"


class Workshop:
    def __init__(self, lab, text):
        self.lab = lab
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lehr-campaign-", dir=scratch()))
        self.file = self.folder / "pipeline.yaml"
        self.file.write_text(text)
        self.store = self.folder / ".lehr"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():  # read-only folders, if we are not root
            subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
            shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, more=None):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEHR_")}
        return {**kept, "XDG_DATA_HOME": str(self.folder / "none"), **(more or {})}

    def command(self, *more):
        return [self.lab.lehr, "run", str(self.file), "--plugin-path", self.lab.plugins, *more]

    def start(self, *more, command=None, env=None, **options):
        """In a session of its own, so that stop() reaches all of it; the stage hosts die with their parent."""
        return subprocess.Popen(command or self.command(*more), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                                start_new_session=True, env=self.environment(env),
                                **{"cwd": self.folder, **options})

    def finish(self, process, timeout=LONGEST_SECONDS):
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            raise AssertionError(f"it hangs: {' '.join(process.args)}\n{text}") from None
        return Done(process.returncode, text)

    def run(self, *more, env=None, **options):
        return self.finish(self.start(*more, env=env, **options))

    def lehr_command(self, *command):
        return self.finish(self.start(command=[self.lab.lehr, *command]))

    def verify(self, *more):
        return self.lehr_command("store", "verify", "--store", str(self.store), *more)

    def newest_run(self):
        runs = [path for path in (self.store / "runs").iterdir() if (path / "lease").exists()]
        return max(runs, key=lambda path: (path / "lease").stat().st_mtime_ns)

    def digests(self):
        """stage id -> digest of its one output, of what the newest run reached."""
        out = {}
        for key in (self.newest_run() / "keys").read_text().split():
            result = json.loads((self.store / "results" / f"{key}.json").read_text())
            out[result["made"]["stage_id"]] = [port["digest"] for port in result["outputs"].values()]
        return out

    def whole(self):
        self.store.mkdir(exist_ok=True)  # it may have been killed before there was one
        done = self.verify()
        check(done.code == 0, f"the store is not whole: {done}")

    def goes_on(self, expected, when, *more):
        """The store is whole, and the next run ends well, with these digests."""
        self.whole()
        again = self.run(*more)
        check(again.code == 0, f"{when}, then run again: {again}")
        check(self.digests() == expected, f"{when}: other bytes: {self.digests()}")
        return again

    def finishes(self, expected, when, *more):
        """The same, and the store is whole after it, too."""
        again = self.goes_on(expected, when, *more)
        self.whole()
        return again


class Lab:
    """The settings of one campaign run."""

    def __init__(self, name, seed, count, full, case, jobs, build):
        self.name, self.seed, self.count, self.full, self.case, self.jobs = name, seed, count, full, case, jobs
        self.build = build
        self.lehr = str(build / "bin" / "lehr")
        self.plugins = str(build / "tests" / "campaigns" / "plugins")
        self.preload = str(build / "tests" / "campaigns" / "disturb.so")
        self.dice = random.Random(f"{name}/{seed}")
        self.failed = 0

    def workshop(self, text):
        return Workshop(self, text)

    def reference(self, text):
        with self.workshop(text) as shop:
            done = shop.run()
            check(done.code == 0, done)
            return shop.digests()

    def disturbed(self, program, calls, at, do="kill", stage=None, sticky=False, **more):
        env = {"LD_PRELOAD": self.preload, "LEHR_DISTURB_PROGRAM": program, "LEHR_DISTURB_CALLS": calls,
               "LEHR_DISTURB_AT": str(at), "LEHR_DISTURB_DO": str(do), **more}
        if stage:
            env["LEHR_DISTURB_STAGE"] = f'"stage_id":"{stage}"'
        if sticky:
            env["LEHR_DISTURB_STICKY"] = "1"
        return env

    def count_calls(self, text, program, calls, stage=None, change=None):
        """How many of these calls an undisturbed run makes."""
        with self.workshop(text) as shop:
            if change:
                change(shop)
            file = shop.folder / "count"
            done = shop.run(env=self.disturbed(program, calls, 0, stage=stage, LEHR_DISTURB_COUNT=str(file)))
            check(done.code == 0, done)
            return int.from_bytes(file.read_bytes()[:8], "little")

    def pick(self, cases):
        """`count` of the labels, drawn by the seed; all of them where there are not more."""
        return cases if len(cases) <= self.count else self.dice.sample(cases, self.count)

    def each(self, labels, body):
        """body(label, dice) for every label, several at once. A label is all that a case is made of."""
        labels = [self.case] if self.case else labels
        lock = threading.Lock()
        done = 0

        def one(label):
            nonlocal done
            try:
                body(label, random.Random(f"{self.name}/{self.seed}/{label}"))
            except Exception as error:  # pylint: disable=broad-except
                with lock:
                    self.failed += 1
                    if self.failed <= MOST_TOLD:
                        print(f"FAILED {label}: {type(error).__name__}: {error}\n"
                              f"  repeat: tests/campaigns/run {self.name} --seed {self.seed} --case '{label}'",
                              flush=True)
            with lock:
                done += 1
                if done % 500 == 0:
                    print(f"  {done} of {len(labels)}, {self.failed} failed", flush=True)

        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(one, labels))
        print(f"  {len(labels)} cases, {self.failed} failed", flush=True)
