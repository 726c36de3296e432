#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# smoke.sh FUZZER SEEDS CORPUS -- runs all seeds and what earlier runs found, then fuzzes for CONCORD_FUZZ_SECONDS.
# New inputs stay in CORPUS (in the build tree); one that fails is kept beside it and named in the output.
set -eu
fuzzer=$1 seeds=$2 corpus=$3
what=$(basename "$corpus")
dictionary=$(dirname "$seeds")/$what.dict

if [ -z "$(find "$seeds" -type f 2>/dev/null | head -n 1)" ]; then
	echo "no seeds in $seeds" >&2
	exit 1
fi
export LSAN_OPTIONS="suppressions=$(dirname "$0")/../lsan.supp:print_suppressions=0"
mkdir -p "$corpus"
set -- -max_total_time="${CONCORD_FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 \
	-artifact_prefix="$corpus.failed-" -print_final_stats=1 "$corpus" "$seeds"
[ ! -f "$dictionary" ] || set -- -dict="$dictionary" "$@"
exec "$fuzzer" "$@"
