"""Fails if the committed JSON Schema is not the one `lehr schema` writes for the plugins that were built."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

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
if now != pathlib.Path(options.schema).read_bytes():
    sys.exit(f"{options.schema} is not current. Write it again: build/bin/lehr schema -o {options.schema}")
