# SPDX-License-Identifier: Apache-2.0
"""ZONEMD (RFC 8976) from Knot and to Knot and Unbound: each refuses a zone whose digest is wrong, so what they serve was verified."""
import dns.exception
import dns.query
import dns.rcode
import dns.update
import pytest

from lab.daemons import Concord, Daemon, free_port
from lab.secondaries import SECRET, KnotSecondary
from lab.wait import wait_until

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 7 3600 900 604800 300
@ IN NS ns1
ns1 IN A 192.0.2.1
Mixed.Case IN CNAME WWW
www IN A 192.0.2.80
sub IN NS ns.sub
ns.sub IN A 192.0.2.53
*.wild IN TXT "any"
"""


class VerifyingKnot(KnotSecondary):
    def configure(self, primary):
        super().configure(primary)
        path = self.dir / "knot.conf"
        path.write_text(path.read_text() + "    zonemd-verify: on\n")


class GeneratingKnot(Daemon):
    name = "knotd"

    def configure(self):
        (self.dir / "zone.db").write_text(ZONE)
        (self.dir / "knot.conf").write_text(f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
database:
  storage: {self.dir}
log:
  - target: stderr
    any: info
acl:
  - id: all
    action: [transfer, update]
zone:
  - domain: example.
    file: {self.dir}/zone.db
    storage: {self.dir}
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
    dnssec-signing: on
    zonemd-generate: zonemd-sha512
    acl: all
""")
        return self

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")


class VerifyingUnbound(Daemon):
    """Takes the zone as RFC 8806 has the root, and refuses it without a good digest."""

    name = "unbound"

    def configure(self, primary):
        (self.dir / "unbound.conf").write_text(f"""server:
  interface: {self.address}@{self.port}
  username: ""
  chroot: ""
  directory: "{self.dir}"
  pidfile: "{self.dir}/unbound.pid"
  use-syslog: no
  verbosity: 2
  do-not-query-localhost: no
  module-config: "iterator"
auth-zone:
  name: "example."
  primary: {primary.address}@{primary.port}
  for-downstream: yes
  zonemd-check: yes
  zonemd-reject-absence: yes
""")
        return self

    def launch(self):
        self.run("unbound", "-d", "-c", self.dir / "unbound.conf")

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"unbound ended:\n{self.log()}")
        try:
            self.ask("example.", "SOA", timeout=0.5)
            return True
        except (dns.exception.DNSException, OSError):
            return False


@pytest.fixture
def concord(tmp_path, daemons):
    c = Concord(tmp_path / "concord")
    daemons.append(c)
    return c


def serial(daemon):
    try:
        r = daemon.ask("example.", "SOA", timeout=0.5)
    except (dns.exception.DNSException, OSError):
        return None
    return r.answer[0][0].serial if r.rcode() == dns.rcode.NOERROR and r.answer else None


def update(daemon, name):
    u = dns.update.UpdateMessage("example.")
    u.add(name, 60, "A", "192.0.2.9")
    assert dns.query.tcp(u, daemon.address, port=daemon.port, timeout=10).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("signing", ["none", "default"])
def test_knot_and_unbound_verify_what_we_make(concord, tmp_path, daemons, signing):
    told = free_port()
    key = f'tsig-keys:\n  - {{name: k., secret: "{SECRET}"}}\n'
    concord.extra = key + f"remotes:\n  - {{id: knot, address: 127.0.0.1@{told}}}\n"
    concord.zone("example.", ZONE, signing=signing, zonemd="sha384", notify="[knot]", allow_update="[{from: 127.0.0.1}]",
                 allow_transfer=f"[{{from: 127.0.0.1, signed: {'yes' if signing == 'default' else 'no'}}}]")
    concord.write_config()
    concord.config.chmod(0o600)
    knot = VerifyingKnot(tmp_path / "knot", concord, zone="example", port=told)
    unbound = VerifyingUnbound(tmp_path / "unbound", port=free_port()).configure(concord)
    daemons += [knot, unbound]
    concord.start()
    knot.start()
    wait_until(lambda: concord.ask("example.", "ZONEMD", tcp=True).answer[0][0].serial == 7, "the digest is made")
    unbound.start()
    wait_until(lambda: serial(unbound) == 7, "Unbound takes the zone")
    for i in range(3):
        update(concord, f"new{i}")
        wait_until(lambda: serial(knot) == 8 + i, "Knot takes the change")
    assert knot.ask("new2.example.", "A").answer[0][0].address == "192.0.2.9"
    assert "ZONEMD" not in "".join(x for x in knot.log().splitlines() if "fail" in x.lower())
    assert knot.ask("example.", "ZONEMD", tcp=True).answer[0] == concord.ask("example.", "ZONEMD", tcp=True).answer[0]


@pytest.mark.parametrize("signing", ["none", "default"])
def test_what_knot_makes_is_verified_whole_and_by_differences(concord, tmp_path, daemons, signing):
    knot = GeneratingKnot(tmp_path / "knot", port=free_port()).configure()
    daemons.append(knot)
    concord.extra = f"remotes:\n  - {{id: p, address: 127.0.0.1@{knot.port}}}\n"
    concord.zones.append(f"  - name: example.\n    primaries: [p]\n    signing: {signing}\n    zonemd-verify: required\n")
    concord.write_config()
    knot.start()
    wait_until(lambda: knot.ask("example.", "ZONEMD", tcp=True).answer, "Knot has made its digest")
    concord.start()
    wait_until(lambda: serial(concord) == serial(knot), "the zone is taken")
    for i in range(3):
        update(knot, f"new{i}")
        wait_until(lambda: concord.ctl("zone", "refresh", "example.") and serial(concord) == serial(knot)
                   and concord.ask(f"new{i}.example.", "A").answer, "the change is taken")
    assert concord.log().count(" changes, ") == 3 and "ZONEMD" not in concord.log()
    assert bool(concord.ask("example.", "ZONEMD", tcp=True).answer) == (signing == "none")
