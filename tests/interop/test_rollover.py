# SPDX-License-Identifier: Apache-2.0
"""Rolls over the wire: a parent that reads CDS, TTLs of a second, the daemon killed at each step, two validating resolvers that ask all the while, and
every answer judged in every pair of caches (tests/lab/recorder.py). Four zones of one daemon roll side by side."""
import re
import subprocess

import dns.dnssec
import dns.flags
import dns.name
import dns.rcode
import pytest

from lab.daemons import Bind, Concord, Unbound
from lab.delegation import PARENT, Parent
from lab.group_lab import ADDRESSES, HOSTS, PARENT_ADDRESS, RESOLVERS, GroupLab, zone_name, zone_text
from lab.peers import Knot
from lab.wait import wait_until

HOST = HOSTS["a"]
CONCORD = ADDRESSES[HOST]
SIGNING = """  - id: {label}
    algorithm: {algorithm}
    keys: {keys}
    dnskey-ttl: 1
    propagation-delay: 0
    parent-propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
    parent-check: 1
"""


class Rolling:
    """A zone, and what its policy says."""

    def __init__(self, lab, label, keys="ksk-zsk"):
        self.lab, self.label, self.name, self.keys, self.algorithm = lab, label, zone_name(label), keys, "ecdsap256sha256"

    def own_keys(self):
        return self.lab.concord.get(f"/v1/zones/{self.name}/keys")["keys"]

    def tags(self):
        return {k["role"]: k["tag"] for k in self.own_keys()}

    def is_quiet(self):
        return all(k["state"] == "active" for k in self.own_keys())

    def rolls(self, role):
        yield self.is_quiet, "the parent has its DS"
        before, n = self.tags(), len(self.own_keys())
        self.lab.concord.ctl("key", "roll", self.name, *(["--role", role] if n > 1 else []))
        yield lambda: self.tags()[role] != before[role] and self.is_quiet() and len(self.own_keys()) == n, "the roll ends"

    def rolls_its_algorithm(self):
        yield self.is_quiet, "the parent has its DS"
        self.algorithm = "ed25519"
        self.lab.configure()
        self.lab.concord.ctl("reload")
        yield lambda: len(self.own_keys()) == 2 and all(k["algorithm"] == 15 for k in self.own_keys()) and self.is_quiet(), "the algorithm has changed"
        states = re.findall(re.escape(f"[{self.name}] key: ") + r".*-> (\w+)", self.lab.concord.log())
        assert {"published", "ready", "active", "retired", "postsigning", "removed"} <= set(states)


class Lab(GroupLab):
    def __init__(self, tmp_path, daemons):
        super().__init__(tmp_path, daemons)
        self.concord = Concord(tmp_path / "concord", CONCORD, 53)
        self.zsk, self.ksk, self.csk, self.algorithm = (Rolling(self, "zsk"), Rolling(self, "ksk"), Rolling(self, "csk", "csk"), Rolling(self, "algorithm"))
        self.rolling = [self.zsk, self.ksk, self.csk, self.algorithm]
        self.kills, self.seen = 0, None
        for r in self.rolling:
            self.concord.zone(r.name, zone_text(r.name, [HOST]), signing=r.label, parent=f"[{PARENT_ADDRESS}]")
        self.configure()
        self.add(self.concord)
        for r in self.rolling:
            zone = self.add_zone(r.name, {HOST: self.concord})
            zone.delegate([HOST], [d.split(" DS ")[1].lower() for d in self.concord.ds(r.name)])
        self.start_parent()
        self.on_tick.append(self.kill_at_each_step)

    def configure(self):
        self.concord.extra = "signing:\n" + "".join(SIGNING.format(label=r.label, algorithm=r.algorithm, keys=r.keys) for r in self.rolling)
        self.concord.write_config()

    def kill_at_each_step(self):
        now = [sorted((k["tag"], k["state"], k["signs_zone"]) for k in r.own_keys()) for r in (self.algorithm, self.csk)]
        if self.seen not in (None, now):
            self.concord.kill()
            self.kills += 1
        self.seen = now


