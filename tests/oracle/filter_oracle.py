#!/usr/bin/env python3
"""Our filters against datatrove's: the same decision, reason and rewritten text for every text. Both cut words the same
way: at whitespace, at Unicode's word boundaries, which are held against the module regex, or as datatrove does where it
is not told otherwise: with spaCy's rules. Also prints how often the first two decide as the last.  Run by tests/oracle/run, or:
    filter_oracle.py --build BUILD [check ...]"""

import argparse
import collections
import functools
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import types
import unicodedata
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent / "corpus"))
os.environ.setdefault("LOGURU_LEVEL", "WARNING")
warnings.filterwarnings("ignore")

import fasttext  # noqa: E402
import tldextract  # noqa: E402
from datatrove.data import Document  # noqa: E402
from datatrove.pipeline.filters import (C4BadWordsFilter, C4ParagraphFilter, C4QualityFilter,  # noqa: E402
                                        FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LanguageFilter,
                                        RegexFilter, URLFilter)
from datatrove.pipeline.filters import c4_filters, fineweb_quality_filter, gopher_quality_filter  # noqa: E402
from datatrove.pipeline.filters import gopher_repetition_filter  # noqa: E402
from datatrove.pipeline.decont import n_grams  # noqa: E402
from datatrove.pipeline.formatters import PIIFormatter  # noqa: E402
from datatrove.utils import text as datatrove_text  # noqa: E402
from datatrove.utils.word_tokenizers import load_word_tokenizer  # noqa: E402

import filter_texts  # noqa: E402
from word_rules import sentences, uax29_words  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Reasons that are no names.
NAMED = {"< 3 paragraphs": "too_few_paragraphs"}


def verdict(oracle, text):
    """{"reason"} or {"text"} or None, as filter_tool prints them."""
    document = Document(text=text, id="0")
    result = oracle.filter(document)
    kept, reason = result if isinstance(result, tuple) else (result, None)
    if not kept:
        return {"reason": NAMED.get(reason, reason)}
    return {"text": document.text} if document.text != text else None


def around_each_character():
    """Every character that Python's Unicode knows, beside what spaCy's expressions look for."""
    for code in range(0x110000):
        c = chr(code)
        if not 0xD800 <= code < 0xE000 and unicodedata.category(c) != "Cn":
            yield f"a{c}b {c} {c}a A{c}. 1{c} {c}1 http://x{c}y.com/{c} a,{c} {c}{c}"


