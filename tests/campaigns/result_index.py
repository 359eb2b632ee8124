"""R4: the index of results is a cache that the store outweighs. It is old, cut off, forged or of another store, and what it speaks
of is taken away or damaged behind its back; the next run ends with the right bytes, and nothing that is gone counts as there."""
import hashlib
import os
import shutil

from lab import check, tally

COUNT = 30
FULL = 3000
HARMS = ("lost", "cut", "cut and signed", "mixed", "foreign", "result gone", "artifact gone", "file cut", "result changed", "gc", "everything gone")


def text(lines):
    return tally(lines=lines) + "  other: {uses: tally.copy, in: {documents: two}}\n"


def signed(lines):
    """An index of these lines, with the checksum that belongs to them."""
    body = b"".join(line + b"\n" for line in lines)
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def mixed(lines, dice):
    """What one line says, under the name of another or of none."""
    names = [line[:65] for line in lines[1:]] + [b"R" + b"0" * 64, b"A" + b"f" * 64]
    dice.shuffle(names)
    return [lines[0]] + [name + line[65:] for name, line in zip(names, lines[1:])]


def write(path, content):
    """In place, with its times as before."""
    info = path.stat()
    os.chmod(path, info.st_mode | 0o200)
    path.write_bytes(content)
    os.chmod(path, info.st_mode)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def harm(shop, other, how, dice):
    index = shop.store / "cache" / "results-tally"
    lines = index.read_bytes().splitlines()[:-1]
    results, artifacts = (sorted((shop.store / kind).iterdir()) for kind in ("results", "artifacts"))
    if how == "lost":
        index.unlink()
    elif how == "cut":
        write(index, index.read_bytes()[:dice.randrange(index.stat().st_size)])
    elif how == "cut and signed":
        write(index, signed([line[:dice.randrange(len(line) + 1)] if number else line for number, line in enumerate(lines)]))
    elif how == "mixed":
        write(index, signed(mixed(lines, dice)))
    elif how == "foreign":
        shutil.copyfile(other.store / "cache" / "results-tally", index)
    elif how == "result gone":
        dice.choice(results).unlink()
    elif how == "artifact gone":
        remove(dice.choice(artifacts))
    elif how == "file cut":
        victim = dice.choice(sorted(path for path in dice.choice(artifacts).rglob("*") if path.is_file()))
        write(victim, victim.read_bytes()[:victim.stat().st_size // 2])
    elif how == "result changed":
        victim = dice.choice(results)
        write(victim, victim.read_bytes().replace(b'"digest": "', b'"digest": "0', 1)[:victim.stat().st_size])
    elif how == "gc":
        shop.lehr_command("store", "gc", "--store", str(shop.store), "--grace", "0", "--keep-runs", "0")
    else:
        for folder in ("results", "artifacts"):
            remove(shop.store / folder)
            (shop.store / folder).mkdir()


def remove(folder):
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            os.chmod(path, 0o755)
    shutil.rmtree(folder)


def campaign(lab):
    expected = lab.reference(text(15))
    with lab.workshop(text(16)) as other:
        check(other.run().code == 0, "the other store's run failed")

        def case(label, dice):
            with lab.workshop(text(15)) as shop:
                for _ in range(2):  # the second finds all in the index
                    done = shop.run()
                    check(done.code == 0, done)
                check("3 cached" in done.text, done)
                how = HARMS[int(label.split()[1]) % len(HARMS)]
                harm(shop, other, how, dice)
                done = shop.run()
                check(done.code == 0, f"{how}: {done}")
                check(shop.digests() == expected, f"{how}: other bytes: {done}")
                touched = how not in ("lost", "cut", "cut and signed", "mixed", "foreign")
                check(("3 cached" in done.text) != touched, f"{how}: {done}")
                shop.finishes(expected, how)

        lab.each([f"harm {number}" for number in range(lab.count)], case)
