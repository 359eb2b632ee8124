"""A corpus of English-like text of any size, the same on every machine with the same packages installed: passages of WordNet's
glosses, manual pages and package documentation, in random order, with invented names strewn in, so that new words keep
coming as they do in collected text (some 800,000 different pre-tokens in 200 MB)."""

import gzip
import pathlib
import random
import re

SEPARATOR = "\0"  # between documents
SHARES = (5, 4, 1)  # glosses, manuals, documentation
SYLLABLES = [a + b for a in "b c d f g h k l m n p r s st t tr v w z ch sh br".split() for b in "a e i o u an el in or".split()]


def glosses():
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(f"/usr/share/wordnet/data.{part}", encoding="utf-8"):
            if " | " in line:
                yield line.split(" | ", 1)[1].strip()


def read(path):
    data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8", errors="ignore")


def manual_lines():
    for path in sorted(pathlib.Path("/usr/share/man").glob("man[1-8]/*.gz")):
        if path.name.startswith("gcloud"):  # where that is installed, three pages in four
            continue
        for line in read(path).splitlines():
            if not line.startswith((".", "'")):
                yield re.sub(r"\\f[A-Z]|\\&|\\\(..|\\-", "", line)


def document_lines():
    for path in sorted(pathlib.Path("/usr/share/doc").rglob("*")):
        if path.is_file() and not path.is_symlink() and re.search(r"(README|NEWS|\.txt|\.md)(\.gz)?$", path.name):
            yield from read(path).splitlines()


def passages():
    """For each source, its lines in passages of a few hundred bytes to some kilobytes; each line once."""
    rng = random.Random(1)
    seen, every = set(), []
    for lines in (glosses(), manual_lines(), document_lines()):
        made, passage, wanted = [], [], rng.randint(3, 60)
        for line in lines:
            line = line.rstrip().replace(SEPARATOR, "")
            if len(line) < 20 or hash_of(line) in seen:
                continue
            seen.add(hash_of(line))
            passage.append(line)
            if len(passage) == wanted:
                made.append(passage)
                passage, wanted = [], rng.randint(3, 60)
        every.append(made + [passage])
    return every


def hash_of(line):
    return line.strip()[:80]


def name(rng):
    """From a distribution with a long tail: some names often, most once."""
    number = int(40 * rng.paretovariate(0.15)) % 400_000_000
    letters = ""
    while number:
        number, digit = divmod(number, len(SYLLABLES))
        letters += SYLLABLES[digit]
    return letters.capitalize()


def write(path, size, seed=7):
    """`size` bytes of text, documents separated by SEPARATOR."""
    rng = random.Random(seed)
    sources = passages()
    written = 0
    with open(path, "w", encoding="utf-8") as out:
        while written < size:
            lines = []
            for line in rng.choice(rng.choices(sources, SHARES)[0]):
                words = line.split(" ")
                if rng.random() < 0.5 and len(words) > 4:
                    words[rng.randrange(1, len(words))] = name(rng)
                lines.append(" ".join(words))
            text = ("\n" if rng.random() < 0.5 else " ").join(lines)
            out.write((SEPARATOR if written else "") + text)
            written += len(text.encode()) + 1
    return path


if __name__ == "__main__":
    import sys
    write(sys.argv[1], int(sys.argv[2]) * 1_000_000)
