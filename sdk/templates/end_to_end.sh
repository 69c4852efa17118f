#!/usr/bin/env bash
# end_to_end.sh GATEHOUSE PLUGINS
#
# Runs the host GATEHOUSE with the plugin in the folder PLUGINS and the configuration beside this file, and has the dialogue of
# dialogue.sh with it; setup.sh, if there is one, makes what the host needs besides. Nothing is left behind, and no port is
# fixed, so that tests may run at the same time.
set -euo pipefail
gatehouse=$1 plugins=$2
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
declare -A clients=() # descriptors of open connections, by the client's name

# Says what is wrong, and what else the host has logged.
fail() {
    kill "$pid" 2>/dev/null || true
    cat <&"$log"
    echo "FAILED: $*"
    exit 1
}

# connect CLIENT
connect() {
    local client
    exec {client}<>"/dev/tcp/127.0.0.1/$port"
    clients[$1]=$client
}

# say CLIENT TEXT: in TEXT, \n and \0 are one byte each.
say() { printf '%b' "$2" >&"${clients[$1]}"; }

# hear CLIENT TEXT: the next bytes that the client hears are these.
hear() {
    local expected heard
    expected=$(printf '%b' "$2" | od -An -c -v)
    heard=$(timeout 10 head -c "$(printf '%b' "$2" | wc -c)" <&"${clients[$1]}" | od -An -c -v) || true
    [[ $heard == "$expected" ]] || fail "$1 should hear"$'\n'"$expected"$'\n'"but hears"$'\n'"$heard"
}

# hear_end CLIENT: the host has nothing more to say to the client.
hear_end() { [[ -z $(timeout 10 head -c 1 <&"${clients[$1]}" | od -An -c) ]] || fail "$1 hears more"; }

# The kernel chooses the port. What @NAME@.toml connects to has a socket in the folder instead of a port.
sed -e 's/"127.0.0.1:7070"/"127.0.0.1:0"/' -e "s|127.0.0.1:7071|unix:$folder/server|" "$here/@NAME@.toml" >"$folder/@NAME@.toml"
# shellcheck source=/dev/null
[[ ! -e $here/setup.sh ]] || . "$here/setup.sh"
coproc host { exec "$gatehouse" run --plugin-path "$plugins" "$folder/@NAME@.toml" 2>&1; }
# shellcheck disable=SC2154 # coproc sets host_PID
pid=$host_PID
exec {log}<&"${host[0]}"
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT

port=
while IFS= read -r -t 30 -u "$log" line; do
    echo "$line"
    [[ ! $line =~ '"listener":"@NAME@","address":"127.0.0.1:'([0-9]+) ]] || port=${BASH_REMATCH[1]}
    [[ $line != *'"message":"ready"'* ]] || break
done
[[ -n $port ]] || fail "the host does not listen"

# shellcheck source=/dev/null
. "$here/dialogue.sh"

for client in "${clients[@]}"; do exec {client}>&-; done # or the host would wait for them to take its goodbye
kill -TERM "$pid"
wait "$pid" || fail "the host ends with status $?"
