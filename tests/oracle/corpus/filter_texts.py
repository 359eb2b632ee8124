"""Texts to hold filters against other filters with: generated ones, close to every threshold, and real ones, read from
what the system has installed (WordNet's glosses, documentation, manual pages, Python sources)."""

import glob
import gzip
import pathlib
import random
import sys

WORDNET = "/usr/share/wordnet"
STOP = ["the", "be", "to", "of", "and", "that", "have", "with"]
SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2007\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
# Every class of character that word boundaries know, and what else rules look at.
LETTERS = "abcxyzéßЖא中ああカｶสǅⅣ²ªʰ"
MARKS = "\u0301\u200d\u00ad\u2060\u20dd\ufe0f"
SIGNS = ".,;:'\"’·…•-#()[]{}_‿!?。！؟/\\@%$€＂．，🇩🇪🇫👩🏽💻😀\x00\x07"
DIGITS = "0123456789٣２,."
TERMINAL = ".?!。؟…"


def near_a_threshold(rng):
    """A text that fails at most one of Gopher's quality rules by a little: n words, some of them of a kind."""
    n = rng.choice([rng.randint(45, 60), rng.randint(50, 400)])
    length = rng.choice([2, 3, 3, 5, 9, 10, 11])
    words = ["".join(rng.choices("abcxyzéß中Ж", k=max(1, length + rng.randint(-1, 1)))) for _ in range(n)]
    if rng.random() < 0.8:
        for word in rng.sample(STOP, rng.randint(0, 4)):
            words[rng.randrange(n)] = word
    kinds = ["#", "#tag", "...", "…", "12", "3.5", "!", "--", "！", "።", "１", "x.", "²", "Ⅳ", "a\u0301", "\u0301"]
    for kind in rng.sample(kinds, rng.randint(0, 2)):
        for _ in range(rng.randint(0, n // 4)):
            words[rng.randrange(n)] = kind
    text, line = "", 0
    bullets, ends = rng.choice([0, 0.5, 0.88, 0.92, 1]), rng.choice([0, 0.1, 0.28, 0.32, 1])
    per_line = rng.randint(2, 15)
    for i, word in enumerate(words):
        if i % per_line == 0:
            if line:
                text += rng.choice(["", "", " ", "\t"]) if rng.random() >= ends else rng.choice(["...", "… ", "…\u3000"])
                text += rng.choice(["\n", "\n", "\r\n", "\x1c", "\u2028", "\v"])
            line += 1
            text += rng.choice(["", " "]) + rng.choice(["- ", "•", "-"]) if rng.random() < bullets else ""
        text += word + rng.choice([" ", " ", " ", rng.choice(SPACES)])
    return text


def repeating(rng):
    """Lines and paragraphs of which some come again, or runs of words that do, also with other spaces."""
    vocabulary = ["".join(rng.choices("abcdefgé中", k=rng.choice([1, 2, 2, 3, 5, 8]))) for _ in range(rng.choice([8, 60, 400]))]
    lines = [" ".join(rng.choices(vocabulary, k=rng.randint(1, 14))) for _ in range(rng.randint(1, 40))]
    share = rng.choice([0, 0, 0.05, 0.1, 0.2, 0.3, 0.5])
    for i in range(1, len(lines)):
        if rng.random() < share:
            lines[i] = lines[rng.randrange(i)]
        elif rng.random() < share:
            words = lines[rng.randrange(i)].split()
            k = rng.randrange(len(words))
            lines[i] = " ".join(words[:k] + words[k + 1:] + rng.choices(vocabulary, k=2))
        elif rng.random() < 0.1:  # the same letters, cut elsewhere
            letters = lines[rng.randrange(i)].replace(" ", "")
            cuts = sorted(rng.choices(range(len(letters)), k=rng.randint(3, 12)))
            lines[i] = " ".join(letters[a:b] for a, b in zip([0] + cuts, cuts + [len(letters)]))
    ends = rng.choice([["\n"], ["\n", "\n\n"], ["\n\n"], ["\n", "\n\n\n", "\n \n", "\r\n"]])
    text = rng.choice(["", "", "\n", "\n\n ", " "])
    for line in lines:
        text += line + rng.choice(["", "", rng.choice(TERMINAL)]) + rng.choice(ends)
    return text if rng.random() < 0.5 else text.rstrip("\n")


def page(rng, glosses):
    """Something like a web page, with what C4's rules look for."""
    lines = []
    for _ in range(rng.randint(1, 12)):
        line = rng.choice(glosses)
        for _ in range(rng.randint(0, 3)):
            line += rng.choice([" ", ". ", "; "]) + rng.choice(glosses)
        if rng.random() < 0.7:
            line = line.capitalize() + rng.choice([".", ".", "?", "!", "\"", "'", "...", ". ", "…", ".[1]", ".[edit]", "?)"])
        if rng.random() < 0.3:
            marker = rng.choice(["[1]", "[]", "[١٢]", "[edit]", "[citation needed]", "[a]", "[", " U.S. ", " e.g. ", " Mr. Smith. ",
                                 " J.R. ", "...", " .. ", "Lorem Ip[1]sum", "lorem ipsum", "LOREM [1]IPSUM", "javascript", "JavaScript",
                                 "java[2]script", "{", "}", "Terms of Use", "privacy policy", "Cookie Policy", "uses coo\u212aies",
                                 "use[3] cookies", "use of  cookies", "use cookies", "x" * 999, "é" * 1000, "é" * 1001, "y" * 1001])
            at = rng.randint(0, len(line))
            line = line[:at] + marker + line[at:]
        lines.append(rng.choice(["", "", "  ", "\t", "\u3000"]) + line)
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        lines.insert(rng.randint(0, len(lines)), rng.choice(["", " ", "Home", "Read more", "two words.", "and three words.", "•", "-", "\x1f"]))
    return rng.choice(["\n", "\n", "\n\n", "\r\n", "\x85", "\n\n\n"]).join(lines)


def long_words(rng):
    """Few words to the line, and yet no short lines."""
    lines = ["".join(rng.choices("abcdefgh", k=rng.randint(25, 60))) + rng.choice([" ab", "", "."]) + rng.choice([".", "!", ""])
             for _ in range(rng.randint(1, 9))]
    return rng.choice(["\n", "\n\n", "\n\n"]).join(lines)


def noise(rng):
    alphabet = (SPACES + LETTERS * 3 + MARKS * 2 + SIGNS + DIGITS) + rng.choice(["", " " * 30, "abcdefgh" * 20, MARKS * 8, "א'\"" * 9, "カ_ａ" * 9])
    text = "".join(rng.choices(alphabet, k=rng.choice([1, 2, 3, 8, 60, 400, 1500])))
    return text + rng.choice(["", " " + " ".join(rng.sample(STOP, 3))])


def glosses():
    if not pathlib.Path(WORDNET).exists():
        sys.exit("WordNet is not installed; run tools/setup")
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(f"{WORDNET}/data.{part}", encoding="utf-8"):
            if " | " in line:
                yield line.split(" | ", 1)[1].strip()


def real(rng, count, longest=20000):
    """Pieces of installed files."""
    paths = []
    for pattern in ("/usr/share/doc/**/*", "/usr/share/man/man*/*.gz", "/usr/lib/python3*/**/*.py"):
        paths.append(sorted(p for p in glob.glob(pattern, recursive=True) if pathlib.Path(p).is_file()))
    for i in range(count):
        kind = paths[i % len(paths)]
        if not kind:
            continue
        path = rng.choice(kind)
        try:
            with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
                data = file.read(4_000_000)
        except OSError:
            continue
        text = data.decode("utf-8", errors="replace")
        size = rng.choice([500, 2000, 5000, longest])
        begin = rng.randrange(max(1, len(text) - size))
        if text := text[begin:begin + size]:
            yield text


def edges():
    return ["", " ", "\n", "\n\n", "\n \n", "#", "[1] [2] [3] [4]", "\u202fa\u202f", "a\nb", "the be " * 25, "the be " * 24 + "the",
            "\t\u0301", "\n\u0301a", " \u200d😀", "\ufeff", "word " * 100001, "x" * 5000, "ab " * 3000, ".\n" * 50,
            " - the house of glass\n" * 15]


def texts(seed, scale=1.0):
    """At least 9,000 of them with scale 1."""
    rng = random.Random(seed)
    lines = list(glosses())
    out = edges()
    out += rng.sample(lines, int(1000 * scale))
    out += [rng.choice([" ", "\n", "...\n", ".\n"]).join(rng.sample(lines, rng.randint(2, 20))) for _ in range(int(800 * scale))]
    out += [near_a_threshold(rng) for _ in range(int(2500 * scale))]
    out += [repeating(rng) for _ in range(int(2000 * scale))]
    out += [page(rng, lines) for _ in range(int(1500 * scale))]
    out += [noise(rng) for _ in range(int(1500 * scale))]
    out += [long_words(rng) for _ in range(int(200 * scale))]
    out += real(rng, int(900 * scale))
    return out
