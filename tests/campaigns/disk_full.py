"""R3: a disk that is full at a random point: a small file system (where mounting is allowed), and a limit on the size of
any one file. The run says so, the store stays whole, and with room the next run ends with the same bytes."""
import ctypes
import os
import resource

from lab import check, tally

COUNT = 20
FULL = 1000
MOUNT = ctypes.CDLL(None, use_errno=True).mount
REASONS = ("No space left on device", "File too large", "MiB are free")


def mounted(folder, kilobytes, remount=False):
    flags = 32 if remount else 0  # MS_REMOUNT
    return MOUNT(b"none", os.fsencode(folder), b"tmpfs", flags, f"size={kilobytes}k,nr_inodes=0".encode()) == 0


def campaign(lab):
    text = tally(lines=20000, every=4000)
    expected = lab.reference(text)
    with lab.workshop(text) as shop:
        (shop.folder / "probe").mkdir()
        can_mount = mounted(shop.folder / "probe", 64)
        if can_mount:
            os.system(f"umount '{shop.folder / 'probe'}'")
    print("  a small tmpfs and RLIMIT_FSIZE" if can_mount else "  RLIMIT_FSIZE only: mounting is not allowed")

    def case(label, dice):
        kind = label.split()[0]
        with lab.workshop(text) as shop:
            shop.store.mkdir()
            if kind == "tmpfs":
                check(mounted(shop.store, dice.randint(65536 + 4, 65536 + 3000)), "cannot mount")
                (shop.store / "ballast").write_bytes(bytes(dice.randint(0, 4) << 10))
            try:
                limit = dice.randint(1, 1 << 20)
                options = {} if kind == "tmpfs" else {
                    "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))}
                done = shop.run(**options)
                check(done.code >= 0 and "died by signal" not in done.text, f"it crashed: {done}")
                if done.code != 0:
                    check(any(reason in done.text for reason in REASONS), f"the reason is not told: {done}")
                if kind == "tmpfs":
                    shop.whole()
                    check(mounted(shop.store, 1 << 18, remount=True), "cannot give it more room")
                shop.finishes(expected, f"after {label} ({limit})")
            finally:
                if kind == "tmpfs":
                    os.system(f"umount '{shop.store}'")

    kinds = ["tmpfs", "limit"] if can_mount else ["limit"]
    lab.each([f"{kinds[number % len(kinds)]} {number}" for number in range(lab.count)], case)
