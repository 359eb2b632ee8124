#!/usr/bin/env bash
# The template plugin, built outside Lehr's tree against the installed SDK alone, is found, shown and loaded.
#   outside_the_tree.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/lehr" --component sdk >/dev/null
cp -r "$source/plugins/template" "$work/mine"
cmake -S "$work/mine" -B "$work/mine/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/lehr" >/dev/null
cmake --build "$work/mine/build" >/dev/null

mkdir "$work/pipeline"
for i in 1 2 3; do echo "{\"messages\":[{\"role\":\"user\",\"content\":\"q$i\"},{\"role\":\"assistant\",\"content\":\"a$i\"}]}"; done >"$work/pipeline/chats.jsonl"
printf '{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"%s"}]}\n' "$(printf 'long %.0s' {1..200})" >>"$work/pipeline/chats.jsonl"
cat >"$work/pipeline/p.yaml" <<'Y'
lehr: 1
name: outside
stages:
  chats:
    uses: files.conversations
    with: {train: [chats.jsonl]}
  short:
    uses: template
    in: {conversations: chats}
    with: {max_bytes: 500}
Y
# Only the plugin just built and the plugins of the build: the template of the build must not be the one that runs.
shown=$("$build/bin/lehr" plugins show template --plugin-path "$work/mine/build")
grep -q 'max_bytes' <<<"$shown" || { echo "$shown"; exit 1; }
grep -q "$work/mine/build/template.so" <<<"$shown" || { echo "$shown"; exit 1; }
"$build/bin/lehr" run "$work/pipeline/p.yaml" --plugin-path "$work/mine/build" --store "$work/store"
result=$(grep -l short_conversations "$work"/store/results/*.json)
python3 - "$result" <<'P'
import json, sys
results = json.load(open(sys.argv[1]))["results"]
found = {name: results[name]["value"] for name in ("kept", "dropped")}
sys.exit(0 if found == {"kept": 3, "dropped": 1} else f"expected 3 kept and 1 dropped, found {found}")
P
