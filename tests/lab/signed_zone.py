# SPDX-License-Identifier: Apache-2.0
"""Whether a whole signed zone, as somebody serves or transfers it, is one: four validators of zones say so."""
import subprocess

import dns.query
import dns.rdatatype
import dns.zone


def transferred(server, zone, keyring=None, keyname=None, algorithm="hmac-sha256"):
    options = {"keyring": keyring, "keyname": keyname, "keyalgorithm": algorithm} if keyring else {}
    return dns.zone.from_xfr(dns.query.xfr(server.address, zone, port=server.port, relativize=False, timeout=10, lifetime=60, **options),
                             relativize=False)


def records(zone):
    return {f"{name} {ttl} {rdata.rdtype} {rdata.to_text()}" for name, ttl, rdata in zone.iterate_rdatas()}


def check(zone, directory, name="example."):
    """Every RRset has its signature and the chain is whole: BIND, ldns and Knot agree."""
    path = directory / "copy.zone"
    path.write_text("".join(f"{owner} {ttl} IN {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}\n"
                            for owner, ttl, rdata in zone.iterate_rdatas()))
    tools = [["dnssec-verify", "-q", "-o", name, path], ["ldns-verify-zone", "-V", "1", path], ["kzonecheck", "-o", name, path]]
    for command in tools:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (command[0], done.stdout[-2000:], done.stderr[-2000:])
