# SPDX-License-Identifier: Apache-2.0
"""Rolls over the wire: BIND serves the parent and takes CDS, a validating Unbound asks all the while, TTLs are seconds.

Nothing that the resolver gets may be bogus, and each roll must end; the daemon is killed at each step."""
import re
import signal
import subprocess
import time

import dns.dnssec
import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lab.daemons import Bind, Concord, Daemon, Unbound
from lab.peers import Knot
from lab.wait import wait_until

PARENT, ZONE = "parent.example.", "shop.parent.example."
PARENT_ADDRESS, CONCORD, RESOLVER = "127.0.1.1", "127.0.1.2", "127.0.1.4"  # those that the namespace has
POLICY = """signing:
  - id: quick
    algorithm: {algorithm}
    keys: {keys}
    dnskey-ttl: 1
    propagation-delay: 0
    parent-propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
    parent-check: 1
"""
ZONE_TEXT = f"""$TTL 1
@ IN SOA ns1.{ZONE} hostmaster.{ZONE} 1 7200 3600 1209600 1
@ IN NS ns1.{ZONE}
ns1 IN A {CONCORD}
*.w IN A 192.0.2.77
www IN A 192.0.2.1
"""


class Parent(Bind):
    """BIND signs the parent; its DS records change by dynamic update."""

    def start_with(self, ds):
        text = "\n".join([
            "$TTL 1", f"@ IN SOA ns.{PARENT} hostmaster.{PARENT} 1 7200 3600 1209600 1", f"@ IN NS ns.{PARENT}",
            f"ns IN A {PARENT_ADDRESS}", f"{ZONE} IN NS ns1.{ZONE}", f"ns1.{ZONE} IN A {CONCORD}"]
            + [f"{ZONE} 1 IN DS {d}" for d in ds]) + "\n"
        self.zone(PARENT, text)
        return self

    def anchor(self):
        keys = self.ask(PARENT, "DNSKEY", do=True)
        found = [k for k in keys.answer[0] if k.flags == 257] if keys.answer else []
        return f"{PARENT} IN DNSKEY {found[0].to_text()}" if found else None

    def follow(self, cds):
        """What a parent that reads CDS does."""
        self.update(f"update delete {ZONE} DS", *[f"update add {ZONE} 1 DS {d}" for d in cds])


def is_signed(server, names):
    """All that it answers has signatures."""
    return Bind.is_signed(server, names)


class Lab:
    def __init__(self, tmp_path, daemons, keys="ksk-zsk", algorithm="ecdsap256sha256"):
        self.concord = Concord(tmp_path / "concord", CONCORD, 53)
        self.algorithm, self.keys = algorithm, keys
        self.concord.zone(ZONE, ZONE_TEXT, signing="quick", parent=f"[{PARENT_ADDRESS}]")
        self.configure()
        self.parent = Parent(tmp_path / "parent", PARENT_ADDRESS)
        self.unbound = Unbound(tmp_path / "unbound", RESOLVER)
        daemons += [self.concord, self.parent, self.unbound]
        self.asked, self.bogus, self.n = 0, [], 0
        self.told_ds = None
        self.concord.start()
        self.parent.start_with([]).start()
        anchor = wait_until(self.parent.anchor, "the parent is signed")
        wait_until(lambda: self.parent.is_signed([(f"ns.{PARENT}", "A"), (ZONE, "DS")]), "all of the parent is signed", 60)
        self.unbound.parent(PARENT, PARENT_ADDRESS, 53, [anchor])
        text = (self.unbound.dir / "unbound.conf").read_text()
        (self.unbound.dir / "unbound.conf").write_text(
            text.replace("server:\n", "server:\n  harden-algo-downgrade: yes\n  cache-min-ttl: 0\n", 1))
        self.unbound.start()

    def configure(self):
        self.concord.extra = POLICY.format(algorithm=self.algorithm, keys=self.keys)
        self.concord.write_config()

    def own_keys(self):
        return self.concord.ctl("key", "list", ZONE)["keys"]

    def step(self):
        """One round: the parent reads CDS, the resolver is asked; True when nothing is in motion."""
        cds = self.concord.ask(ZONE, "CDS", do=True, timeout=2)
        wanted = sorted(d.to_text() for d in cds.answer[0]) if cds.answer else None
        if wanted and wanted != self.told_ds:
            self.parent.follow(wanted)
            self.told_ds = wanted
        self.n += 1
        for name, rdtype in ((f"www.{ZONE}", "A"), (f"n{self.n}.w.{ZONE}", "A"), (f"no{self.n}.{ZONE}", "A"), (ZONE, "DNSKEY"),
                             (ZONE, "SOA")):
            answer = self.unbound.ask(name, rdtype, do=True, rd=True, timeout=10)
            self.asked += 1
            if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                self.bogus.append((self.n, name, rdtype, dns.rcode.to_text(answer.rcode())))
            self.secure = bool(answer.flags & dns.flags.AD)

    def run_until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.step()
            assert time.monotonic() < end, (what, self.own_keys(), self.concord.log()[-3000:])

    def is_quiet(self):
        return all(k["state"] == "active" for k in self.own_keys())

    def delegate(self):
        self.run_until(lambda: self.is_quiet() and self.secure, "the zone is delegated and secure")

    def finish(self):
        for _ in range(5):
            self.step()
        assert self.secure and not self.bogus, self.bogus[:10]
        assert self.asked > 20


