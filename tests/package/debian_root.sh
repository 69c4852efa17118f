#!/usr/bin/env bash
# debian_root.sh PACKAGES FOLDER
#
# Installs, upgrades, breaks and purges the Debian packages in PACKAGES, with a host that serves meanwhile: in a copy of this
# machine's root that lives in memory, mounted below FOLDER. To be run as root in namespaces of its own:
# unshare --mount --pid --net --fork --kill-child debian_root.sh ...
set -euo pipefail

fail() {
    echo "FAILED: $*"
    exit 1
}

# says TEXT COMMAND...: it succeeds, and what it prints has TEXT.
says() {
    local text=$1 printed
    shift
    printed=$("$@" 2>&1) || fail "$*: $printed"
    [[ $printed == *"$text"* ]] || fail "$* does not say \"$text\", but: $printed"
}

host_pid() { gatehouse control host host --json | grep -o '"pid": *[0-9]*'; }

# Asks the echo server time and again. Writes how often it was answered, and to /root/lost what was not.
ask_on() {
    local answered=0 answer
    while [[ ! -e /root/enough ]]; do
        if exec 3<>/dev/tcp/127.0.0.1/7007 && echo hello >&3 && read -r -t 10 answer <&3 && [[ $answer == hello ]]; then
            ((++answered))
        else
            echo "after $answered answers" >>/root/lost
        fi
        exec 3>&-
        echo "$answered" >/root/answered
    done
}

# next_version: the same packages as another version, in /root/next.
next_version() {
    local file
    mkdir -p /root/next
    for file in /mnt/gatehouse_*.deb /mnt/gatehouse-plugins_*.deb; do
        dpkg-deb -R "$file" /root/unpacked
        sed -i -E 's/^Version: .*/&+next/; s/(gatehouse \(= [^)]*)\)/\1+next)/' /root/unpacked/DEBIAN/control
        dpkg-deb -b /root/unpacked "/root/next/${file##*/}" >/dev/null
        rm -rf /root/unpacked
    done
}

inside() {
    local before asker left conf=/etc/gatehouse/gatehouse.toml
    ip link set lo up
    dpkg -i /mnt/gatehouse_*.deb /mnt/gatehouse-plugins_*.deb
    [[ $(stat -c %U /run/gatehouse) == gatehouse ]] || fail "the user or its folder is not made"
    says ': ok (0 listeners' gatehouse check $conf
    printf '[[listeners]]\nname = "echo"\naddress = "127.0.0.1:7007"\nplugin = "echo"\n' >>$conf
    gatehouse run $conf >/root/log 2>&1 &
    until gatehouse status >/dev/null 2>&1; do sleep 0.05; done

    # An upgrade does not restart the host, and nobody is refused.
    next_version
    ask_on &
    asker=$!
    before=$(host_pid)
    says 'handed over' dpkg -i /root/next/*.deb
    [[ $(host_pid) != "$before" ]] || fail "the old process still serves"
    # New plugins alone are taken as well.
    before=$(host_pid)
    says 'handed over' dpkg -i /root/next/gatehouse-plugins_*.deb
    [[ $(host_pid) != "$before" ]] || fail "the plugins are the old ones"
    # A file that the new program refuses leaves the old one as it is, and dpkg says why.
    before=$(host_pid)
    cp $conf /root/good
    echo 'wrong = 1' >>$conf
    says 'unknown key' dpkg -i /mnt/gatehouse_*.deb /mnt/gatehouse-plugins_*.deb
    [[ $(host_pid) == "$before" ]] || fail "the host was replaced although the file is wrong"
    touch /root/enough
    wait $asker
    [[ ! -e /root/lost && $(cat /root/answered) -gt 0 ]] || fail "clients were lost: $(cat /root/lost /root/answered)"
    echo "$(cat /root/answered) connections, none lost"
    cp /root/good $conf

    # Nothing is left of it.
    gatehouse drain
    dpkg -P gatehouse-plugins gatehouse
    left=$(find /etc /usr /run /var/lib /var/log -name '*gatehouse*')
    [[ -z $left ]] || fail "left after the purge: $left"
}

packages=$1
root=$2/root
mkdir "$2/memory"
mount -t tmpfs tmpfs "$2/memory"
mkdir "$2/memory/changes" "$2/memory/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$2/memory/changes,workdir=$2/memory/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount --bind "$packages" "$root/mnt"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive \
    bash -c "set -euo pipefail; $(declare -f fail says host_pid ask_on next_version inside); inside"
