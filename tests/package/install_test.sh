#!/usr/bin/env bash
# install_test.sh CMAKE BUILD PREFIX
#
# Installs BUILD into PREFIX, for the tests that use what is installed, and tests that: the host finds the bundled plugins by
# itself, no file says where it was built or installed, and an operator's configuration stays.
set -euo pipefail
cmake=$1 build=$2 prefix=$3

fail() {
    echo "FAILED: $*"
    exit 1
}

rm -rf "$prefix"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
conf=$prefix/etc/gatehouse/gatehouse.toml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
check() { # root makes the folder of the control socket
    sed "s|/run/gatehouse/|$scratch/|" "$1/etc/gatehouse/gatehouse.toml" >"$scratch/gatehouse.toml"
    "$1/bin/gatehouse" check "$scratch/gatehouse.toml"
}
check "$prefix"
plugins=$("$prefix/bin/gatehouse" plugins)
for library in "$build"/plugins/*.so; do
    [[ $plugins == *"/gatehouse/plugins/${library##*/}"* ]] || fail "it does not find ${library##*/}: $plugins"
done

moved=$scratch/moved
mkdir "$moved"
cp -r "$prefix/." "$moved"
check "$moved"
! grep -rIl -e "$prefix" -e "$build" "$prefix" || fail "these files say where they were installed or built"

echo '# changed' >>"$conf"
DESTDIR=$moved/root "$cmake" --install "$build" --prefix /usr >/dev/null
[[ -f $moved/root/etc/gatehouse/gatehouse.toml && ! -e $moved/root/usr/etc ]] || fail "/usr has its configuration in /etc"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
[[ $(tail -n 1 "$conf") == '# changed' ]] || fail "an installation overwrites the configuration"
