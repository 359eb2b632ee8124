#!/usr/bin/env bash
# `lehr plugins new`, used as an author would: with the installed Lehr alone, in a folder that knows nothing of the
# source, the new plugin builds, passes its own tests, is found and shown. Bad names and folders are refused. Lehr may
# have been moved after it was installed, and to a path with blanks. The plugin that README.md shows is whole, too.
#   outside_the_tree.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source=$1
build=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for component in sdk plugins; do
  cmake --install "$build" --prefix "$work/first" --component $component >/dev/null
done
mv "$work/first" "$work/installed here"
cd "$work"
export HOME=$work/home
unset LEHR_PLUGIN_PATH LEHR_STORE
lehr="$work/installed here/bin/lehr"

made=$("$lehr" plugins new acme)
grep -q 'cmake --build acme/build' <<<"$made" || { echo "it does not say how to go on: $made"; exit 1; }
if grep -rni template acme; then echo "the template's name is left in the new folder"; exit 1; fi

# The commands that it printed.
sed -n 's/^  \(c\(make\|test\) .*\)/\1/p' <<<"$made" >build.sh
sed -i 's/find_package(Lehr /&0.1 /' acme/CMakeLists.txt  # of this version or a later one
test "$(wc -l <build.sh)" = 3 || { echo "expected three commands: $made"; exit 1; }
bash -e build.sh >build.log 2>&1 || { cat build.log; exit 1; }
grep -q 'tests passed, 0 tests failed out of 2' build.log || { cat build.log; exit 1; }

grep -rqs -e '-O3' acme/build/build.ninja acme/build/CMakeFiles/acme_plugin.dir \
  || { echo "it is built without optimization"; exit 1; }

shown=$("$lehr" plugins show acme --plugin-path acme/build)
grep -q 'max_bytes' <<<"$shown" || { echo "$shown"; exit 1; }
"$lehr" plugins list --plugin-path acme/build | grep -q '^acme 1.0.0' || { echo "acme is not listed"; exit 1; }

refused() {  # refused TEXT ARGUMENT...
  local text=$1 told; shift
  if told=$("$lehr" plugins new "$@" 2>&1); then echo "'plugins new $*' should be refused"; exit 1; fi
  grep -q "$text" <<<"$told" || { echo "'plugins new $*' said: $told"; exit 1; }
}
refused 'is there already' acme
refused "is not a plugin's name" Acme
refused "is not a plugin's name" ../acme
refused "is not a plugin's name" 2acme
refused 'there is a plugin .filter. already' filter
refused 'is in use' test
test -z "$(ls -A | grep -v -e '^acme$' -e '^installed here$' -e '^home$' -e '^build')" || { ls -A; exit 1; }
mkdir elsewhere && "$lehr" plugins new other --in elsewhere >/dev/null && test -f elsewhere/other/plugin.cpp

mkdir shown
sed -n '/^## Writing a plugin/,/^```$/p' "$source/README.md" | sed -n '/^```cpp/,/^```$/{/^```/!p}' >shown/plugin.cpp
cp acme/CMakeLists.txt shown && sed -i 's/ PIPELINE .*)/)/' shown/CMakeLists.txt
{ cmake -S shown -B shown/build "-DCMAKE_PREFIX_PATH=$work/installed here" && cmake --build shown/build &&
  "$lehr" plugins test shown/build/acme.so; } >build.log 2>&1 || { cat build.log; exit 1; }
