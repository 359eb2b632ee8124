#!/usr/bin/env python3
"""Every recipe of pipelines/recipes, extended by a pipeline as a user would, run on generated pages: what must stay stays, what
must go goes, under its name.

    recipes.py LEHR RECIPES"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

# The stage with each recipe's result, and how many of the pages below it is to drop under which names.
EXPECTED = {
    "fineweb": ("private", {"dup_line_frac": 1, "gopher_short_doc": 1, "curly_bracket": 1, "line_punct_ratio": 1, "near_duplicate": 2}),
    "c4": ("clean", {"duplicate": 1, "curly_bracket": 1, "too_few_sentences": 2}),
    "gopher": ("clean", {"dup_line_frac": 1, "gopher_short_doc": 1, "duplicate": 1, "near_duplicate": 2}),
}
GOOD = 40


def sentence(rng, words=12):
    made = ["".join(rng.choices("abcdefghiklmnoprstuw", k=rng.randint(3, 8))) for _ in range(words)]
    made[2], made[5] = "the", "of"
    return " ".join(made).capitalize()


def pages(rng):
    good = ["\n".join(" ".join(sentence(rng) + "." for _ in range(4)) for _ in range(6)) for _ in range(GOOD)]
    good[0] += "\nWrite to jane.doe@firm.org or to 8.8.8.8 for all of the rest."
    line = sentence(rng) + "."
    return good + [good[1], good[2].replace("the", "our", 1), "\n".join([line] * 9), sentence(rng, 45) + ".", good[3][:-1] + " {x}.",
                   "\n".join(sentence(rng) for _ in range(9))]


def run(lehr, recipe, folder):
    rows = [{"id": str(i), "text": text} for i, text in enumerate(pages(random.Random(3)))]
    (folder / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(f'lehr: 1\nextends: "{recipe.resolve()}"\n'
                        'stages: {source: {uses: files.documents, with: {train: [pages.jsonl]}}}\n')
    done = subprocess.run([lehr, "run", pipeline, "--store", folder / "store"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{recipe}: exit code {done.returncode}\n{done.stdout}")
    results = {}
    for path in (folder / "store/results").glob("*.json"):
        for name, value in json.loads(path.read_text())["results"].items():
            results[name] = results.get(name, 0) + value["value"]
    return results, done.stdout


def main():
    lehr, recipes = sys.argv[1], pathlib.Path(sys.argv[2])
    found = {path.stem: path for path in recipes.glob("*.yaml")}
    if set(found) != set(EXPECTED):
        sys.exit(f"recipes are {sorted(found)}, this test knows {sorted(EXPECTED)}")
    for name, recipe in found.items():
        with tempfile.TemporaryDirectory(prefix="lehr-recipe-") as made:
            folder = pathlib.Path(made)
            results, output = run(lehr, recipe, folder)
            stage, reasons = EXPECTED[name]
            dropped = {key.removeprefix("dropped/"): n for key, n in results.items() if key.startswith("dropped/") and n > 0}
            if dropped != reasons:
                sys.exit(f"{name}: dropped {dropped}, not {reasons}\n{output}")
            last = subprocess.run([lehr, "store", "path", f"{stage}.documents", "--store", folder / "store"], text=True, check=True,
                                  stdout=subprocess.PIPE).stdout.strip()
            text = subprocess.run(["zstd", "-dc", *pathlib.Path(last).glob("train-*.jsonl.zst")], text=True, check=True,
                                  stdout=subprocess.PIPE).stdout
            ids = [json.loads(line)["id"] for line in text.splitlines()]
            if len(ids) < GOOD or (name == "fineweb" and ("jane.doe" in text or "8.8.8.8" in text or "email@example.com" not in text)):
                sys.exit(f"{name}: {len(ids)} documents stayed: {ids}")
            subprocess.run(["chmod", "-R", "u+w", made], check=True)
            print(f"{name}: {len(ids)} of {len(pages(random.Random(3)))} stay")


main()
