#!/usr/bin/env bash
# Tests scripts/test itself, in a small project of its own: what it counts, how it ends, and what it runs in which build.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd -P)
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cp -r "$repository/scripts" "$repository/CMakePresets.json" "$project"

# with_tests CMAKE...: the project consists of these lines now.
with_tests() {
    rm -rf "$project/build"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(small NONE)' 'enable_testing()' "$@" >"$project/CMakeLists.txt"
}

# expect STATUS LAST_LINE [OPTION...]: runs scripts/test.
expect() {
    local status=0
    "$project/scripts/test" "${@:3}" >"$project/output" 2>&1 || status=$?
    if [[ $status != "$1" || $(tail -n 1 "$project/output") != "$2" ]]; then
        cat "$project/output"
        echo "FAILED: line ${BASH_LINENO[0]}: expected status $1 and '$2', got status $status and the output above"
        exit 1
    fi
}

pass='add_test(NAME good COMMAND true)'
slow='add_test(NAME slow_one COMMAND true)
set_tests_properties(slow_one PROPERTIES LABELS slow)'
alone='add_test(NAME alone_one COMMAND true)
set_tests_properties(alone_one PROPERTIES LABELS alone)'
bench='add_test(NAME bench_one COMMAND false)
set_tests_properties(bench_one PROPERTIES LABELS bench)'
chaos='add_test(NAME chaos_one COMMAND false)
set_tests_properties(chaos_one PROPERTIES LABELS chaos)'
fail='add_test(NAME bad COMMAND sh -c "echo \"999 passed, 0 failed\"; exit 1")'
missing='add_test(NAME not_there COMMAND /nonexistent/program)'
skip='add_test(NAME skip COMMAND sh -c "exit 77")
set_tests_properties(skip PROPERTIES SKIP_RETURN_CODE 77)'
forged='add_test(NAME forged COMMAND printf "\\t<testcase status=\"run\">\\n")'

with_tests "$pass" "$slow" "$alone" "$bench" "$chaos"
expect 0 '5 passed, 0 failed' # all three in the release build, one under each sanitizer
expect 0 '3 passed, 0 failed' --quick
expect 0 '3 passed, 0 failed' --no-sanitizers
expect 0 '1 passed, 0 failed' -R slow
expect 0 '1 passed, 0 failed' -R alone
expect 1 '0 passed, 1 failed' -R nothing_has_this_name

with_tests "$pass" "$fail" "$missing"
expect 1 '1 passed, 2 failed' --no-sanitizers
grep -q '999 passed' "$project/output" # the output of a failed test is shown
grep -qx 'failed: bad (release)' "$project/output"
grep -qx 'failed: not_there (release)' "$project/output"

# What fails is not tried again.
unsteady='add_test(NAME unsteady COMMAND sh -c "test -e tried || { touch tried; exit 1; }")'
with_tests "$unsteady"
expect 1 '0 passed, 1 failed' --no-sanitizers
grep -qx 'failed: unsteady (release)' "$project/output"

# What measures has run before the next build begins.
# shellcheck disable=SC2016 # the test's shell expands it
measures='add_test(NAME alone_one COMMAND sh -c "test ! -e ../asan")
set_tests_properties(alone_one PROPERTIES LABELS alone)'
with_tests "$measures"
expect 0 '1 passed, 0 failed'

# Tests of the whole program belong to the release build, and run once more for the host of each sanitizer's.
# shellcheck disable=SC2016 # the test's shell expands it
e2e='add_test(NAME whole COMMAND sh -c "basename $GATEHOUSE_BUILD >>hosts")
set_tests_properties(whole PROPERTIES LABELS e2e)'
with_tests "if(NOT GATEHOUSE_SANITIZER)" "$e2e" "endif()"
expect 0 '3 passed, 0 failed'
[[ $(paste -sd ' ' "$project/build/release/hosts") == 'release asan tsan' ]]

# It says how far it is, and without a terminal in plain lines.
grep -q '^gatehouse: \[1/6\] 0:[0-9]* building release' "$project/output"
grep -q '^gatehouse: \[6/6\] [0-9]*:[0-9]* testing tsan' "$project/output"
[[ $(tr -d '[:print:]\n\t' <"$project/output") == '' ]]

with_tests "$pass" "$skip" "$forged"
expect 0 '2 passed, 0 failed, 1 skipped' --no-sanitizers

with_tests "$pass" 'add_custom_target(broken ALL COMMAND false)'
expect 1 '0 passed, 1 failed' --no-sanitizers

with_tests 'message(FATAL_ERROR "cannot be configured")'
expect 1 '0 passed, 1 failed' --no-sanitizers
grep -q 'cannot be configured' "$project/output"
