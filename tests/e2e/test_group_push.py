# SPDX-License-Identifier: Apache-2.0
"""A group of Concord and BIND: what the group decides gets into BIND by dynamic update, and nobody touches BIND by hand. How such a group goes on
is in tests/interop/test_groups.py."""
import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from lab.daemons import Bind, Concord, free_port
from lab.signers import Parent
from lab.wait import wait_until

OPEN, CLOSED = "open.example.", "closed.example."  # BIND allows updates of one alone
CONFIG = """tsig-keys:
  - {{name: peer, algorithm: hmac-sha256, secret: {secret}}}
remotes:
  - {{id: beta, address: 127.0.0.1@{beta}, key: peer}}
peers:
  - {{id: beta, service: update, remote: beta, push: [keys, ns]}}
signing:
  - id: quick
    dnskey-ttl: 1
    propagation-delay: 0
    parent-propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
groups:
"""
GROUP = """  - id: {zone}
    signer: alpha
    poll: 1s
    fresh: 4s
    propagation: 0s
    signers:
      - name: alpha
        servers: [{{name: ns.alpha.{zone}, address: 127.0.0.1@{alpha}}}]
      - name: beta
        servers: [{{name: ns.beta.{zone}, address: 127.0.0.1@{beta}}}]
"""


def zone_text(zone, signer):
    return f"""$ORIGIN {zone}
$TTL 1
@ IN SOA ns.{signer} hostmaster 1 7200 3600 1209600 1
@ IN NS ns.{signer}
ns.alpha IN A 127.0.0.1
ns.beta IN A 127.0.0.1
www IN A 192.0.2.1
"""


class Beta(Bind):
    POLICY = "dnskey-ttl 1;"
    shut = True

    def write_config(self):
        super().write_config()
        path = self.dir / "named.conf"
        lines = [line.replace("key peer", "192.0.2.1") if self.shut and f'zone "{CLOSED}"' in line else line for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")


class Shared:
    """One zone."""

    def __init__(self, lab, zone):
        self.lab, self.zone = lab, zone
        self.parent = Parent(zone, [], [f"ns.alpha.{zone}"])
        self.parent.ttl = 1
        lab.bind.zone(zone, zone_text(zone, "beta"))
        lab.concord.zone(zone, zone_text(zone, "alpha"), signing="quick", group=zone, parent=f"[{self.parent.at}]")

    def keys(self, signer):
        answer = signer.ask(self.zone, "DNSKEY", do=True)
        found = [r for r in answer.answer if r.rdtype == dns.rdatatype.DNSKEY]
        return {dns.dnssec.key_id(k): k for k in found[0]} if found else {}

    def begin(self):
        """The parent has what it will need, so that nothing waits for it."""
        asked = [(self.zone, "SOA"), (self.zone, "NS"), (self.zone, "CSYNC"), (f"www.{self.zone}", "A")]
        wait_until(lambda: self.lab.bind.is_signed(asked), "BIND has signed its zone", 60)
        self.own, self.ours = set(self.keys(self.lab.bind)), set(self.keys(self.lab.concord))
        ksk = next(k for k in self.keys(self.lab.bind).values() if k.flags == 257)
        self.parent.ds = [dns.rdata.from_text("IN", "DS", d.split(" DS ")[1]) for d in self.lab.concord.ds(self.zone)]
        self.parent.ds.append(dns.dnssec.make_ds(dns.name.from_text(self.zone), ksk, "SHA256"))
        self.parent.ns = [f"ns.alpha.{self.zone}", f"ns.beta.{self.zone}"]
        self.lab.concord.ctl("group", "start", self.zone, "join")

    def signers(self):
        return {x["name"]: x for x in self.lab.concord.ctl("group", "status", self.zone)["signers"]}

    def zsk(self):
        return {k["tag"] for k in self.lab.concord.ctl("key", "list", self.zone)["keys"] if k["origin"] == "own" and k["role"] == "zsk"}

    def rounds(self, n):
        """More rounds are over."""
        before = self.parent.asked.count(("DS", False))
        wait_until(lambda: self.parent.asked.count(("DS", False)) >= before + n, "more rounds are over", 60)


class Lab:
    def __init__(self, tmp_path, daemons):
        self.bind, self.concord = Beta(tmp_path / "bind", port=free_port()), Concord(tmp_path / "concord")
        self.open, self.closed = Shared(self, OPEN), Shared(self, CLOSED)
        ports = {"alpha": self.concord.port, "beta": self.bind.port}
        self.concord.extra = CONFIG.format(secret=Bind.SECRET, **ports) + "".join(GROUP.format(zone=z, **ports) for z in (OPEN, CLOSED))
        self.concord.write_config()
        self.concord.config.chmod(0o600)
        for d in (self.bind, self.concord):
            daemons.append(d)
            d.start()
        for shared in (self.open, self.closed):
            shared.begin()


@pytest.fixture
def lab(tmp_path, daemons):
    made = Lab(tmp_path, daemons)
    yield made
    for shared in (made.open, made.closed):
        shared.parent.stop()


def test_our_keys_get_into_bind_and_out_again_as_they_roll_and_a_refusal_is_said_once(lab):
    here, bind, concord = lab.open, lab.bind, lab.concord
    refusal = f"[{CLOSED}] peer: beta: what it should have cannot be put there"
    wait_until(lambda: refusal + ": it refuses our updates" in concord.log(), "it says so", 60)
    lab.closed.rounds(4)
    assert concord.log().count(refusal) == 1
    assert not lab.closed.ours & set(lab.closed.keys(bind))
    bind.shut = False
    bind.write_config()
    bind.stop()
    bind.start()
    concord.ctl("reload")
    # Of the other zone it took them.
    wait_until(lambda: here.ours & set(here.keys(bind)) and here.own <= set(here.keys(bind)), "BIND has our keys beside its own", 60)
    wait_until(lambda: here.own & set(here.keys(concord)), "and we have its keys", 60)
    wait_until(lambda: f"[{OPEN}] peer: beta: it has taken" in concord.log(), "it says so", 60)
    wait_until(lambda: all(s["state"] == "member" for s in here.signers().values()), "both are members", 60)
    # What stands there is not sent again.
    serial = bind.ask(OPEN, "SOA").answer[0][0].serial
    here.rounds(3)
    assert bind.ask(OPEN, "SOA").answer[0][0].serial == serial
    pushed = here.signers()["beta"]["push"]
    assert pushed["ok"] and pushed["at"] > 0
    # A new key comes before it signs, and the old one goes when nothing it signed is left.
    old = here.zsk()
    concord.ctl("key", "roll", OPEN, "--role", "zsk")
    wait_until(lambda: here.zsk() - old and here.zsk() - old <= set(here.keys(bind)), "BIND has the new key", 60)
    wait_until(lambda: not old & set(here.keys(bind)), "BIND has the old key no more", 90)
    assert here.own <= set(here.keys(bind))
    wait_until(lambda: lab.closed.ours & set(lab.closed.keys(bind)), "BIND has our keys of the zone that was closed", 120)
