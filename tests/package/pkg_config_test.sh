#!/usr/bin/env bash
# pkg_config_test.sh SDK PREFIX
#
# Builds plugins in C++ and in C with what pkg-config says about the installation in PREFIX, without CMake. The host that is
# installed there loads them, and has the version that the headers have.
set -euo pipefail
sdk=$1 prefix=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name gatehouse.pc)")

read -ra flags <<<"$(pkg-config --cflags --libs gatehouse)"
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
g++ -std=c++20 "${warnings[@]}" -shared -fPIC -o "$folder/shout.so" "$sdk/samples/shout/shout.cpp" "${flags[@]}"
gcc -std=c11 "${warnings[@]}" -shared -fPIC -o "$folder/count.so" "$sdk/samples/count/count.c" "${flags[@]}"
"$prefix/bin/gatehouse" plugins --plugin-path "$folder"
for plugin in shout count; do
    exported=$(nm -D --defined-only "$folder/$plugin.so" | awk '{ print $3 }')
    [[ $exported == gatehouse_plugin_v1 ]] || { echo "FAILED: $plugin.so exports $exported" && exit 1; }
done

cat >"$folder/version.c" <<'END'
#include <gatehouse/version.h>
#include <stdio.h>
int main(void) { return printf("%s %d\n", GATEHOUSE_SDK_VERSION_TEXT, GATEHOUSE_SDK_VERSION) < 0; }
END
gcc "${warnings[@]}" -o "$folder/version" "$folder/version.c" "${flags[@]}"
text=$(pkg-config --modversion gatehouse)
IFS=. read -r major minor patch <<<"$text"
[[ $("$folder/version") == "$text $((major * 10000 + minor * 100 + patch))" ]] || { echo "FAILED: $("$folder/version")" && exit 1; }
[[ $("$prefix/bin/gatehouse" --version) == "gatehouse $text "* ]]
