"""English prose from documentation that Debian packages: pages of HTML, POD and dictionaries become plain text, one document a
page or entry. All of it is in Debian's main section, so free by its guidelines; nothing is copied into Lehr. Run by
../english.yaml on what `tools/setup --english` unpacked."""

import gzip
import hashlib
import html.parser
import json
import os
import pathlib
import re
import string
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2] / ".deps/english/usr/share"
LEAST = 200  # characters of a document
HELD_OUT = 100  # one document in so many
BLOCKS = {"p", "li", "dd", "dt", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "div", "blockquote", "caption", "section", "br", "tr"}
IGNORED = {"script", "style", "nav", "pre", "head", "header", "footer", "form", "svg"}
DIGITS = {c: i for i, c in enumerate(string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/")}


class Prose(html.parser.HTMLParser):
    """The text of a page's blocks that are long enough to be sentences; listings and navigation left out."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.ignored, self.block, self.blocks = 0, [], []

    def handle_starttag(self, tag, attributes):
        if tag in IGNORED:
            self.ignored += 1
        elif tag == "body":  # whatever was left open before
            self.ignored = 0
        if tag in BLOCKS:
            self.end_block()

    def handle_endtag(self, tag):
        if tag in IGNORED:
            self.ignored = max(0, self.ignored - 1)
        if tag in BLOCKS or tag in IGNORED:
            self.end_block()

    def handle_data(self, data):
        if not self.ignored:
            self.block.append(data)

    def end_block(self):
        text = " ".join("".join(self.block).split())
        self.block = []
        if len(text) >= 40 and re.search(r"[.!?:;,]", text):
            self.blocks.append(text.replace("¶", "").strip())

    def text(self):
        self.end_block()
        return "\n".join(self.blocks)


def page(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    reader = Prose()
    reader.feed(data.decode("utf-8", errors="replace"))
    return reader.text()


def pages(*patterns):
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not path.is_symlink() and "translations" not in path.parts:
                yield str(path.relative_to(ROOT)), page(path)


def pod(*patterns):
    """Perl's documentation: paragraphs without their marks, indented listings left out."""
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            paragraphs = []
            for paragraph in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
                if paragraph.startswith((" ", "\t", "=")) or len(paragraph) < 40:
                    continue
                plain = paragraph
                for _ in range(3):  # marks may hold marks
                    plain = re.sub(r"[BCFILSXZ]<+\s?([^<>|]*\|)?([^<>]*?)\s?>+", r"\2", plain)
                paragraphs.append(" ".join(plain.replace("E<gt>", ">").replace("E<lt>", "<").split()))
            yield str(path.relative_to(ROOT)), "\n".join(paragraphs)


def number(digits):
    value = 0
    for c in digits:
        value = value * 64 + DIGITS[c]
    return value


def dictionary(name):
    """dictd's format: an index of (word, offset, size), and the text compressed."""
    folder = ROOT / "dictd"
    text = gzip.decompress((folder / f"{name}.dict.dz").read_bytes())
    seen = set()
    for line in (folder / f"{name}.index").read_text(encoding="utf-8").splitlines():
        word, offset, size = line.split("\t")[:3]
        if word.startswith("00-database") or offset in seen:
            continue
        seen.add(offset)
        entry = text[number(offset):number(offset) + number(size)].decode("utf-8", errors="replace")
        entry = re.sub(r"\\[^\\\n]*\\,?|\[(1913 Webster|Webster|WordNet|PJC|[0-9])[^\]]*\]", "", entry)  # pronunciations, sources
        parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", entry))
        yield f"{name}/{word}", "\n".join(part for part in parts if part)


def fortunes():
    for path in sorted((ROOT / "games/fortunes").glob("*")):
        if path.suffix == "" and path.is_file() and "art" not in path.name:
            for i, text in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n%\n")):
                yield f"{path.name}#{i}", text.strip()


# package: where its prose is
SOURCES = {
    "anarchism": lambda: pages("doc/anarchism/html/*.html"),
    "apache2-doc": lambda: pages("doc/apache2-doc/manual/en/**/*.html"),
    "debian-faq": lambda: pages("doc/debian/FAQ/*.en.html"),
    "debian-handbook": lambda: pages("doc/debian-handbook/html/en-US/*.html"),
    "debian-policy": lambda: pages("doc/debian-policy/policy.html/*.html"),
    "debian-reference-en": lambda: pages("debian-reference/*.en.html"),
    "developers-reference": lambda: pages("developers-reference/*.html"),
    "dict-foldoc": lambda: dictionary("foldoc"),
    "dict-gcide": lambda: dictionary("gcide"),
    "dict-jargon": lambda: dictionary("jargon"),
    "fortunes": fortunes,
    "git-doc": lambda: pages("doc/git-doc/**/*.html"),
    "installation-guide-amd64": lambda: pages("doc/installation-guide-amd64/en/*.html"),
    "libreoffice-help-en-us": lambda: pages("libreoffice/help/en-US/text/**/*.html"),
    "linux-doc-6.1": lambda: pages("doc/linux-doc-6.1/html/**/*.html"),
    "maxima-doc": lambda: pages("doc/maxima-doc/html/*.html"),
    "perl-doc": lambda: pod("perl/5.*/pod/*.pod"),
    "postgresql-doc-15": lambda: pages("doc/postgresql-doc-15/html/*.html"),
    "python3.11-doc": lambda: pages("doc/python3.11/html/**/*.html"),
}


def main():
    out = pathlib.Path(os.environ["LEHR_OUTPUT_DOCUMENTS"])
    total = 0
    with open(out / "train-00000.jsonl", "w", encoding="utf-8") as train, \
            open(out / "eval-00000.jsonl", "w", encoding="utf-8") as held_out:
        for done, (package, read) in enumerate(SOURCES.items()):
            size = count = 0
            for name, text in read():
                if len(text) < LEAST:
                    continue
                digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
                file = held_out if digest % HELD_OUT == 0 else train
                file.write(json.dumps({"id": name, "text": text, "source": package}, ensure_ascii=False) + "\n")
                size, count = size + len(text.encode()), count + 1
            if count == 0:
                sys.exit(f"{ROOT}: nothing of the package {package} is there; `tools/setup --english` fetches it")
            total += size
            print(f"{package}: {count} documents, {size / 1e6:.1f} MB", flush=True)
            print(json.dumps({"lehr": "progress", "done": done + 1, "total": len(SOURCES), "unit": "packages"}), flush=True)
    print(json.dumps({"lehr": "result", "name": "bytes", "value": total}), flush=True)


if __name__ == "__main__":
    main()
