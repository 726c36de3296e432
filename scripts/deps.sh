#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages Concord needs, in one list, and what installs those that are missing.
#
#   scripts/deps.sh list    [set ...]   prints the packages
#   scripts/deps.sh missing [set ...]   prints those that are not installed
#   scripts/deps.sh install [set ...]   installs them (through sudo when not root); silent when nothing is missing
#
# Sets: build (compile and link), demo (./run), test (./test), bench (bench/run steering), package (scripts/debian13.sh). Default: build.
# CONCORD_NO_INSTALL=1 makes `install` fail with the list instead of touching the system.
set -euo pipefail

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${VERSION_ID:-}")

packages_build=(
	gcc libc6-dev cmake ninja-build pkgconf
	libuv1-dev libssl-dev libldns-dev libyaml-dev liburcu-dev libmaxminddb-dev libsqlite3-dev
	libjansson-dev libmicrohttpd-dev libcurl4-openssl-dev libsystemd-dev libp11-kit-dev
)
packages_demo=(
	tor-geoipdb         # which country an address is in
	bind9-dnsutils      # dig, nsupdate
	knot-dnsutils       # knsupdate
)
packages_test=(
	libcmocka-dev
	clang llvm          # the second compiler, the fuzzers, and symbols in sanitizer reports
	clang-tidy
	python3 python3-pytest python3-dnspython python3-cryptography python3-yaml python3-jsonschema
	bind9 bind9-utils nsd knot knot-dnsutils unbound ldnsutils        # what we are tested against
	knot-dnssecutils                                    # kzonecheck
	pebble lego python3-certbot-dns-rfc2136 python3-requests  # an ACME authority, and its clients
	pdns-server pdns-backend-bind pdns-backend-sqlite3 gdnsd openssl
	libmaxmind-db-writer-perl iproute2                  # small location databases; network namespaces
	faketime            # a clock that tests set
	codespell mandoc shellcheck binutils procps
	softhsm2 opensc libengine-pkcs11-openssl            # keys in a token
)
packages_bench=(knot-module-geoip pdns-backend-geoip)   # besides those of test: others that steer
packages_package=(debootstrap debian-archive-keyring)

# Names that carry a version, by release.
case $release in
12) packages_test+=(libclang-rt-14-dev clang-format-14) ;;
*) packages_test+=(libclang-rt-dev) ;;
esac

# Prints the packages of the given sets, one a line.
list() {
	local set
	for set in "${@:-build}"; do
		case $set in
		build) printf '%s\n' "${packages_build[@]}" ;;
		demo) printf '%s\n' "${packages_demo[@]}" ;;
		test) printf '%s\n' "${packages_test[@]}" ;;
		bench) printf '%s\n' "${packages_bench[@]}" ;;
		package) printf '%s\n' "${packages_package[@]}" ;;
		*)
			echo "deps.sh: no such set: $set (build, demo, test, bench, package)" >&2
			exit 2
			;;
		esac
	done
}

# Prints those of the given packages that are not installed. No apt call: dpkg's own database answers.
missing() {
	local wanted
	mapfile -t wanted < <(list "$@")
	{ dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true; } |
		awk '$2 == "installed" { print $1 }' |
		sort -u | comm -13 - <(printf '%s\n' "${wanted[@]}" | sort -u)
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# The servers that tests need must not start serving on this machine just because they were installed:
# invoke-rc.d asks this script (101 = do not start), and systemd units are disabled afterwards.
policy=/usr/sbin/policy-rc.d
services=(named nsd unbound knot pdns gdnsd)

hold_services() {
	[ ! -e $policy ] || return 0
	printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
	as_root chmod 755 $policy
	trap 'as_root rm -f $policy' EXIT
}

disable_services() {
	local service
	[ -d /run/systemd/system ] || return 0
	for service in "${services[@]}"; do
		if printf '%s\n' "$@" | grep -qx -e "$service" -e "${service/named/bind9}" -e "${service/pdns/pdns-server}"; then
			as_root systemctl disable --quiet "$service" 2>/dev/null || true
		fi
	done
}

install() {
	local wanted log
	mapfile -t wanted < <(missing "$@")
	[ ${#wanted[@]} -gt 0 ] || return 0
	if [ "${CONCORD_NO_INSTALL:-}" = 1 ]; then
		echo "these packages are missing: ${wanted[*]}" >&2
		return 1
	fi
	if ! command -v apt-get >/dev/null; then
		echo "this is not Debian; what corresponds to these packages is needed: ${wanted[*]}" >&2
		return 1
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		echo "as root, install these packages first: apt-get install ${wanted[*]}" >&2
		return 1
	fi
	echo "installing ${#wanted[@]} Debian package(s): ${wanted[*]}"
	log=$(mktemp)
	hold_services
	if ! { as_root apt-get -q update && as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "${wanted[@]}"; } \
		</dev/null >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		echo "the packages could not be installed" >&2
		return 1
	fi
	rm -f "$log"
	disable_services "${wanted[@]}"
}

case ${1:-} in
list | missing | install) "$@" ;;
*)
	echo "usage: scripts/deps.sh list|missing|install [build|demo|test|bench|package ...]" >&2
	exit 2
	;;
esac
