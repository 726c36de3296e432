# SPDX-License-Identifier: Apache-2.0
"""BIND, Knot and NSD as secondaries of Concord: what they serve after 200 dynamic updates is what Concord transfers."""
import os
import random

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import dns.zone
import pytest

from lab.daemons import Concord, Daemon, free_port
from lab.wait import wait_until

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 1 1 1 604800 300
@ IN NS ns1
ns1 IN A 192.0.2.1
*.wild IN A 192.0.2.77
alias IN CNAME ns1
odd IN TYPE65280 \\# 4 01020304
""" + "".join(f"h{i} IN TXT \"{'x' * 200}\"\n" for i in range(500))


class Secondary(Daemon):
    def __init__(self, directory, primary):
        super().__init__(directory, port=free_port())
        self.configure(primary)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended:\n{self.log()}")
        try:
            return self.ask("example.", "SOA", timeout=0.5).rcode() == dns.rcode.NOERROR
        except (dns.exception.DNSException, OSError):
            return False


class BindSecondary(Secondary):
    name = "named"

    def configure(self, primary):
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }}; recursion no;
  pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; dnssec-validation no;
  min-refresh-time 1; min-retry-time 1; }};
controls {{ }};
key k {{ algorithm hmac-sha256; secret "{SECRET}"; }};
zone "example" {{ type secondary; file "zone.db"; primaries {{ {primary.address} port {primary.port} key k; }};
  allow-transfer {{ any; }}; }};
""")

    def launch(self):
        self.run("named", "-g", "-c", self.dir / "named.conf", "-n", "1")


class KnotSecondary(Secondary):
    name = "knotd"

    def configure(self, primary):
        (self.dir / "knot.conf").write_text(f"""
server:
  rundir: "{self.dir}"
  listen: {self.address}@{self.port}
database:
  storage: "{self.dir}"
log:
  - target: stderr
    any: info
key:
  - id: k
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: p
    address: {primary.address}@{primary.port}
    key: k
acl:
  - id: all
    action: transfer
zone:
  - domain: example
    storage: "{self.dir}"
    master: p
    acl: all
    refresh-min-interval: 2
""")

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")


class NsdSecondary(Secondary):
    name = "nsd"

    def configure(self, primary):
        (self.dir / "nsd.conf").write_text(f"""
server:
  ip-address: {self.address}@{self.port}
  username: ""
  zonesdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  xfrdfile: "{self.dir}/xfrd.state"
  database: ""
  pidfile: "{self.dir}/nsd.pid"
  xfrdir: "{self.dir}"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: k
  algorithm: hmac-sha256
  secret: "{SECRET}"
zone:
  name: "example"
  zonefile: "{self.dir}/zone.db"
  request-xfr: {primary.address}@{primary.port} k
  provide-xfr: 127.0.0.1 NOKEY
  min-refresh-time: 1
  min-retry-time: 1
""")

    def launch(self):
        self.run("nsd", "-d", "-c", self.dir / "nsd.conf")


def key():
    return dns.tsig.Key("k.", SECRET, "hmac-sha256")


def transferred(server, signed):
    k = key()
    options = {"keyring": {k.name: k}, "keyname": k.name, "keyalgorithm": k.algorithm} if signed else {}
    z = dns.zone.from_xfr(dns.query.xfr(server.address, "example.", port=server.port, relativize=False, timeout=10, **options),
                          relativize=False)
    return {f"{name} {ttl} {rdata.rdtype} {rdata.to_text()}" for name, ttl, rdata in z.iterate_rdatas()}


@pytest.mark.parametrize("kind", [BindSecondary, KnotSecondary, NsdSecondary])
def test_a_secondary_follows_two_hundred_changes(kind, tmp_path, daemons):
    primary = Concord(tmp_path / "concord")
    primary.extra = f"tsig-keys:\n  - {{name: k., secret: \"{SECRET}\"}}\n"
    primary.zone("example.", ZONE, allow_transfer="[{key: k.}]", allow_update="[{key: k.}]")
    primary.write_config()
    os.chmod(primary.config, 0o600)
    daemons.append(primary)
    primary.start()
    secondary = kind(tmp_path / "secondary", primary)
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
    assert "transfer: IXFR to" in primary.log()
