#!/usr/bin/env bash
# debian_test.sh CPACK BUILD
#
# Makes the Debian packages: lintian finds nothing in them, unpacked together they are a Gatehouse that works, and as root they are
# installed, upgraded and purged too (debian_root.sh).
set -euo pipefail
cpack=$1 build=$2 tests=$(cd "$(dirname "$0")" && pwd)
for program in lintian dpkg-shlibdeps file doxygen; do
    command -v "$program" >/dev/null && continue
    echo "skipped: $program is not there; scripts/deps test installs it"
    exit 77
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$build"
"$cpack" -G DEB -B "$folder/packages" >"$folder/log" 2>&1 || { cat "$folder/log" && exit 1; }

fail() {
    echo "FAILED: $*"
    exit 1
}

cd "$folder/packages"
lintian --fail-on error,warning -- *.deb

# depends PACKAGE ON...: its dependencies, those found by dpkg-shlibdeps included.
depends() {
    local on all
    all=$(dpkg-deb -f "$1"_*.deb Depends)
    for on in "${@:2}"; do
        [[ ", $all," == *", $on "* ]] || fail "$1 does not depend on $on, but on $all"
    done
}
depends gatehouse libc6 libssl3 libsystemd0 init-system-helpers
depends gatehouse-plugins libc6 libcrypt1 gatehouse
depends gatehouse-dev gatehouse
dpkg-deb --info gatehouse_*.deb conffiles | grep -qx /etc/gatehouse/gatehouse.toml || fail "the configuration is no conffile"

for package in *.deb; do dpkg-deb -x "$package" "$folder/root"; done
[[ -f $folder/root/usr/share/doc/gatehouse-dev/html/index.html ]] || fail "gatehouse-dev has no API reference"
sed -i "s|/run/gatehouse/|$folder/|" "$folder/root/etc/gatehouse/gatehouse.toml"
"$folder/root/usr/bin/gatehouse" check "$folder/root/etc/gatehouse/gatehouse.toml"

if [[ $(id -u) != 0 ]]; then
    echo "not root: they were not installed"
else
    mkdir "$folder/in_root"
    unshare --mount --pid --net --fork --kill-child "$tests/debian_root.sh" "$folder/packages" "$folder/in_root"
fi
