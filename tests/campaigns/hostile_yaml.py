"""R8: malformed pipeline files: bombs, cycles, depth, duplicates, tags, bytes that are no text, wrong types, valid files with
something changed. Each ends within a second and 64 MiB with exit code 3 and a place in the file; never a crash."""
import os
import resource
import subprocess

from lab import check

COUNT = 700
FULL = 20_000
MOST_SECONDS = 1  # of processor time: others may be using this machine
MOST_BYTES = 64 << 20
HEAD = b"lehr: 1\nname: x\n"
VALID = b"""\
lehr: 1
name: example
seed: 7
vars: {width: 4, shape: round, deep: {er: [1, 2]}}
stages:
  dig:
    uses: kiln.dig
    with: {depth: 3, grains: 6M, load: 64MiB, heat: 0.25, pause: 30m, shape: "${vars.shape}", tags: [a, b],
           sizes: [1, 2], layers: [{width: 8}], mould: {width: "${vars.width}", tall: true}, fuel: {wood: 3}}
  fire:
    uses: kiln.fire
    in: {documents: dig.documents}
outputs: {final: dig.documents}
"""


def bombs():
    """Small files that stand for much."""
    for width, depth in ((2, 60), (9, 9), (10, 6), (100, 4), (2, 1000)):
        lines = ["a0: &a0 [x, x]"]
        lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, depth)]
        yield HEAD + "\n".join(lines).encode() + b"\nvars: *a%d\n" % (depth - 1)
        yield HEAD + b"vars:\n" + "\n".join("  " + line.replace("[", "{k: [").replace("]", "]}") for line in lines).encode()
    for size in (100, 1000, 100_000):
        yield HEAD + b"vars: &a [" + b"*a, " * size + b"x]\n"
        yield HEAD + b"vars: {a: &a 1, b: [" + b"*a, " * size + b"*a]}\n"
    for size in (10, 60, 1000, 50_000):  # variables that double
        for stages in (b"stages: {}\n", b'stages: {s: {uses: kiln.dig, with: {shape: "${vars.v%d}"}}}\n' % (size - 1)):
            yield HEAD + b"vars:\n  v0: xxxxxxxxxx\n" + b"".join(
                b'  v%d: "${vars.v%d}${vars.v%d}"\n' % (n, n - 1, n - 1) for n in range(1, size)) + stages
    for sides in (2, 5, 20, 200):
        yield HEAD + b"stages:\n  dig:\n    uses: kiln.dig\n    matrix: {" + b", ".join(
            b"m%d: [%s]" % (n, b", ".join(b"%d" % i for i in range(sides))) for n in range(min(sides, 16))) + b"}\n"


def cycles():
    yield HEAD + b"extends: pipeline.yaml\n"
    yield HEAD + b"vars: &a {b: *a}\n"
    yield HEAD + b"vars: {a: '${vars.a}'}\nstages: {s: {uses: '${vars.a}'}}\n"
    yield HEAD + b"vars: {a: '${vars.b}', b: '${vars.a}'}\nstages: {s: {uses: '${vars.b}'}}\n"
    for size in (1, 2, 50, 2000):
        yield HEAD + b"stages:\n" + b"".join(
            b"  s%d: {uses: kiln.fire, in: {documents: s%d}}\n" % (n, (n + 1) % size) for n in range(size))


def depth():
    for size in (50, 65, 200, 5000, 200_000):
        for opening, closing in ((b"[", b"]"), (b"{a: ", b"}"), (b"[{a: ", b"}]"), (b"- ", b""), (b"? ", b""), (b"!x [", b"]")):
            yield HEAD + b"vars: " + opening * size + b"x" + closing * size + b"\n"
            yield HEAD + b"vars:\n  " + opening * size + b"\n"
        yield HEAD + b"vars:\n" + b"".join(b" " * (n + 1) + b"a:\n" for n in range(min(size, 1400)))
        yield HEAD + b"vars: '" + b"${" * size + b"}" * size + b"'\nstages: {s: {uses: '${vars}'}}\n"


