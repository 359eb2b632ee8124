#!/usr/bin/env python3
"""Holds the JSON Schema against what editors use: npm's ajv, Python's jsonschema, and a session with yaml-language-server.

Every pipeline of the repository and every ```yaml example of a README must validate; pipelines with one mistake must not;
and in the language server plugin names complete after `uses:`, parameters of the chosen plugin under `with:`, hovering
tells help, unit and default, and an unknown parameter is marked. Needs node and npm; the packages go to .deps/oracle-npm."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
NPM = ROOT / ".deps/oracle-npm"
PACKAGES = ["ajv@8", "yaml@2", "yaml-language-server@1"]

STAGE = "lehr: 1\nstages:\n  base:\n    uses: pretrain\n    in: {tokens: tokens}\n"
CLEAN = "lehr: 1\nstages:\n  clean:\n    uses: filter\n    in: {documents: source}\n    with:\n      steps:\n"
WRONG = {
    "no format": "stages: {a: {uses: wordnet}}",
    "another format": "lehr: 2\nstages: {a: {uses: wordnet}}",
    "no stages": "lehr: 1",
    "empty stages": "lehr: 1\nstages: {}",
    "unknown key": "lehr: 1\nstage: {}\nstages: {a: {uses: wordnet}}",
    "bad stage name": "lehr: 1\nstages: {1a: {uses: wordnet}}",
    "stage without uses": "lehr: 1\nstages: {a: {with: {}}}",
    "unknown key of a changed stage": "lehr: 1\nextends: base.yaml\nstages: {a: {wiht: {}}}",
    "unknown key of a stage": "lehr: 1\nstages: {a: {uses: wordnet, wiht: {}}}",
    "negative seed": "lehr: 1\nseed: -1\nstages: {a: {uses: wordnet}}",
    "unknown device": "lehr: 1\nresources: {device: gpu}\nstages: {a: {uses: wordnet}}",
    "no threads": "lehr: 1\nresources: {threads: 0}\nstages: {a: {uses: wordnet}}",
    "missing input": "lehr: 1\nstages: {a: {uses: pretrain}}",
    "unknown input": STAGE.replace("tokens: tokens", "tokens: tokens, tokenz: x"),
    "list for one": STAGE.replace("tokens: tokens", "tokens: [a, b]"),
    "unknown parameter": STAGE + "    with: {seq_length: 12}",
    "unknown parameter inside": STAGE + "    with: {model: {widht: 64}}",
    "text for a number": STAGE + "    with: {model: {width: wide}}",
    "out of range": STAGE + "    with: {model: {width: -3}}",
    "unknown unit": STAGE + "    with: {budget: {tokens: 6X}}",
    "two of one": STAGE + "    with: {budget: {tokens: 6M, steps: 3}}",
    "unknown choice": "lehr: 1\nstages: {a: {uses: dpo, in: {model: m, preferences: p}, with: {loss: sigmod}}}",
    "unknown step": CLEAN + "        - gopher_qualty",
    "unknown parameter of a step": CLEAN + "        - length: {min_word: 3}",
    "gate without comparison": STAGE + "    require: {loss: \"0.7\"}",
    "matrix of one value": STAGE + "    matrix: {seed: 1}",
    "text for retries": STAGE + "    retries: many",
    "timeout without unit": STAGE + "    timeout: 30x",
    "text for threads": STAGE + "    resources: {threads: all}",
}


RIGHT = {
    "references": "lehr: 1\nname: \"${env.USER:-me}\"\nseed: \"${vars.n}\"\nvars: {n: 2}\nresources: {threads: \"${vars.n}\", "
                  "memory: \"${vars.n}GiB\", gpu: \"${vars.n}\", device: \"${vars.device}\"}\n" + STAGE.split("\n", 1)[1] +
                  "    retries: \"${vars.n}\"\n    timeout: \"${vars.n}m\"\n    require: {loss: \"<= ${vars.n}\"}\n"
                  "    matrix: {seed: \"${vars.seeds}\"}\n    with: {model: {width: \"${vars.n}\"}}",
    "a change to another file": "lehr: 1\nextends: base.yaml\nstages: {clean: {with: {steps: [exact_dedup]}}}",
    "another name for another file": "lehr: 1\nextends: base.yaml\nname: mine",
    "references within": STAGE + "    timeout: {after: \"${vars.a}\", grace: \"${vars.b}\"}\n    resources: {threads: \"${vars.t}\"}",
}


def packages():
    if (NPM / ".complete").exists() and (NPM / ".complete").read_text() == " ".join(PACKAGES):
        return
    NPM.mkdir(parents=True, exist_ok=True)
    print(f"installing {' '.join(PACKAGES)}", file=sys.stderr)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(NPM), *PACKAGES], check=True)
    (NPM / ".complete").write_text(" ".join(PACKAGES))


def as_pipeline(example):
    """A README shows whole files, a `stages:` part, or stages alone."""
    text = textwrap.dedent(example)
    if re.search(r"^lehr:", text, re.M):
        return text
    if re.search(r"^stages:", text, re.M):
        return "lehr: 1\n" + text
    return "lehr: 1\nstages:\n" + textwrap.indent(text, "  ")


def repository_pipelines(build, folder):
    """(name, text) of everything that must validate."""
    for file in sorted([*(ROOT / "pipelines").rglob("*.yaml"), *(ROOT / "tests/end_to_end").rglob("*.yaml")]):
        yield str(file.relative_to(ROOT)), file.read_text()
    for page in sorted([ROOT / "README.md", *(ROOT / "plugins").glob("*/README.md"), *(ROOT / "pipelines").glob("*.md")]):
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S), 1):
            yield f"{page.relative_to(ROOT)} example {number}", as_pipeline(block)
    subprocess.run([build / "bin/lehr", "init", folder / "starter"], check=True, stdout=subprocess.DEVNULL)
    yield from RIGHT.items()
    yield "lehr init", (folder / "starter/pipeline.yaml").read_text()


def validate(schema_file, named, folder):
    """name -> (errors of ajv, errors of jsonschema)"""
    files = []
    for number, text in enumerate(named.values()):
        files.append(folder / f"{number}.yaml")
        files[-1].write_text(text)
    done = subprocess.run(["node", ROOT / "tests/oracle/schema_validate.mjs", schema_file, *files], check=True,
                          stdout=subprocess.PIPE, text=True, env=dict(os.environ, LEHR_NODE_MODULES=str(NPM)))
    checker = jsonschema.Draft7Validator(json.loads(pathlib.Path(schema_file).read_text()))
    out = {}
    for name, line in zip(named, done.stdout.splitlines(), strict=True):
        outcome = json.loads(line)
        out[name] = (outcome["errors"], [f"{'/'.join(map(str, e.path))}: {e.message[:200]}"
                                         for e in checker.iter_errors(outcome["value"])])
    return out


class LanguageServer:
    """yaml-language-server over its standard input and output."""

    def __init__(self):
        server = NPM / "node_modules/yaml-language-server/bin/yaml-language-server"
        self.process = subprocess.Popen(["node", server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.diagnostics = {}
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {
            "textDocument": {"completion": {"completionItem": {"snippetSupport": False}},
                             "hover": {"contentFormat": ["markdown"]}}}})
        self.send({"method": "initialized", "params": {}})
        self.send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"yaml": {
            "validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}}})

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if not length:
            sys.exit("yaml-language-server ended")
        message = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:  # it asks for settings: the defaults will do
            items = message["params"].get("items", []) if isinstance(message.get("params"), dict) else []
            self.send({"id": message["id"], "result": [None] * len(items) if items else None})
        return message

    def request(self, method, params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self.number and "method" not in message:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]

    def open(self, file):
        """Gives the document's address once it has been checked."""
        uri = pathlib.Path(file).as_uri()
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": {
            "uri": uri, "languageId": "yaml", "version": 1, "text": pathlib.Path(file).read_text()}}})
        while uri not in self.diagnostics:
            self.receive()
        return uri

    def at(self, method, uri, position):
        return self.request(method, {"textDocument": {"uri": uri}, "position": position})

    def end(self):
        self.request("shutdown", None)
        self.send({"method": "exit"})
        self.process.wait()


