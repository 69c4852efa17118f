#!/usr/bin/env bash
# reference_test.sh FOLDER
#
# The API reference can be made by FOLDER/Doxyfile without a warning, and has the functions with what the headers say of them.
set -euo pipefail
doxyfile=$1/Doxyfile
command -v doxygen >/dev/null || { echo "skipped: doxygen is not there; scripts/deps test installs it" && exit 77; }
[[ -f $doxyfile ]] || { echo "FAILED: CMake has not found Doxygen; configure the build once more" && exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# make_reference SETTING...: makes it in the temporary folder.
make_reference() { (cat "$doxyfile" && printf '%s\n' "OUTPUT_DIRECTORY=$folder" "$@") | doxygen -; }

# page_says PAGE TEXT: without its tags, PAGE has TEXT.
page_says() {
    sed -e 's/<[^>]*>//g' -e 's/&#160;/ /g; s/&amp;/\&/g; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g' "$folder/html/$1" |
        tr -s ' \n\t' ' ' | grep -F -e "$2" >/dev/null || fail "$1 does not say: $2"
}

make_reference
page_says structgatehouse__host.html \
    "(* gatehouse_host::finish) (gatehouse_conn *conn) [conn] Half-close: tells the peer that the plugin has written its last byte."
page_says structgatehouse__plugin.html "[main] This instance drains: the host is about to serve its parked connections"
page_says gatehouse_8h.html "GATEHOUSE_TIMER the plugin's own deadline has passed, and is gone; the connection goes on"
page_says structgatehouse__upstream__v1.html "stores the new connection in *upstream. If a name has several addresses"
page_says classgatehouse_1_1ByteStream.html "Waits for the first byte, reads what has arrived into buffer, and returns the part"
page_says classgatehouse_1_1kit_1_1Plugin.html "inline The output for input, which must be the same however the input is split"
page_says plugin_8hpp.html "std::array<std::byte, 16384> buffer;"

# It would fail on a warning.
printf '/** \\param b is not there */\nvoid f(int a);\n' >"$folder/wrong.h"
! make_reference "INPUT=$folder/wrong.h" "FILTER_PATTERNS=" >"$folder/log" 2>&1 || fail "a wrong comment is no error"
grep -q 'wrong.h:1: error' "$folder/log" || { cat "$folder/log" && fail "something else is wrong"; }
