#!/usr/bin/env bash
# alerts_test.sh SOURCE
#
# The alerts and the Grafana dashboard of conf/prometheus: promtool takes the rules, each has its case in alerts_test.yml, and what
# they ask for are metrics that the host has.
set -euo pipefail
folder=$1/conf/prometheus cases=$1/tests/scripts/alerts_test.yml status=0
command -v promtool >/dev/null || { echo 'promtool is missing: scripts/deps test installs it' && exit 77; }

promtool check rules "$folder/alerts.yml"
promtool test rules "$cases"
while read -r alert; do
    grep -q "alertname=\"$alert\",alertstate=\"firing\"" "$cases" || { echo "$alert has no case in $cases" && status=1; }
done < <(sed -n 's/^ *- alert: //p' "$folder/alerts.yml")

python3 -m json.tool "$folder/grafana.json" >/dev/null
while read -r metric; do
    grep -qF "\`${metric%_bucket}\`" "$1/docs/metrics.md" || { echo "$metric is not in docs/metrics.md" && status=1; }
done < <(grep -ohE '\b(gatehouse|process)_[a-z_]+' "$folder/alerts.yml" "$folder/grafana.json" | sort -u)
exit "$status"