class Checks:
    def __init__(self, build, seed, scale):
        self.build, self.scale, self.texts, self.wrong = build, scale, filter_texts.texts(seed, scale), []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lehr-filter-oracle-"))

    def tool(self, *arguments, texts=None):
        stdin = "".join(json.dumps(text) + "\n" for text in (self.texts if texts is None else texts))
        command = [self.build / "tests/filter_tool", *arguments]
        out = subprocess.run(command, input=stdin, text=True, check=True, stdout=subprocess.PIPE).stdout
        return [json.loads(line) for line in out.split("\n")[:-1]]

    def step(self, name, texts=None, **parameters):
        plugin = self.build / "lib/lehr/plugins/filter.so"
        return self.tool("step", plugin, name, json.dumps(parameters), texts=texts)

    def compare(self, what, expected, got, reasons=0, texts=None):
        """reasons: how many different ones there must be, or some rule was not checked."""
        texts = self.texts if texts is None else texts
        assert len(expected) == len(got) == len(texts), (len(expected), len(got), len(texts))
        wrong = [(t, e, g) for t, e, g in zip(texts, expected, got) if e != g]
        for text, e, g in wrong[:5]:
            print(f"  {what}: oracle {str(e)[:300]!r}, ours {str(g)[:300]!r}: {text[:300]!r}")
        found = collections.Counter(e["reason"] if isinstance(e, dict) and "reason" in e else "" for e in expected)
        if len(found) - ("" in found) < reasons:
            wrong.append(f"{what}: only these reasons came up: {found}")
            print(wrong[-1])
        print(f"{what}: {len(texts) - len(wrong)} of {len(texts)} texts alike", flush=True)
        self.wrong += [what] if wrong else []

    # ---- words ----

    def words(self):
        assigned = [t for t in self.texts if not any(unicodedata.category(c) == "Cn" for c in t)]
        self.compare("words", [uax29_words(t) for t in assigned], self.tool("words", "uax29", texts=assigned), texts=assigned)
        self.compare("whitespace words", [t.split() for t in self.texts], self.tool("words", "whitespace"))
        self.compare("sentences", [sentences(t) for t in assigned], self.tool("sentences", texts=assigned), texts=assigned)

    # ---- rules ----

    RULES = [("gopher_quality", GopherQualityFilter, 10), ("gopher_repetition", GopherRepetitionFilter, 14),
             ("fineweb_quality", FineWebQualityFilter, 5), ("c4_paragraph", C4ParagraphFilter, 1)]

    def rules(self):
        for splitter in ("whitespace", "uax29"):
            words = dict(zip(self.texts, self.tool("words", splitter)))
            for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
                module.split_into_words = lambda text, language: words[text]
            for name, oracle, reasons in self.RULES:
                parameters = {} if name == "c4_paragraph" else {"word_splitter": splitter}
                judge = oracle()
                self.compare(f"{name} ({splitter})", [verdict(judge, t) for t in self.texts],
                             self.step(name, **parameters), reasons)

    def dolma(self):
        """No tool to ask: what Dolma's tagger counts, written down again, against the thresholds of Gopher."""
        def share(parts, whole):
            counts = collections.Counter(parts)
            again = {part: n for part, n in counts.items() if n > 1}
            length = {part: len(part) if isinstance(part, str) else sum(map(len, part)) for part in counts}
            return sum(again.values()) / len(parts), sum(n * length[p] for p, n in again.items()) / max(whole, 1), counts, length

        def judge(text):
            words = text.split()
            if not text:
                return {"reason": "empty"}
            characters = sum(map(len, words))
            lines, in_lines, _, _ = share(text.split("\n"), characters)
            if lines > 0.3 or in_lines > 0.2:
                return {"reason": "dup_line_frac" if lines > 0.3 else "dup_line_char_frac"}
            for n, most in ((2, 0.2), (3, 0.18), (4, 0.16), *((n, 0.2 - n / 100) for n in range(5, 11))):
                ngrams = list(zip(*[words[i:] for i in range(n)]))
                if not ngrams:
                    continue
                _, _, counts, length = share(ngrams, characters)
                top, count = counts.most_common(1)[0]
                if n < 5 and count * length[top] / max(characters, 1) > most:
                    return {"reason": f"top_{n}_gram"}
                everything = sum(c * length[g] for g, c in counts.items())
                if n >= 5 and sum(c * length[g] for g, c in counts.items() if c > 1) / max(everything, 1) > round(most, 2):
                    return {"reason": f"duplicated_{n}_n_grams"}
            return None
        self.compare("gopher_repetition (dolma)", [judge(t) for t in self.texts],
                     self.step("gopher_repetition", word_splitter="whitespace", dup_semantics="dolma", max_duplicate_paragraphs=0,
                               max_duplicate_paragraph_characters=0), 7)

    def forms(self):
        """Against Python itself."""
        texts = [t for t in self.texts if not any(unicodedata.category(c) == "Cn" for c in t)]
        for form in ("NFC", "NFKC"):
            expected = [None if (new := unicodedata.normalize(form, t)) == t else {"text": new} for t in texts]
            self.compare(f"normalize {form}", expected, self.step("normalize", texts, form=form), 0, texts)
        expected = [{"reason": "too_few_characters"} if len(t) < 100 else {"reason": "too_many_words"} if len(t.split()) > 150 else None
                    for t in texts]
        self.compare("length", expected, self.step("length", texts, min_characters=100, max_words=150), 2, texts)

    def c4(self):
        c4_filters.split_into_sentences = lambda text, language: range(sentences(text))
        for options, parameters in [({}, {}), ({"filter_no_terminal_punct": False}, {"terminal_punctuation": False}),
                                    ({"remove_citations": False, "min_num_sentences": 2, "min_words_per_line": 1, "filter_policy": False},
                                     {"remove_citations": False, "min_sentences": 2, "min_words_per_line": 1, "drop_policy": False})]:
            judge = C4QualityFilter(**options)
            self.compare(f"c4_quality {parameters or ''}", [verdict(judge, t) for t in self.texts],
                         self.step("c4_quality", **parameters), 3)

    # ---- lists ----

    def written(self, name, lines):
        path = self.folder / name
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return str(path)

    def bad_words(self):
        rng = random.Random(2)
        vocabulary = sorted({w.lower() for t in self.texts[:3000] for w in t.split() if 2 < len(w) < 9})
        words = rng.sample(vocabulary, 60) + ["ab c", "a.b", "x-y", "\u0301", "é", "sm", "中", "οδος", "i\u0307x", "2", "_x", "(c)"]
        words += [a + " " + b for a, b in zip(rng.sample(vocabulary, 9), rng.sample(vocabulary, 9))]
        texts = self.texts + [f"{a}{w.upper() if rng.random() < 0.5 else w}{b}" for w in words for a in ("", " ", "x", "_", "\n", "é", "-")
                              for b in ("", "\n", "s", "٣", "!", " İx ΟΔΟΣ")]
        path = self.written("bad_words.txt", words)
        c4_filters.cached_asset_path_or_download = lambda *args, **kwargs: path
        for language in ("en", "th"):
            judge = C4BadWordsFilter(default_language=language)
            self.compare(f"c4_bad_words ({language})", [verdict(judge, t) for t in texts],
                         self.step("c4_bad_words", texts, words=path, whole_words=language == "en"), 1, texts)

    def regexes(self):
        for pattern in (r"\b\d{3,}\b", r"(?i)the\s+(\w+)\s+of", r"[^\W\d_]{12}", r"^[^\S\x1c-\x1f]*[-•]", r"\bé"):
            judge = RegexFilter(pattern)
            expected = [None if judge.filter(Document(text=t, id="0")) else {"reason": "regex"} for t in self.texts]
            self.compare(f"regex {pattern}", expected, self.step("regex", pattern=pattern), 1)

    def pii(self):
        rng = random.Random(3)
        atoms = ["a", "Joe", "x+y", "o'neil", "_", "é", "-", "a.b", "a..b", ".", "@", "@", "@", "b.com", "sub.b-c.org", "-x.de", "x-.de", "host",
                 "[1.2.3.4]", "[1.2.3.x:]", "[256.1.1.1]", "[1.2.3.x-:]", " ", "\n", ",", "(", ".com", "com.", "1", "{}", "八"]
        octets = ["0", "1", "8", "10", "127", "172", "192", "168", "198", "203", "0", "113", "51", "100", "254", "255", "256", "300", "999",
                  "01", "016", "1234", "224", "240", "169"]
        texts = ["".join(rng.choices(atoms, k=rng.randint(1, 12))) for _ in range(6000)]
        texts += [rng.choice(["", "v", "1", " ", "."]).join(".".join(rng.choices(octets, k=rng.randint(3, 5))) for _ in range(rng.randint(1, 9)))
                  for _ in range(6000)]
        texts += [" ".join(rng.choices(texts, k=5)) for _ in range(1000)] + self.texts
        texts = [t for t in texts if "192.0.0." not in t]  # which of these are public depends on Python's version
        changed = 0
        for options, parameters in [({}, {}), ({"only_remove_public_ips": False, "remove_emails": False}, {"only_public_ips": False, "emails": False})]:
            expected = []
            for text in texts:
                new = PIIFormatter(**options).format(text)  # a new one, so that its turns begin with the document
                expected.append(None if new == text else {"text": new})
            changed += sum(e is not None for e in expected)
            self.compare(f"pii {parameters or ''}", expected, self.step("pii", texts, **parameters), 0, texts)
        print(f"  of these {changed} rewritten")

    def urls(self):
        rng = random.Random(4)
        hosts = ["example.com", "www.example.com", "a.b.example.co.uk", "example.co.uk", "co.uk", "com", "localhost", "1.2.3.4", "[::1]",
                 "foo.github.io", "EXAMPLE.com", "city.kawasaki.jp", "x.ck", "www.ck", "a.x.ck", "bücher.de", "xn--bcher-kva.de", "Casino.org", "example.com."]
        schemes = ["http://", "https://", "//", "", "ftp+x://", "a b://", "://", "http:/"]
        paths = ["", "/", "/a-bad.word/x", "/Bad_word?q=soft1&soft2", "/softone/soft2#soft3", "/under.lying", "/un-der lying", "?x=1", "#casino", ":8080/x", "/a//b@c"]
        urls = [rng.choice(schemes) + rng.choice(["", "", "u:p@"]) + rng.choice(hosts) + rng.choice(paths) for _ in range(4000)]
        lists = {"domains": ["# comment", "example.co.uk", "www.example.com", "github.io", "1.2.3.4", "bücher.de", "b.example.co.uk"],
                 "urls": ["http://example.com/", "https://city.kawasaki.jp/a-bad.word/x"],
                 "banned_words": ["bad word", "Word", "# casino"], "soft_banned_words": ["soft1", "soft2", "soft 3", "x"],
                 "banned_subwords": ["underly", "Casino"]}
        judge = URLFilter(use_integrated_lists=False, extra_domains=lists["domains"], extra_urls=lists["urls"], banned_words=lists["banned_words"],
                          soft_banned_words=lists["soft_banned_words"], banned_subwords=lists["banned_subwords"])
        judge.tldextractor = tldextract.TLDExtract(suffix_list_urls=())
        expected = []
        for url in urls:
            result = judge.filter(Document(text="x", id="0", metadata={"url": url}))
            expected.append(None if result is True else {"reason": result[1]})
        documents = [{"text": "x", "fields": {"n": 1, "url": url}} for url in urls]
        paths = {name: self.written(name, lines) for name, lines in lists.items()}
        self.compare("url", expected, self.step("url", documents, **paths), 6, documents)

    def contaminated(self):
        rng = random.Random(6)
        sample = [t for t in self.texts if len(t.split()) > 20]
        rows = []
        for text in rng.sample(sample, 60):
            words = text.split()
            at = rng.randrange(len(words) - 12)
            cut = at + rng.randint(0, 12)
            rows.append({"query": " ".join(words[max(0, at - rng.randint(0, 9)):cut]).upper(), "text": " ".join(words[cut:at + rng.randint(12, 20)]) + "!"})
        rows = [row for row in rows if row["query"] or row["text"]]
        path = self.written("set.jsonl", [json.dumps(row) for row in rows])
        for n, alone, overlapping in ((12, False, True), (5, True, True), (12, False, False)):
            config = n_grams.NGramsDecontConfig(n_grams=n, find_query_ngrams=alone, find_overlap_ngrams=overlapping)
            tokenizer = types.SimpleNamespace(word_tokenize=lambda text: text.split())
            hashed = str  # datatrove's own takes no str
            indexer = types.SimpleNamespace(config=config, tokenizer=tokenizer, hash_func=hashed)
            judge = object.__new__(n_grams.NGramsDecontFilter)
            judge.config, judge.tokenizer, judge.hash_func = config, tokenizer, hashed
            judge.stat_update = lambda *args: None
            judge._index_hashes = {h: "set" for row in rows
                                   for h in n_grams.NGramsDecontIndexer.compute_hashes(indexer, row["text"], row["query"])}
            self.compare(f"decontaminate {n} {alone} {overlapping}", [verdict(judge, t) for t in self.texts],
                         self.step("decontaminate", sets=[path], words=n, query_runs=alone, overlapping_runs=overlapping), 1)

    def languages(self):
        rng = random.Random(8)
        alphabets = {"en": "etaoinshrdlu", "de": "enirsatdhuläöüß", "ru": "оеаинтсрвлкмдпу"}
        lines = [f"__label__{name} " + " ".join("".join(rng.choices(letters, k=rng.randint(1, 8))) for _ in range(rng.randint(3, 12)))
                 for name, letters in alphabets.items() for _ in range(400)]
        rng.shuffle(lines)
        train = self.written("train.txt", lines)
        # The trainer meets a NaN now and then, and in a process that has used much memory nearly always.
        code = ("import sys, fasttext; fasttext.train_supervised(sys.argv[1], dim=16, minn=2, maxn=4, bucket=20000, thread=1, "
                "verbose=0).save_model(sys.argv[2])")
        trained = [sys.executable, "-c", code, train, self.folder / "model.bin"]
        for attempt in range(20):
            done = subprocess.run(trained, stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                break
            if attempt == 19 or "Encountered NaN" not in done.stderr:
                sys.exit(f"filter_oracle: fastText's trainer: {done.stderr}")
        for kind in ("bin", "ftz"):
            path = str(self.folder / f"model.{kind}")
            if kind == "ftz":
                model = fasttext.load_model(str(self.folder / "model.bin"))
                model.quantize(train, retrain=False, qnorm=True, cutoff=2000)
                model.save_model(path)
            for languages in (["en", "de"], ["ru"], None):
                judge = LanguageFilter(languages)
                judge.model._model = fasttext.load_model(path)
                expected = [None if judge.filter(Document(text=t, id="0")) else {"reason": "language"} for t in self.texts]
                self.compare(f"language {kind} {languages}", expected, self.step("language", model=path, languages=languages or []), 1)

    # ---- spaCy ----

    def spacy(self):
        """With its table words, sentences and decisions are those of datatrove as it comes; without, how many decisions are."""
        table = str(self.folder / "en.spacy.json")
        with open(table, "w", encoding="utf-8") as out:
            subprocess.run([sys.executable, ROOT / "tools/spacy_table"], stdout=out, check=True)
        texts = [t for t in self.texts if max((len(w.encode()) for w in t.split()), default=0) <= 20000]  # longer ones stay whole
        tokenizer = load_word_tokenizer("en")
        for what, more in (("texts", texts), ("every character", list(around_each_character()))):
            expected = [{"words": tokenizer.word_tokenize(t), "sentences": max(1, len(tokenizer.span_tokenize(t)))} for t in more]
            self.compare(f"words and sentences of spaCy, {what}", expected, self.tool("spacy", table, texts=more), texts=more)
        split = functools.cache(datatrove_text.split_into_words)
        for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
            module.split_into_words = split
        c4_filters.split_into_sentences = datatrove_text.split_into_sentences
        for name, oracle, reasons in self.RULES[:3] + [("c4_quality", C4QualityFilter, 3)]:
            judge = oracle()
            expected = [verdict(judge, t) for t in texts]
            self.compare(f"{name} (spaCy)", expected, self.step(name, texts, spacy_table=table), reasons, texts)
            pieces = list(filter_texts.real(random.Random(9), int(240 * self.scale), 6000))
            expected = [verdict(judge, t) for t in pieces]
            for splitter in ("uax29", "whitespace") if name != "c4_quality" else (None,):
                got = self.step(name, texts=pieces, **({"word_splitter": splitter} if splitter else {}))
                kept = sum((e is None or "text" in e) == (g is None or "text" in g) for e, g in zip(expected, got))
                same = sum(e == g for e, g in zip(expected, got))
                print(f"  {splitter or 'our sentences'} instead: of {len(pieces)} pieces of installed files {kept / len(pieces):.1%} "
                      f"decided alike, {same / len(pieces):.1%} with the same reason and text", flush=True)

    ALL = ["words", "forms", "rules", "dolma", "c4", "bad_words", "regexes", "pii", "urls", "contaminated", "languages", "spacy"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="how many texts: 1 for about 9,000")
    parser.add_argument("checks", nargs="*", default=Checks.ALL)
    args = parser.parse_args()
    checks = Checks(args.build, args.seed, args.scale)
    try:
        for name in args.checks:
            getattr(checks, name)()
    finally:
        shutil.rmtree(checks.folder)
    if checks.wrong:
        sys.exit(f"filter_oracle: differences in {', '.join(checks.wrong)}")


if __name__ == "__main__":
    main()
