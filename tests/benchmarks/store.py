"""The machine's peaks, and the store against them: publishing a 2 GB artifact against `dd conv=fsync`, SHA-256 alone and `dvc add`."""

import json
import shutil
import statistics

from measure import HEAD, PEERS, ROOT, install_peers, milliseconds, number, row, sh

BYTES = 2 << 30


def machine(scratch, rounds, size=BYTES):
    program = ROOT / "build/bin/machine_benchmark"
    folder = scratch / "machine"
    figures = json.loads(sh(program, folder, size, rounds))
    shutil.rmtree(folder)
    return figures


def rates(seconds, size=BYTES):
    return [size / s / 1e9 for s in seconds]


def peak(scratch):
    """Disk write, SHA-256 and memory read."""
    figures = machine(scratch, 3)
    written = [a + b for a, b in zip(figures["write"], figures["sync"])]
    rows = [row("disk, write and fsync 2 GiB", rates(written), "GB/s"),
            row("SHA-256, one core", rates(figures["hash"]), "GB/s"),
            row("SHA-256, two files on two cores", rates(figures["hash_two"]), "GB/s"),
            row("memory read, two cores", rates(figures["read"]), "GB/s")]
    return "\n".join([HEAD, *rows])


def store(scratch):
    install_peers("dvc")
    dvc, folder = PEERS / "bin/dvc", scratch / "dvc"
    figures = {name: [1e3 * s for s in seconds] for name, seconds in machine(scratch, 3).items()}
    file = scratch / "file"
    dd, add, again = [], [], []
    for _ in range(3):
        dd.append(milliseconds(["dd", "if=/dev/urandom", f"of={file}", "bs=1M", f"count={BYTES >> 20}"]))
        dd[-1] = milliseconds(["dd", f"if={file}", f"of={scratch / 'copy'}", "bs=1M", "conv=fsync"])
        (scratch / "copy").unlink()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        sh(dvc, "init", "-q", "--no-scm", cwd=folder)
        file.rename(folder / "file")
        add.append(milliseconds([dvc, "add", "-q", "file"], cwd=folder))
        again.append(milliseconds([dvc, "add", "-q", "file"], cwd=folder))
    shutil.rmtree(folder)
    slower = [max(a, b) for a, b in zip(figures["sync"], figures["hash"])]
    slower_8 = [max(a, b) for a, b in zip(figures["sync"], figures["hash_two"])]
    share = 100 * statistics.median(slower) / statistics.median(figures["publish"])
    share_8 = 100 * statistics.median(slower_8) / statistics.median(figures["publish_8"])
    rows = [row("a file of 2 GiB that was just written: fsync alone", figures["sync"]),
            row("SHA-256 alone, one core", figures["hash"]),
            row("SHA-256 alone, two files on two cores", figures["hash_two"]),
            row("Lehr, hashed and published durably", figures["publish"], f"ms, {number(share)} % of the slower"),
            row("Lehr, the same as 8 files", figures["publish_8"], f"ms, {number(share_8)} % of the slower"),
            row("`dd conv=fsync`, write and fsync", dd),
            row("`dvc add`, no fsync", add),
            row("`dvc add` again, unchanged", again)]
    return "\n".join([HEAD, *rows])
