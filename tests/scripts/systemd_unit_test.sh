#!/usr/bin/env bash
# Tests conf/systemd: systemd understands every line, and rates the service's exposure at 1.2 or less (of 10).
set -euo pipefail

units=$(cd "$(dirname "$0")/../../conf/systemd" && pwd -P)
if ! command -v systemd-analyze >/dev/null; then
    echo "skipped: systemd-analyze is not there; scripts/deps test installs it"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The program need not be installed to look at the rest.
cp "$units"/gatehouse.{service,socket} "$folder"
sed -i 's|^ExecStart=gatehouse |ExecStart=/bin/true |' "$folder/gatehouse.service"
mkdir "$folder/gatehouse.service.d"
for drop_in in none low-ports control-groups; do
    [[ $drop_in == none ]] || cp "$units/$drop_in.conf" "$folder/gatehouse.service.d/"
    # It says what it does not understand, and succeeds; it complains of what it does not find on this machine as well.
    complaints=$(systemd-analyze verify "$folder"/gatehouse.{service,socket} 2>&1 | grep -F "$folder" || true)
    if [[ -n $complaints ]]; then
        echo "FAILED: $complaints"
        exit 1
    fi
done

systemd-analyze security --offline=true --no-pager --threshold=12 "$units/gatehouse.service" >"$folder/rating" || {
    cat "$folder/rating"
    echo "FAILED: the exposure is above 1.2"
    exit 1
}
grep 'Overall exposure level' "$folder/rating"