def bytes_that_are_no_text():
    for bad in (b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1b[31m", b"\x7f", b"\x80", b"\xe2\x82"):
        for place in (0, 5, len(VALID) // 2, len(VALID)):
            yield VALID[:place] + bad + VALID[place:]
        yield bad * 1000
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield VALID.decode().encode(encoding)
    yield b"\xef\xbb\xbf" * 2 + VALID
    yield b""
    yield b"\n" * 100_000
    yield b"#" * 1_000_000
    yield b"---\n" * 1000
    yield VALID + b"---\n" + VALID
    yield b"%YAML 9.9\n---\n" + VALID
    yield b"%TAG ! tag:example.com,2000:\n---\n" + VALID
    yield VALID.replace(b"    uses", b"\tuses")
    yield VALID * 2
    yield b"x" * 20_000_000
    for separator in ("\u2028", "\u2029", "\u0085", "\u00a0", "\u200b", "\u202e", "\U0010ffff", "\ufffe"):
        yield VALID.replace(b"dig", f"d{separator}g".encode())


def structure():
    """Every value of a valid file replaced by every kind of thing, and every key twice."""
    things = ["[]", "{}", "null", "true", "-1", "1e999", "0x10", "010", ".nan", ".inf", "99999999999999999999", "''", "'\\0'",
              "no", "!!binary aGVsbG8=", "!!python/object:os.system {}", "!x y", "*nowhere", "[1, [2]]", "{a: {b: c}}", "<<",
              "${vars.nothing}", "'${'", "'${vars.}'", "1.5.2", "2001-01-01", "{? [a]: b}", "'../../../etc/passwd'", "=", "~"]
    places = {"lehr": "1", "name": "example", "seed": "7", "uses": "kiln.dig", "with": None, "in": None, "stages": None,
              "outputs": None, "vars": None, "depth": "3", "grains": "6M", "load": "64MiB", "heat": "0.25", "pause": "30m"}
    for name, value in places.items():
        for thing in things:
            if value is None:  # before what is there: the key is there twice then
                yield VALID.replace(f"{name}: ".encode(), f"{name}: {thing}\n{name}: ".encode(), 1)
            else:
                yield VALID.replace(f"{name}: {value}".encode(), f"{name}: {thing}".encode(), 1)
    for thing in things:
        yield thing.encode() + b"\n"
        yield HEAD + b"stages:\n  dig: " + thing.encode() + b"\n"
        yield HEAD + b"stages: {dig: {uses: kiln.dig, with: {layers: " + thing.encode() + b"}}}\n"
        yield HEAD + b"stages: {dig: {uses: kiln.dig, require: " + thing.encode() + b"}}\n"
        yield HEAD + b"stages: {dig: {uses: kiln.dig, matrix: " + thing.encode() + b"}}\n"
    for size in (10_000, 200_000):
        yield HEAD + b"".join(b"k%d: 1\n" % n for n in range(size))
        yield HEAD + b"stages:\n" + b"".join(b"  s%d: {uses: kiln.dog}\n" % n for n in range(size // 100))
        yield HEAD + b"a: 1\n" * size
        yield HEAD + b"vars: {a: " + b"x" * size + b"}\nstages: {s: {uses: '${vars.a}'}}\n"
        yield HEAD + b'vars: "' + b"\\" * size + b"\n"
        yield HEAD + b"vars: |" + b"9" * size + b"\n"
        yield HEAD + b"vars: &" + b"a" * size + b" x\n"
        yield HEAD + b"vars: !<" + b"a" * size + b"> x\n"


def changed(dice):
    """A valid file with a few bytes changed; it may still be valid."""
    text = bytearray(VALID)
    special = b"{}[]:,-?&*!|>'\"%@`#\n\t ${}\\\0\xff~<=0123456789"
    for _ in range(dice.randint(1, 6)):
        place, what = dice.randrange(len(text)), dice.randrange(4)
        if what == 0:
            text[place] = dice.choice(special)
        elif what == 1:
            text.insert(place, dice.choice(special))
        elif what == 2:
            del text[place:place + dice.randint(1, 20)]
        else:
            start = dice.randrange(len(text))
            text[place:place] = text[start:start + dice.randint(1, 80)]
    return bytes(text)


def written():
    return [text for kind in (bombs, cycles, depth, bytes_that_are_no_text, structure) for text in kind()]


def campaign(lab):
    fixed = written()
    plugins = str(lab.build / "tests" / "cli" / "plugins")
    print(f"  {len(fixed)} written files, the others a valid one with something changed")

    def validate(shop, text):
        shop.file.write_bytes(text)
        out = shop.folder / "said"
        with open(out, "wb") as file:
            process = subprocess.Popen([lab.lehr, "validate", "pipeline.yaml", "--plugin-path", plugins], stdout=file,
                                       stderr=subprocess.STDOUT, cwd=shop.folder, env=shop.environment())
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (20, 20))  # not in the child: a fork of all this takes long
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage, out.read_bytes()

    with lab.workshop("") as shop:
        _, base, _ = validate(shop, VALID)  # what the program takes by itself

    def case(label, dice):
        kind, number = label.split()
        text = fixed[int(number)] if kind == "written" else changed(dice)
        with lab.workshop("") as shop:
            code, usage, said = validate(shop, text)
            beginning = f"{text[:200]!r}: exit code {code}, {said[:2000].decode(errors='replace')}"
            # Something changed may still be valid, and a directive is no mistake.
            check(code == 3 or code == 0 and (kind == "changed" or text.startswith((b"lehr", b"%TAG"))), beginning)
            check(code == 0 or b"error: " in said and b"pipeline.yaml" in said, beginning)
            check(usage.ru_utime + usage.ru_stime < MOST_SECONDS,
                  f"{usage.ru_utime + usage.ru_stime:.2f} s for {beginning}")
            check((usage.ru_maxrss - base.ru_maxrss) * 1024 < MOST_BYTES + 2 * len(text),
                  f"{usage.ru_maxrss} KiB for {beginning}")
            check(len(said) < 1 << 20, f"{len(said)} bytes said for {text[:200]!r}")

    more = max(50, lab.count - len(fixed))
    lab.each([f"written {number}" for number in range(len(fixed))] + [f"changed {number}" for number in range(more)], case)
