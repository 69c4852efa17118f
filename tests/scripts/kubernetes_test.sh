#!/usr/bin/env bash
# kubernetes_test.sh GATEHOUSE PLUGINS
#
# The configuration in conf/kubernetes/gatehouse.yaml is one that the host takes.
set -euo pipefail
manifest=$(cd "$(dirname "$0")/../../conf/kubernetes" && pwd -P)/gatehouse.yaml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed -n '/^  gatehouse.toml: |$/,/^---$/ s/^    //p' "$manifest" | sed "s|/run/gatehouse/|$folder/|" >"$folder/gatehouse.toml"
"$1" check --plugin-path "$2" "$folder/gatehouse.toml" | grep -F ': ok (2 listeners, 2 plugin instances)'
