# SPDX-License-Identifier: Apache-2.0
"""Runs tests/tools/peer_tool, which looks at servers as the daemon does."""
import json
import subprocess

from lab.daemons import BUILD

TOOL = BUILD / "tests" / "tools" / "peer_tool"


def at(server):
    return f"{server.address}@{server.port}"


def observe(zone, parents, signers, *more, rounds=1):
    """Runs rounds of looks; returns (events, what was logged)."""
    arguments = ["observe", zone, "1", str(rounds), "parent=" + ",".join(map(at, parents))]
    arguments += [f"{name}=" + ",".join(map(at, servers)) for name, servers in signers.items()]
    done = subprocess.run([str(TOOL), *arguments, "try-ms=300", *more], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def of(events, kind):
    return [e for e in events if e["event"] == kind]
