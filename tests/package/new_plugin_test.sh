#!/usr/bin/env bash
# new_plugin_test.sh PREFIX FOLDER LANGUAGE TEMPLATE
#
# Does in FOLDER what a newcomer does with the installation in PREFIX: writes a plugin, builds it and runs its tests, without a change.
set -euo pipefail
prefix=$1 folder=$2 language=$3 template=$4
PATH=$prefix/bin:$PATH

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
TIMEFORMAT='%R s'
time gatehouse plugin new my-plugin --language "$language" --template "$template"
cd my-plugin
time cmake -B build >/dev/null
time cmake --build build
time ctest --test-dir build --output-on-failure --no-tests=error
gatehouse check --plugin-path build/plugins my-plugin.toml
