# What the scripts in this folder share. Sourced, not run: `. "$(dirname "$0")/lib.sh"`.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Lets a second clone on the same machine find the first one's results in the cache. Debug information may then name the other
# clone's folder for sources outside the build tree, which matters to nobody who has both.
# The third is what ccache asks for to take precompiled headers. The last spares a preprocessor run for what it does not have.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1

say() { printf 'gatehouse: %s\n' "$*" >&2; }

die() {
    say "$@"
    exit 1
}

# Prints the comment at the head of the calling script, which is its manual.
usage() { awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"; }

# Runs a command and shows only its latest line of output, or nothing where there is no terminal; all of it if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    if [[ -t 2 ]]; then
        local width
        width=$(tput cols 2>/dev/null || echo 80)
        "$@" 2>&1 | tee "$log" | awk -v width="$((width - 1))" '{ printf "\r\033[K%s", substr($0, 1, width) > "/dev/stderr" }' ||
            status=$?
        printf '\r\033[K' >&2
    else
        "$@" >"$log" 2>&1 || status=$?
    fi
    [[ $status == 0 ]] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# How many compilers may run at once: one per CPU, and 1.5 GiB of memory each, since swapping is slower than waiting.
compile_jobs() {
    local cpus fit
    cpus=$(nproc)
    fit=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo 2>/dev/null || echo "$cpus")
    ((fit >= 1)) || fit=1
    echo "$((fit < cpus ? fit : cpus))"
}

# configure PRESET: configures build/PRESET if that has not been done.
configure() {
    [[ ! -e $root/build || -w $root/build ]] ||
        die "$root/build belongs to another user ($(stat -c %U "$root/build")); remove it or run as that user"
    [[ ! -f $root/build/$1/build.ninja ]] || return 0
    say "configuring build/$1"
    (cd "$root" && quietly cmake --preset "$1")
}

# build PRESET [TARGET...]: configures build/PRESET if that has not been done, and builds the targets (default: all).
# On a terminal ninja shows its progress in one line; elsewhere only warnings and errors appear.
build() {
    local preset=$1 target options=(--parallel "$(compile_jobs)")
    shift
    configure "$preset" || return
    for target; do options+=(--target "$target"); done
    say "building build/$preset"
    if [[ -t 1 && -t 2 ]]; then
        NINJA_STATUS='[%f/%t, %es] ' cmake --build "$root/build/$preset" "${options[@]}"
    else
        cmake --build "$root/build/$preset" "${options[@]}" -- --quiet
    fi
}

# count_results FILE: "PASSED FAILED SKIPPED" from the results that ctest wrote; fails if there are none. A test that could not
# run (its program was not built, what it depends on failed) has failed; only one that said itself that it skips is skipped.
# The output of tests stands there escaped, so it cannot pose as a result.
count_results() {
    [[ -s $1 ]] && awk '
        /^<\/testsuite>/ || /^\ttimestamp="[^"]*"\/>/ { complete = 1 }
        /^\t<testcase .* status="run">/ { ++passed }
        /^\t<testcase / { ++all }
        /^\t<testcase .* status="disabled">/ || /^\t\t<skipped message="SKIP_/ { ++skipped }
        END { print passed + 0, all - passed - skipped, skipped + 0; exit !complete }' "$1"
}

# names_of_failed FILE: those of the tests that count_results counts as failed, as they stand in FILE, a line each.
names_of_failed() {
    awk '
        /^\t<testcase / { name = $0; sub(/^\t<testcase name="/, "", name); sub(/" classname=.*/, "", name) }
        /^\t<testcase / && !/ status="(run|disabled)">/ { bad[++count] = name }
        /^\t\t<skipped message="SKIP_/ && bad[count] == name { delete bad[count--] }
        END { for (i = 1; i <= count; ++i) print bad[i] }' "$1"
}
