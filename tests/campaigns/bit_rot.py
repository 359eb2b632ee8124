"""R4: a bit flips in any file of the store, or it loses or gains bytes, its times as before. No corrupted byte is used: the next
run heals it or names it, `lehr store verify --discard` repairs, and the digests are those of before."""
import hashlib
import json
import os
import shutil

from lab import LONGEST_SECONDS, check, tally

COUNT = 500
FULL = 10_000
# What is read again: 'two' has no result any more, 'slow' was stopped in the middle and goes on.
MORE = """\
  given: {{uses: tally.lines, with: {{file: given.txt}}}}
  slow: {{uses: tally.tally, with: {{lines: 240, every: 20, hold_at: {hold_at}}}}}
outputs: {{kept: one}}
"""


def text(hold_at):
    return tally() + MORE.format(hold_at=hold_at)


def prepare(shop):
    """A store with every kind of file in it: finished, in progress, and remembered."""
    (shop.folder / "given.txt").write_text("given\n")
    os.utime(shop.folder / "given.txt", (1_000_000_000, 1_000_000_000))  # old enough to be remembered
    shop.file.write_text(text(200))
    process = shop.start("--json")
    done = set()
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "stage_finished":
            done.add(event["stage"])
        if event["event"] == "metric" and event["stage"] == "slow" and event["step"] == 200:
            done.add("slow")
        if done == {"one", "two", "slow", "given"}:
            break
    process.terminate()
    process.communicate(timeout=LONGEST_SECONDS)
    check(process.returncode == 75, f"exit code {process.returncode}, not 75")
    shop.file.write_text(text(-1))
    for result in (shop.store / "results").iterdir():
        if json.loads(result.read_text())["made"]["stage_id"] == "two":
            result.unlink()


def damage(path, how, dice):
    info = path.stat()
    content = bytearray(path.read_bytes())
    if how == "flip" and content:
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    elif how == "truncate" and content:
        del content[dice.randrange(len(content)):]
    else:
        content += bytes(dice.randrange(256) for _ in range(dice.randint(1, 64)))
    os.chmod(path, info.st_mode | 0o200)
    path.write_bytes(content)
    os.chmod(path, info.st_mode)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def check_output(folder):
    """What was handed out is what its artifact.json says."""
    for file in json.loads((folder / "artifact.json").read_text())["files"]:
        found = hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
        check(found == file["sha256"], f"{file['name']} was handed out damaged")


def campaign(lab):
    with lab.workshop(text(-1)) as shop:
        (shop.folder / "given.txt").write_text("given\n")
        done = shop.run()
        check(done.code == 0, done)
        expected = shop.digests()
    with lab.workshop(text(-1)) as template:
        prepare(template)
        # By kind, not by name: names hold times, process numbers and chance.
        files = sorted(str(path.relative_to(template.folder)) for path in template.store.rglob("*") if path.is_file())
        print(f"  {len(files)} files in the store")

        def case(label, dice):
            how = ("flip", "truncate", "extend")[int(label.split()[1]) % 3]
            name = dice.choice(files)
            with lab.workshop(text(-1)) as shop:
                shutil.copytree(template.folder, shop.folder, dirs_exist_ok=True)
                remembered = "/cache/" in name
                if remembered:  # by place: it has to be made here
                    shop.lehr_command("plan", str(shop.file), "--plugin-path", lab.plugins)
                damage(shop.folder / name, how, dice)
                done = shop.run()
                check(not remembered or "given: cached" in done.text, f"{how} of {name} was believed: {done}")
                if done.code == 0:
                    check_output(shop.folder / "outputs/kept")
                    check(shop.digests() == expected, f"{how} of {name}: other bytes: {done}")
                else:
                    check(done.code == 1 and "is damaged" in done.text, f"{how} of {name}: {done}")
                    check("--discard" in done.text, f"{how} of {name}: it does not say how to repair: {done}")
                shop.verify("--discard")
                shop.goes_on(expected, f"{how} of {name}")

        lab.each([f"file {number}" for number in range(lab.count)], case)
