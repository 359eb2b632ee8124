"""Asks real shells, with the script that `lehr completion` prints, what may stand next on a command line."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# As readline does: words are split at white space and at = : @ (COMP_WORDBREAKS), the cursor is at the end.
BASH = r"""
source <(lehr completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=() COMP_CWORD=0
rest=$1
while [[ $rest ]]; do
  if [[ $rest =~ ^[[:space:]]+ ]]; then rest=${rest#"${BASH_REMATCH[0]}"}; [[ $rest ]] || COMP_WORDS+=(""); continue; fi
  [[ $rest =~ ^([=:@]+|[^=:@[:space:]]+) ]]
  COMP_WORDS+=("${BASH_REMATCH[0]}"); rest=${rest#"${BASH_REMATCH[0]}"}
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_lehr
printf '%s\n' "${COMPREPLY[@]}"
"""
FISH = "lehr completion fish | source; complete -C $argv[1]"

# command line, what must be offered, what must not
CASES = [
    ("lehr ", ["run", "plan", "graph", "logs", "completion"], ["__complete", "-h"]),
    ("lehr gr", ["graph"], ["run"]),
    ("lehr plan --", ["--set", "--store", "--json"], ["--follow"]),
    ("lehr plan ", ["pipeline.yaml", "store/"], ["notes.txt"]),
    ("lehr graph pipeline.yaml --format ", ["text", "dot", "mermaid", "json"], ["pipeline.yaml"]),
    ("lehr explain pipeline.yaml ", ["dig", "aligned@beta=0.05"], ["pipeline.yaml"]),
    ("lehr explain pipeline.yaml exa", ["exam"], ["dig"]),
    ("lehr plan pipeline.yaml --set stages.dig.with.d", ["stages.dig.with.depth="], ["stages.dig.with.heat="]),
    ("lehr plan pipeline.yaml --set stages.dig.", ["stages.dig.retries=", "stages.dig.timeout="], []),
    ("lehr plan with_vars.yaml --set v", ["vars.model.width=", "vars.name="], ["vars.model="]),
    ("lehr init --recipe ", ["align", "quickstart"], ["pipeline.yaml"]),
    ("lehr plugins ", ["list", "show", "stamp"], []),
    ("lehr plugins show kiln.d", ["kiln.dig"], ["kiln.train"]),
    ("lehr logs --store store ", ["last", "tune", "20260101-100000-study-aaaa"], []),
    ("lehr store path --store store ", ["tune", "tune.model"], ["kiln", "last"]),
    ("lehr store show --store store tu", ["tune"], ["kiln"]),
    ("lehr compare --store store last ", ["last~1", "20260102-110000-study-bbbb"], ["tune"]),
    ("lehr completion ", ["bash", "zsh", "fish", "man"], []),
    ("lehr selftest --only re", ["reference", "resume", "reward"], ["dpo", "pipeline.yaml"]),
    ("lehr plan --store st", ["store/"], ["pipeline.yaml"]),
    ("lehr plan --allow no", ["notes.txt"], ["pipeline.yaml"]),
    ("lehr nothing ", [], ["run"]),
]
# Bash alone takes what stands before '=' or '@' for another word.
AFTER_BREAK = [("lehr explain pipeline.yaml aligned@", ["beta=0.05", "beta=0.1"]),
               ("lehr explain pipeline.yaml aligned@beta=", ["0.05", "0.1"]),
               ("lehr graph pipeline.yaml --format=", ["dot"])]


def ask(shell, script, line, folder, environment):
    done = subprocess.run([shell, "-c", script, *([shell] if shell == "bash" else []), line], cwd=folder, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if done.stderr:
        sys.exit(f"{shell}: {line!r}: {done.stderr}")
    return [answer.split("\t")[0] for answer in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser()
    for name in ("--lehr", "--plugins", "--cases"):
        parser.add_argument(name, required=True, type=pathlib.Path)
    options = parser.parse_args()
    failures, shells = [], {"bash": BASH, "fish": FISH}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        shutil.copytree(options.cases / "two_runs", folder, dirs_exist_ok=True)
        subprocess.run([sys.executable, folder / "pipeline.py"], check=True, stdout=subprocess.DEVNULL)
        shutil.copy(options.cases / "graph/pipeline.yaml", folder)
        (folder / "notes.txt").touch()
        (folder / "with_vars.yaml").write_text("lehr: 1\nvars: {name: x, model: {width: 4}}\nstages: {dig: {uses: kiln.dig}}\n")
        environment = dict(os.environ, PATH=f"{options.lehr.resolve().parent}:{os.environ['PATH']}", HOME=scratch,
                           LEHR_PLUGIN_PATH=str(options.plugins.resolve()), TERM="dumb")
        for shell, script in shells.items():
            if not shutil.which(shell):
                print(f"{shell} is not installed: not asked")
                continue
            for line, wanted, unwanted in CASES:
                found = ask(shell, script, line, folder, environment)
                missing, extra = [w for w in wanted if w not in found], [u for u in unwanted if u in found]
                if missing or extra:
                    failures.append(f"{shell}: {line!r}: missing {missing}, unwanted {extra}, got {found}")
        for line, wanted in AFTER_BREAK:
            found = ask("bash", BASH, line, folder, environment)
            if not set(wanted) <= set(found):
                failures.append(f"bash: {line!r}: expected {wanted}, got {found}")
        man = subprocess.run([options.lehr, "completion", "man"], check=True, stdout=subprocess.PIPE, text=True).stdout
        failures += [f"the manual page lacks {word!r}" for word in (".TH LEHR 1", "lehr graph", "EXIT STATUS", "LEHR_STORE")
                     if word not in man]
    print("\n".join(failures) if failures else f"{len(CASES) + len(AFTER_BREAK)} command lines completed")
    sys.exit(1 if failures else 0)


main()
