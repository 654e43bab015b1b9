#!/bin/sh
# Runs this checkout in a fresh Debian 12 that has Python and nothing else.
#
#   tests/fresh_debian/try.sh FOLDER [COMMAND...]       COMMAND: ./run test, if left out
#
# Needs root and debootstrap. FOLDER is made, or used again as it is if it holds a Debian. The
# network's settings of this machine (apt, pip, certificates, names) are copied into it.
set -eu

[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$1
shift
[ $# -gt 0 ] || set -- ./run test
checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
inside="/root/a path with spaces"

if [ ! -x "$root/usr/bin/python3" ]; then
    debootstrap --variant=minbase --include=python3,ca-certificates bookworm "$root"
fi

# $1 is copied to $2 beneath the root, in the place of what is there: links in it may lead out.
hand_over() {
    [ -e "$1" ] || return 0
    rm -rf "${root:?}/$2"
    mkdir -p "$(dirname "$root/$2")"
    cp -RL "$1" "$root/$2"
}
for settings in apt ssl hosts resolv.conf pip.conf; do
    hand_over "/etc/$settings" "etc/$settings"
done
hand_over "$HOME/.config/pip" root/.config/pip

# The files that a clone would have, and those not committed yet; none that an earlier run left.
rm -rf "${root:?}$inside"
mkdir -p "$root$inside"
(cd "$checkout" && git ls-files -z --cached --others --exclude-standard |
    tar --null --files-from=- --ignore-failed-read -cf -) | tar -xf - -C "$root$inside"

unmount() {
    for point in dev/shm dev/pts proc; do
        if mountpoint -q "$root/$point"; then umount "$root/$point"; fi
    done
}
trap unmount EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$root/dev/shm" "$root/dev/pts"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777,size=2g tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"

# Only what steers the network is handed on.
env | grep -E '^(PIP_|https?_proxy=|HTTPS?_PROXY=|no_proxy=|NO_PROXY=|SSL_CERT_)' >"$root/root/network" || :
# shellcheck disable=SC2016 # the variables are those of the shell inside
chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    /bin/sh -c 'while read -r line; do export "$line"; done </root/network
        cd "$0" && exec "$@"' "$inside" "$@"
