#!/usr/bin/env bash
# The template plugin, compiled by clang against libc++, in the host that g++ and libstdc++ made: the boundary is C.
#   clang_plugin.sh SOURCE_DIR BUILD_DIR
# Skipped (77), with the reason, where clang or libc++ is not installed: tools/setup --all-tests installs them.
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
skip() { echo "skipped: $*. Install them with: tools/setup --all-tests" >&2; exit 77; }
command -v clang++ >/dev/null || skip "there is no clang++"
echo '#include <vector>
int main() { return static_cast<int>(std::vector<int>().size()); }' >"$work/try.cpp"
clang++ -std=c++20 -stdlib=libc++ "$work/try.cpp" -o "$work/try" 2>/dev/null || skip "clang++ finds no libc++"

mkdir "$work/plugins"
clang++ -std=c++20 -stdlib=libc++ -O1 -fPIC -shared -fvisibility=hidden -Wall -Wextra -Werror \
  -I"$source/framework/sdk/include" "$source/plugins/template/plugin.cpp" -o "$work/plugins/template.so" \
  -Wl,-z,nodelete -Wl,--no-undefined -Wl,--version-script="$source/cmake/plugin.map"
"$build/bin/lehr" plugins stamp "$work/plugins/template.so"
readelf -d "$work/plugins/template.so" | grep -q 'NEEDED.*libc++' || { echo "it does not use libc++"; exit 1; }
"$build/bin/lehr" plugins test "$work/plugins/template.so"
cp -r "$source/plugins/template/test" "$work/test"
LEHR_PLUGIN_PATH="$build/lib/lehr/plugins" "$build/bin/lehr" run "$work/test/pipeline.yaml" \
  --plugin-path "$work/plugins" --store "$work/store"
