#!/usr/bin/env bash
# readme_keys_test.sh GATEHOUSE PLUGIN.so README: the tables of keys in a plugin's README are those that its library gives.
set -euo pipefail
gatehouse=$1 plugin=$2 readme=$3
page=$("$gatehouse" plugins describe --markdown "$plugin")
text=$(<"$readme")

table='' missing=''
while IFS= read -r line; do
    [[ -z $line ]] || table+=$line$'\n'
    [[ -z $line && -n $table ]] || continue
    [[ $text$'\n' == *"$table"* ]] || missing+=$table$'\n'
    table=''
done <<<"$page"$'\n'
if [[ -n $missing ]]; then
    echo "$readme lacks these tables, which \`gatehouse plugins describe --markdown $plugin\` makes of the plugin's keys."
    echo "Put each in the place of the one that it replaces:"
    printf '\n%s' "$missing"
    exit 1
fi

header=' | type | default | meaning |'
there=$(grep -cF "$header" "$readme" || true)
described=$(grep -cF "$header" <<<"$page" || true)
if ((there != described)); then
    echo "$readme has $there tables of keys, and the plugin has $described: remove from it what is not among these."
    printf '\n%s\n' "$page"
    exit 1
fi