def session(schema_file, folder):
    """What an editor shows. '|' marks where the cursor is; it is not in the file."""
    server, failures, shown = LanguageServer(), [], []

    def document(text):
        lines = (f"# yaml-language-server: $schema={pathlib.Path(schema_file).as_uri()}\n" + text).split("\n")
        line = next((n for n, content in enumerate(lines) if "|" in content), 0)
        position = {"line": line, "character": max(0, lines[line].find("|"))}
        file = folder / f"session{len(list(folder.iterdir()))}.yaml"
        file.write_text("\n".join(lines).replace("|", ""))
        return server.open(file), position

    def expect(what, found, wanted, unwanted=()):
        missing = [w for w in wanted if w not in found]
        extra = [w for w in unwanted if w in found]
        shown.append(f"{what}: {', '.join(wanted)}")
        if missing or extra:
            failures.append(f"{what}: missing {missing}, unwanted {extra}, got {str(found)[:300]}")

    def completions(text):
        result = server.at("textDocument/completion", *document(text))
        return [item["label"] for item in (result["items"] if isinstance(result, dict) else result or [])]

    def hover(text):
        result = server.at("textDocument/hover", *document(text))
        if not result:
            return ""
        contents = result["contents"]
        return re.sub(r"\\(.)|&nbsp;", lambda m: m.group(1) or " ", contents["value"] if isinstance(contents, dict) else str(contents))

    expect("completion at the top", completions("lehr: 1\n|"), ["stages", "seed", "vars", "resources"])
    expect("completion after uses:", completions("lehr: 1\nstages:\n  a:\n    uses: |"),
           ["pretrain", "tokenizer.train", "files.documents", "dpo"])
    expect("completion of a stage's keys", completions("lehr: 1\nstages:\n  a:\n    uses: dpo\n    |"),
           ["with", "in", "require", "matrix", "resources"])
    expect("completion under with:", completions("lehr: 1\nstages:\n  a:\n    uses: dpo\n    with:\n      |"),
           ["beta", "loss", "learning_rate"], ["vocab_size", "topics"])
    expect("completion inside a parameter", completions(STAGE + "    with:\n      model:\n        |"),
           ["width", "layers", "heads"], ["beta"])
    expect("completion under in:", completions("lehr: 1\nstages:\n  a:\n    uses: dpo\n    in:\n      |"),
           ["model", "preferences", "reference"], ["tokens"])
    expect("completion of a choice", completions("lehr: 1\nstages:\n  a:\n    uses: dpo\n    with:\n      loss: |"),
           ["sigmoid", "ipo", "orpo"])
    expect("completion of steps", completions(CLEAN + "        - |"), ["normalize", "exact_dedup"])
    expect("completion of a step's parameters", completions(CLEAN + "        - length:\n            |"), ["min_words"])
    expect("hover on a parameter", hover("lehr: 1\nstages:\n  a:\n    uses: dpo\n    with:\n      be|ta: 0.1"),
           ["strength of the tie to the reference", "a number", "from 0.0001 to 100", "default 0.1"])
    expect("hover on a parameter with a range", hover(CLEAN + "        - gopher_quality:\n            min_w|ords: 3"), ["a count", "default 50"])
    expect("hover on a plugin", hover("lehr: 1\nstages:\n  a:\n    us|es: dpo"), ["aligns a model with preferences"])
    expect("hover on an input", hover("lehr: 1\nstages:\n  a:\n    uses: dpo\n    in:\n      mo|del: m\n      preferences: p"),
           ["model", "the policy training starts from"])
    wrong, _ = document("lehr: 1\nstages:\n  a:\n    uses: wordnet\n    with: {topicz: [animals]}\n")
    expect("diagnostic of an unknown parameter", " ".join(d["message"] for d in server.diagnostics[wrong]), ["topicz"])
    right, _ = document("lehr: 1\nstages:\n  a:\n    uses: wordnet\n    with: {topics: [animals]}\n")
    if server.diagnostics[right]:
        failures.append(f"a right pipeline is marked: {server.diagnostics[right]}")
    server.end()
    for line in shown:
        print("  " + line)
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--schema", type=pathlib.Path, default=ROOT / "schemas/pipeline.schema.json")
    options = parser.parse_args()
    packages()
    failures = []
    jsonschema.Draft7Validator.check_schema(json.loads(options.schema.read_text()))
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        right = dict(repository_pipelines(options.build, folder))
        for name, (ajv, python) in validate(options.schema, right, folder).items():
            for tool, errors in (("ajv", ajv), ("jsonschema", python)):
                failures += [f"{name}: {tool}: {error}" for error in errors]
        print(f"{len(right)} pipelines and examples validate with ajv and jsonschema")
        for name, (ajv, python) in validate(options.schema, WRONG, folder).items():
            for tool, errors in (("ajv", ajv), ("jsonschema", python)):
                if not errors:
                    failures.append(f"wrong pipeline '{name}' is taken as right by {tool}")
        print(f"{len(WRONG)} wrong pipelines are refused by both")
        failures += session(options.schema, folder)
    print("\n".join(failures) if failures else "the schema does in editors what it should")
    sys.exit(1 if failures else 0)


main()