@pytest.fixture
def lab(tmp_path, daemons):
    return lambda **options: Lab(tmp_path, daemons, **options)


def tags(lab):
    return {k["role"]: k["tag"] for k in lab.own_keys()}


@pytest.mark.parametrize("role", ["zsk", "ksk"])
def test_a_roll_is_never_bogus(lab, role):
    lab = lab()
    lab.delegate()
    before = tags(lab)
    lab.concord.ctl("key", "roll", ZONE, "--role", role)
    lab.run_until(lambda: tags(lab)[role] != before[role] and lab.is_quiet() and len(lab.own_keys()) == 2, "the roll ends")
    lab.finish()


def test_a_csk_roll_is_never_bogus(lab):
    lab = lab(keys="csk")
    lab.delegate()
    before = tags(lab)
    lab.concord.ctl("key", "roll", ZONE)
    lab.run_until(lambda: len(lab.own_keys()) == 1 and tags(lab) != before and lab.is_quiet(), "the roll ends")
    lab.finish()


def test_an_algorithm_roll_is_never_bogus_and_survives_kill_9_at_each_step(lab):
    lab = lab()
    lab.delegate()
    lab.algorithm = "ed25519"
    lab.configure()
    lab.concord.ctl("reload")
    seen, kills = None, 0

    def is_done():
        nonlocal seen, kills
        now = sorted((k["tag"], k["state"], k["signs_zone"]) for k in lab.own_keys())
        if now != seen:
            seen = now
            lab.concord.process.send_signal(signal.SIGKILL)
            lab.concord.process.wait()
            lab.concord.start()
            kills += 1
        keys = lab.own_keys()
        return all(k["algorithm"] == 15 for k in keys) and len(keys) == 2 and lab.is_quiet()

    lab.run_until(is_done, "the algorithm has changed", 120)
    assert kills >= 5
    lab.finish()
    states = re.findall(r"-> (\w+)", lab.concord.log())
    assert {"published", "ready", "active", "retired", "postsigning", "removed"} <= set(states)


def signed_by_bind(directory):
    old = Bind(directory, CONCORD)
    old.zone(ZONE, ZONE_TEXT)
    return old, lambda: sorted(str(p) for p in old.dir.glob("K*.private"))


def signed_by_knot(directory):
    old = Knot(directory, CONCORD, 53)
    old.configure(ZONE, ZONE_TEXT)

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
    wait_until(lambda: is_signed(old, asked), "it has signed", 60)
    keys = old.ask(ZONE, "DNSKEY", do=True).answer[0]
    name = dns.name.from_text(ZONE)
    ds = [dns.dnssec.make_ds(name, k, "SHA256").to_text() for k in keys if k.flags == 257]
    parent = Parent(tmp_path / "parent", PARENT_ADDRESS).start_with(ds)
    daemons.append(parent)
    parent.start()
    anchor = wait_until(parent.anchor, "the parent is signed")
    wait_until(lambda: parent.is_signed([(ZONE, "DS")]), "all of the parent is signed", 60)
    unbound = Unbound(tmp_path / "unbound", RESOLVER)
    unbound.parent(PARENT, PARENT_ADDRESS, 53, [anchor])
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
