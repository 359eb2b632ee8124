"""Fails if the committed JSON Schema is not the one `lehr schema` writes for the plugins that were built."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

OPTIONAL = {"parquet"}
parser = argparse.ArgumentParser()
parser.add_argument("--lehr", required=True)
parser.add_argument("--plugins", required=True)
parser.add_argument("--schema", required=True)
options = parser.parse_args()
with tempfile.TemporaryDirectory() as folder:
    environment = dict(os.environ, HOME=folder, LEHR_PLUGIN_PATH="")
    environment.pop("XDG_DATA_HOME", None)
    now = subprocess.run([os.path.abspath(options.lehr), "schema", "--plugin-path", os.path.abspath(options.plugins)],
                         cwd=folder, env=environment, check=True, stdout=subprocess.PIPE).stdout


def without_optional(schema):
    """Plugins that are built only where somebody asked for them are not in the schema."""
    schema = json.loads(schema)
    stage = schema["definitions"]["stage"]
    for named in (stage["properties"]["uses"]["anyOf"], stage["allOf"]):
        named[:] = [entry for entry in named if not any(
            name.split(".")[0] in OPTIONAL
            for name in [entry.get("const", "")] + entry.get("if", {}).get("properties", {}).get("uses", {}).get("enum", []))]
    return schema


committed = pathlib.Path(options.schema).read_bytes()
if now != committed and without_optional(now) != without_optional(committed):
    sys.exit(f"{options.schema} is not current. Write it again: build/bin/lehr schema -o {options.schema}")
