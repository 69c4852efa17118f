#!/usr/bin/env bash
# new_plugin_test.sh PREFIX FOLDER LANGUAGE TEMPLATE
#
# Does in FOLDER what a newcomer does with the installation in PREFIX: writes a plugin, builds it and runs its tests, without a change.
set -euo pipefail
prefix=$1 folder=$2 language=$3 template=$4
[[ $language != rust ]] || command -v cargo >/dev/null ||
    { echo "skipped: cargo is not there; scripts/deps test installs it" && exit 77; }
PATH=$prefix/bin:$PATH

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
TIMEFORMAT='%R s'
time gatehouse plugin new my-plugin --language "$language" --template "$template"
cd my-plugin
if [[ $language == rust ]]; then
    time cargo build --offline
    time cargo test --offline
    plugins=target/debug/plugins
else
    time cmake -B build >/dev/null
    time cmake --build build
    time ctest --test-dir build --output-on-failure --no-tests=error
    plugins=build/plugins
fi
! grep -q dev-cert my-plugin.toml || gatehouse dev-cert certificates
gatehouse check --plugin-path "$plugins" my-plugin.toml
