#!/usr/bin/env bash
# An installed Lehr is whole: moved away from where it was installed and with nothing of the build in its environment, it
# trains a model and looks into it, and finds LibTorch by nothing but the link lib/lehr/torch.
#   installed.sh BUILD_DIR
set -euo pipefail
work=$(mktemp -d); trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
cd "$work"
run=(env -i "HOME=$work" "PATH=$work/moved/bin:/usr/bin:/bin" OMP_WAIT_POLICY=PASSIVE)
fail() { printf '%s\n' "$*"; exit 1; }

for file in moved/lib/lehr/plugins/*.so moved/bin/lehr-{inspect,selftest}; do
  [ "$file" != moved/lib/lehr/plugins/template.so ] || fail "the template is installed"
  away=$(readelf -d "$file" | sed -n 's/.*R\(UN\)\?PATH.*\[\(.*\)\]/\2/p' | grep -v '^\$ORIGIN/\.\./[a-z/]*$' || true)
  [ -z "$away" ] || fail "$file looks for libraries in $away"
done

cat >pages.yaml <<'YAML'
lehr: 1
extends: recipes/c4.yaml
stages: {source: {uses: wordnet}}
YAML
"${run[@]}" lehr validate pages.yaml >validate.txt 2>&1 || fail "$(cat validate.txt)"

cat >mine.yaml <<'YAML'
lehr: 1
name: installed
seed: 7
resources: {threads: 2}
stages:
  source:
    uses: wordnet
    with: {topics: [opposites], facts_per_relation: 8, statements_per_fact: 2, prompts: 8, probes: 8}
  tokenizer:
    uses: tokenizer.train
    in: {documents: source.documents, conversations: source.conversations}
    with: {vocab_size: 400}
  tokens:
    uses: tokenizer.encode
    in: {documents: source.documents, tokenizer: tokenizer}
  base:
    uses: pretrain
    in: {tokens: tokens}
    with:
      {model: {width: 32, layers: 1, heads: 2, context: 64}, budget: {steps: 2}, batch_tokens: 128, micro_batch_tokens: 128}
  assistant:
    uses: sft
    in: {model: base, conversations: source.conversations}
    with: {budget: {steps: 2}, batch_tokens: 128, micro_batch_tokens: 128}
YAML
"${run[@]}" lehr run mine.yaml >run.txt 2>&1 || fail "$(cat run.txt)"
"${run[@]}" lehr inspect assistant "The opposite of hot is" >inspect.txt 2>&1 || fail "$(cat inspect.txt)"
[ -s inspect.txt ] || fail "lehr inspect prints nothing"
echo "What is the opposite of hot?" | "${run[@]}" lehr inspect assistant --chat --generate 4 --json >chat.txt 2>&1 ||
  fail "$(cat chat.txt)"
grep -q '"tokens_known":0' chat.txt || fail "lehr inspect --chat: $(cat chat.txt)"
"${run[@]}" lehr selftest --only packed --only dpo >selftest.txt 2>&1 || fail "$(cat selftest.txt)"
"${run[@]}" lehr doctor >doctor.txt 2>&1 || fail "$(cat doctor.txt)"
grep -q 'LibTorch .*sft' doctor.txt || fail "doctor does not tell of LibTorch: $(cat doctor.txt)"

rm moved/lib/lehr/torch
if "${run[@]}" lehr doctor >doctor.txt 2>&1; then fail "without LibTorch, doctor finds nothing wrong"; fi
grep -q 'lib/lehr/torch' doctor.txt || fail "doctor does not say where LibTorch is looked for: $(cat doctor.txt)"