def test_rolls_of_each_kind_are_never_bogus_and_survive_kill_9_at_each_step(tmp_path, daemons):
    lab = Lab(tmp_path, daemons)
    lab.run({"zsk": lab.zsk.rolls("zsk"), "ksk": lab.ksk.rolls("ksk"), "csk": lab.csk.rolls("csk"), "algorithm": lab.algorithm.rolls_its_algorithm()})
    assert lab.kills >= 5
    print(lab.finish(), f"{lab.kills} kills")


ZONE = zone_name("shop")
ZONE_TEXT = zone_text(ZONE, [HOST])


def signed_by_bind(directory):
    old = Bind(directory, CONCORD)
    old.zone(ZONE, ZONE_TEXT)
    return old, lambda: sorted(str(p) for p in old.dir.glob("K*.private"))


def signed_by_knot(directory):
    old = Knot(directory, CONCORD, 53)
    old.zone(ZONE, ZONE_TEXT)

    def what_to_adopt():
        listing = old.dir / "listing"
        done = subprocess.run(["keymgr", "-c", str(old.dir / "knot.conf"), ZONE, "list", "unix"], capture_output=True, text=True, check=True)
        listing.write_text(done.stdout)
        for pem in (old.dir / "keys" / "keys").glob("*.pem"):
            pem.chmod(0o600)  # Knot's group may read them
        return [str(listing), "--knot", str(old.dir / "keys" / "keys")]

    return old, what_to_adopt


@pytest.mark.parametrize("maker", [signed_by_bind, signed_by_knot], ids=["bind", "knot"])
def test_a_zone_of_another_signer_is_taken_over_without_a_gap(tmp_path, daemons, maker):
    """The zone stands at another server with its DS at the parent; then Concord serves it with that one's keys."""
    old, what_to_adopt = maker(tmp_path / "old")
    daemons.append(old)
    old.start()
    asked = [(f"www.{ZONE}", "A"), (ZONE, "DNSKEY"), (f"x.w.{ZONE}", "A")]
    wait_until(lambda: Bind.is_signed(old, asked), "it has signed", 60)
    keys = old.ask(ZONE, "DNSKEY", do=True).answer[0]
    name = dns.name.from_text(ZONE)
    ds = [dns.dnssec.make_ds(name, k, "SHA256").to_text() for k in keys if k.flags == 257]
    parent = Parent(tmp_path / "parent", PARENT_ADDRESS)
    parent.delegate(ZONE, {HOST: CONCORD}, [HOST], ds)
    daemons.append(parent)
    parent.start()
    unbound = Unbound(tmp_path / "unbound", RESOLVERS[0])
    unbound.parent(PARENT, PARENT_ADDRESS, 53, [parent.wait_signed()])
    daemons.append(unbound)
    unbound.start()

    def is_secure(name):
        answer = unbound.ask(name, "A", do=True, rd=True, timeout=10)
        return answer.rcode() == dns.rcode.NOERROR and bool(answer.flags & dns.flags.AD)

    assert is_secure(f"before.w.{ZONE}")
    concord = Concord(tmp_path / "concord", "127.0.2.9", 53)
    concord.zone(ZONE, ZONE_TEXT)
    concord.write_config()
    daemons.append(concord)
    concord.start()
    told = concord.ctl("zone", "adopt", ZONE, *what_to_adopt())
    assert {k["tag"] for k in told["keys"]} == {dns.dnssec.key_id(k) for k in keys}
    assert {k["state"] for k in told["keys"]} <= {"active", "ready"}  # Knot waits to be told of the DS: ready
    concord.stop()
    concord.listen = [f"{CONCORD}@53"]
    concord.address = CONCORD
    concord.write_config()
    old.stop()
    concord.start()
    for i in range(20):
        assert is_secure(f"after{i}.w.{ZONE}"), i
    assert concord.ds(ZONE)[0].split(" IN DS ")[1].lower() in [d.lower() for d in ds]
    assert len(list((concord.dir / "state" / "keys" / ZONE).glob("*.private"))) >= 2
