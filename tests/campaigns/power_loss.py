"""R2: the power goes at a random call. A model of the page cache: what was not synced is gone (dropped), or some of it has
reached the disk and some has not (torn). Every fsync is remembered by disturb.c; the folder is then put back to that."""
import os
import pathlib
import shutil
import stat
import tempfile

import crash_points
from lab import check, scratch, tally

COUNT = 20
FULL = 2000


class Disk:
    """What is left of a folder, by what disturb.c has remembered of its syncs."""

    def __init__(self, synced, folder, mode, dice):
        self.synced, self.folder, self.mode, self.dice = synced, folder, mode, dice
        self.parent = {}  # of a folder: the last one that was synced with it, so that no rename is seen half
        whole = [path for path in synced.glob("d*") if path.suffix == ""]  # not one whose writer was killed
        for listing in sorted(whole, key=lambda path: path.stat().st_mtime_ns):
            for line in listing.read_text().splitlines():
                self.parent[int(line.split(" ", 1)[0])] = int(listing.name[1:])

    def entries(self, folder, inode):
        remembered = self.synced / f"d{inode}"
        durable, present = {}, {}
        if remembered.exists():
            for line in remembered.read_text().splitlines():
                number, mode, name = line.split(" ", 2)
                durable[name] = (int(number), int(mode, 8))
        if self.mode == "dropped":
            return durable
        if folder is not None and folder.is_dir():
            for entry in os.scandir(folder):
                info = entry.stat(follow_symlinks=False)
                present[entry.name] = (info.st_ino, info.st_mode)
        chosen = {}
        for name in sorted({*durable, *present}):
            entry = self.dice.choice([durable.get(name), present.get(name)])
            if entry:
                chosen[name] = entry
        return chosen

    def content(self, inode, present):
        remembered = self.synced / f"f{inode}"
        durable = remembered.read_bytes() if remembered.exists() else b""
        now = present.read_bytes() if present and present.is_file() else durable
        if self.mode == "dropped" or now == durable:
            return durable
        if now.startswith(durable):  # the last write is torn, its end perhaps only length
            cut = self.dice.randint(len(durable), len(now))
            return now[:cut] + self.dice.choice([b"", bytes(len(now) - cut)])
        return self.dice.choice([durable, now[:self.dice.randint(0, len(now))], bytes(len(now))])

    def place(self, inode, out):
        folder = self.where.get(inode)
        for name, (number, mode) in self.entries(folder, inode).items():
            target, present = out / name, self.where.get(number)
            if stat.S_ISDIR(mode):
                if self.parent.get(number, inode) != inode:
                    continue
                target.mkdir()
                self.place(number, target)
            elif stat.S_ISREG(mode):
                target.write_bytes(self.content(number, present))
            os.chmod(target, stat.S_IMODE(mode))

    def restore(self):
        self.where = {entry.stat(follow_symlinks=False).st_ino: entry
                      for entry in [self.folder, *self.folder.rglob("*")]}
        out = pathlib.Path(tempfile.mkdtemp(dir=self.synced))
        self.place(self.folder.stat().st_ino, out)
        for entry in self.folder.iterdir():
            if entry.name != "pipeline.yaml":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for entry in out.iterdir():
            if entry.name != "pipeline.yaml":
                entry.rename(self.folder / entry.name)


def lights_out(lab, text, expected, program, stage, point, mode, dice):
    with lab.workshop(text) as shop, tempfile.TemporaryDirectory(dir=scratch()) as synced:
        done = shop.run(env=lab.disturbed(program, crash_points.CHANGES, point, "lights-out", stage,
                                          LEHR_DISTURB_ROOT=str(shop.folder), LEHR_DISTURB_SYNCED=synced))
        finished = [stage for stage in ("one", "two") if f"{stage}: done in" in done.text]
        Disk(pathlib.Path(synced), shop.folder, mode, dice).restore()
        if not shop.store.exists():
            check(not finished, "the whole store is gone")
        again = shop.finishes(expected, f"without power ({mode})")
        for name in finished:  # what was called done has to be there
            check(f"{name}: cached" in again.text, f"'{name}' was done before the power went: {again}")


def campaign(lab):
    text = tally(lines=45)
    expected = lab.reference(text)
    cases = crash_points.labels(lab, text, ("dropped", "torn"))
    cases = [f"{label} {number}" for label in cases for number in range(1 + lab.count // len(cases))]

    def case(label, dice):
        program, stage, mode, point, _ = label.split()
        lights_out(lab, text, expected, program, None if stage == "None" else stage, int(point), mode, dice)

    lab.each(lab.pick(cases), case)
