#!/usr/bin/env bash
# pages_test.sh BUILD
#
# The manual pages are sound and have what the program knows; the completions complete its commands and options in each shell.
set -euo pipefail
build=$1
for program in mandoc fish zsh; do
    command -v "$program" >/dev/null && continue
    echo "skipped: $program is not there; scripts/deps test installs it"
    exit 77
done

fail() {
    echo "FAILED: $*"
    exit 1
}

# page_says PAGE TEXT: without formatting.
page_says() { mandoc -T ascii "$build/$1" | col -bx | tr -s ' \n' ' ' | grep -F -e "$2" >/dev/null || fail "$1 does not say: $2"; }

mandoc -T lint -W warning "$build"/gatehouse.1 "$build"/gatehouse.toml.5 || fail "mandoc finds that"
page_says gatehouse.1 "deny add NET Refuse newcomers from a network, from now on."
page_says gatehouse.1 "SIGUSR2 Open the log file again"
page_says gatehouse.toml.5 "[[listeners.routes]]"
page_says gatehouse.toml.5 "rate.per duration, at most \"1h\"; default: \"1s\""

# in_bash WORD...: what completes the last of them.
in_bash() {
    # shellcheck disable=SC1091 # it is made by the build
    (. "$build/completion.bash" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _gatehouse && echo "${COMPREPLY[@]}")
}
in_fish() { fish --no-config -c "source $build/completion.fish; complete -C '$*'" | cut -f 1 | paste -s -d ' '; }
in_zsh() {
    zsh -f -c 'compdef() { }; _files() { print FILE; }; _describe() { print -rl -- ${${(P)@[-1]}%%:*}; }
        source $1; shift; words=("$@") CURRENT=$# PREFIX=$@[-1]; _gatehouse | grep -e "^$PREFIX" | paste -s -d " "' \
        zsh "$build/completion.zsh" "$@"
}
for shell in bash fish zsh; do
    [[ $(in_$shell gatehouse dr) == drain ]] || fail "$shell: drain"
    [[ $(in_$shell gatehouse deny '') == 'add list remove' ]] || fail "$shell: deny"
    [[ $(in_$shell gatehouse deny --json add --c) =~ ^(--config --cut|--cut --config)$ ]] || fail "$shell: deny add"
done
