#!/usr/bin/env python3
"""Holds the dependency direction of the rooms by reading the includes of every tracked source:
sdk <- text <- lm <- plugins; sdk <- runtime <- tools. And that what includes simdjson is compiled
with the definitions of its package: without, two parts of a program differ in what a parser is.
Runs without a build: includes.py ROOT"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')

# room: what its files must not include
FORBIDDEN = {
    "framework/sdk": r"^(text|lm|runtime|ATen|torch|c10|nlohmann|tbb|oneapi|spdlog)/",
    "framework/text": r"^(lm|runtime|ATen|torch|c10)/",
    "framework/lm": r"^(runtime|torch/(torch|all|extension)\.h)",
    "framework/runtime": r"^(lm|ATen|torch|c10)/",
    "plugins": r"^(runtime|torch/(torch|all|extension)\.h)",
    "tools/lehr-inspect": r"^(runtime|torch/(torch|all|extension)\.h)",  # programs of their own, on lm alone
    "tools/lehr-selftest": r"^(runtime|torch/(torch|all|extension)\.h)",
    "tools": r"^(lm|ATen|torch|c10)/",
}


def room_of(path):
    return next((room for room in FORBIDDEN if path.startswith(room + "/")), None)


def main():
    wrong, files = [], 0
    for path in sorted({p for room in FORBIDDEN for p in (root / room).rglob("*")}):
        name = path.relative_to(root).as_posix()
        if name.startswith("framework/sdk/") and name.endswith("_test.cpp"):
            continue  # a test may use what the SDK itself must not
        if path.suffix not in {".h", ".hpp", ".cpp", ".cc", ".c"} or room_of(name) is None:
            continue
        files += 1
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            included = found.group(1)
            where = f"{name}:{number}: {room_of(name)} must not include {included}"
            if re.search(FORBIDDEN[room_of(name)], included):
                wrong.append(where)
            if included == "yaml.h" and not name.startswith("framework/runtime/config/"):
                wrong.append(where)
            if name.startswith("plugins/") and included.startswith("plugins/"):
                wrong.append(where)
            cmake = path.parent / "CMakeLists.txt"
            if included == "simdjson.h" and "simdjson::simdjson" not in cmake.read_text(encoding="utf-8"):
                wrong.append(f"{name}:{number}: {cmake.relative_to(root)} must link simdjson::simdjson, "
                             "whose definitions say how large a parser is")
    print("\n".join(wrong) if wrong else f"{files} files keep the direction")
    if files < 20:
        sys.exit(f"only {files} files found under {root}: is this the right folder?")
    sys.exit(1 if wrong else 0)


main()
