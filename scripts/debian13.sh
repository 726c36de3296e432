#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests Concord under Debian 13 (trixie), in a tree that debootstrap makes and later runs use again.
#
#   scripts/debian13.sh [DIR]      as root; DIR defaults to /var/cache/concord/debian13
#
# The tree is fetched from the mirror that apt uses on this machine; CONCORD_MIRROR=URL names another.
# Inside it the release preset is built and `./test --quick` (unit and lint tests) runs.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
base=${1:-/var/cache/concord/debian13}
root=$base/root

say() {
	echo "debian13: $*"
}

mirror() {
	if [ -n "${CONCORD_MIRROR:-}" ]; then
		echo "$CONCORD_MIRROR"
		return
	fi
	# shellcheck disable=SC2016  # apt's variables, not ours
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }'
}

make_root() {
	local from log
	from=$(mirror)
	if [ -z "$from" ]; then
		say "apt on this machine names no Debian mirror; set CONCORD_MIRROR" >&2
		exit 1
	fi
	say "making a Debian 13 tree in $root"
	rm -rf --one-file-system "$root"
	mkdir -p "$root"
	log=$base/debootstrap.log
	if ! debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$from" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		say "debootstrap failed; its log is $log" >&2
		exit 1
	fi
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	touch "$root/.complete"
}

# Brings the tree in, without what is built; what was built there before stays, so that a second run is quick.
copy_source() {
	mkdir -p "$root/src/concord"
	find "$root/src/concord" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	tar -C "$source_dir" --exclude=./build --exclude=./var --exclude=./.git --exclude=__pycache__ -cf - . |
		tar -C "$root/src/concord" --no-same-owner -xf -
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
}

# Runs a command in the tree, in name spaces of its own, so that mounts and stray processes end with it.
inside() {
	unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" \
		chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		CI="${CI:-}" bash -euo pipefail -c "cd /src/concord; $1" </dev/null
}

if [ "$(id -u)" != 0 ]; then
	say "run this as root: it makes a tree with debootstrap and changes root into it" >&2
	exit 1
fi
"$source_dir/scripts/deps.sh" install package
[ -e "$root/.complete" ] || make_root
copy_source
say "building the release preset"
inside '
	scripts/deps.sh install build test demo
	{ cmake --preset release && cmake --build --preset release; } >/tmp/release.log 2>&1 ||
		{ tail -n 60 /tmp/release.log; exit 1; }'
say "unit and lint tests"
inside './test --quick'
