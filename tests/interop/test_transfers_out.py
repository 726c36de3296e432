# SPDX-License-Identifier: Apache-2.0
"""BIND, Knot, NSD and PowerDNS as secondaries of Concord, told by NOTIFY: what they serve after 200 dynamic updates is what Concord transfers."""
import os
import random

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import dns.zone
import pytest

from lab.daemons import Concord, free_port
from lab.secondaries import SECONDARIES, SECRET, PowerDnsSecondary
from lab.wait import wait_until

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 1 3600 900 604800 300
@ IN NS ns1
ns1 IN A 192.0.2.1
*.wild IN A 192.0.2.77
alias IN CNAME ns1
odd IN TYPE65280 \\# 4 01020304
""" + "".join(f"h{i} IN TXT \"{'x' * 200}\"\n" for i in range(500))


def key():
    return dns.tsig.Key("k.", SECRET, "hmac-sha256")


def transferred(server, signed):
    k = key()
    options = {"keyring": {k.name: k}, "keyname": k.name, "keyalgorithm": k.algorithm} if signed else {}
    z = dns.zone.from_xfr(dns.query.xfr(server.address, "example.", port=server.port, relativize=False, timeout=10, **options),
                          relativize=False)
    return {f"{name} {ttl} {rdata.rdtype} {rdata.to_text()}" for name, ttl, rdata in z.iterate_rdatas()}


@pytest.mark.parametrize("kind", SECONDARIES)
def test_a_secondary_follows_two_hundred_changes(kind, tmp_path, daemons):
    primary = Concord(tmp_path / "concord")
    primary.extra = f"tsig-keys:\n  - {{name: k., secret: \"{SECRET}\"}}\n"
    port = free_port()
    primary.zone("example.", ZONE, signing="none", allow_transfer="[{key: k.}]", allow_update="[{key: k.}]", notify=f"[127.0.0.1@{port}]")
    primary.write_config()
    os.chmod(primary.config, 0o600)
    daemons.append(primary)
    primary.start()
    secondary = kind(tmp_path / "secondary", primary, port=port)
    daemons.append(secondary)
    secondary.start()
    lottery = random.Random(5936)
    for i in range(200):
        u = dns.update.UpdateMessage("example.")
        u.use_tsig(key())
        name = f"c{lottery.randrange(60)}"
        if lottery.randrange(3) == 0:
            u.delete(name)
        else:
            u.add(name, 60, "A", f"192.0.2.{lottery.randrange(1, 9)}")
        u.add(f"n{i}", 60, "TXT", f'"{i}"')
        assert dns.query.tcp(u, primary.address, port=primary.port, timeout=5).rcode() == dns.rcode.NOERROR
    serial = primary.ask("example.", "SOA").answer[0][0].serial
    assert serial == 201
    wait_until(lambda: secondary.ask("example.", "SOA").answer[0][0].serial == serial, "the secondary has the last serial", 60)
    assert transferred(secondary, signed=False) == transferred(primary, signed=True)
    if kind is not PowerDnsSecondary:  # its bind backend takes whole zones
        assert primary.logged("transfer: IXFR to")
    wait_until(lambda: primary.ctl("zone", "status", "example.")["notify"][0].get("serial") == serial, "its NOTIFY was answered")
