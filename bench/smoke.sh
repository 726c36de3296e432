#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The generator must see every answer of the echo, and none as wrong.
set -euo pipefail
echo_program=$1 load_program=$2
questions=$(mktemp)
trap 'kill "$echo_pid" 2>/dev/null || true; rm -f "$questions"' EXIT
printf 'www.example. A\nmail.example. AAAA 192.0.2.0/24\n' >"$questions"
coproc echoing { exec "$echo_program" --port 0; }
echo_pid=$echoing_PID
read -r port <&"${echoing[0]}"
out=$("$load_program" --address 127.0.0.1 --port "$port" --questions "$questions" --seconds 0.5 --do)
echo "$out"
grep -q '"lost": 0' <<<"$out"
grep -q '"wrong": 0' <<<"$out"
! grep -q '"answers": 0,' <<<"$out"
