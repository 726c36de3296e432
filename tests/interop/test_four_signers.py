# SPDX-License-Identifier: Apache-2.0
"""Concord, BIND, Knot and PowerDNS sign one zone at once (RFC 8901, Model 2), run by hand: three join, Concord rolls its ZSK and its KSK, BIND leaves.

Every signer carries every key, key-signing keys too, so that CDS and CDNSKEY, which BIND signs with its KSK alone, validate under each set."""
import os
import signal

import pytest

from lab.daemons import Concord
from lab.group_lab import ADDRESSES, HOSTS, PARENT_ADDRESS, TTL, ZONE, GroupLab, zone_text
from lab.members import BindMember, KnotMember, PowerDnsMember, one_line
from lab.wait import wait_until

SIGNING = """signing:
  - {id: quick, dnskey-ttl: 1, propagation-delay: 0, parent-propagation-delay: 0, safety-margin: 0, parent-ds-ttl: 1, parent-check: 1, cds: never}
"""
WAIT = TTL + 1
LONG = "CONCORD_LAB_LONG" in os.environ  # an outage, a roll of the ZSK, and all of it again with kill -9
FOREIGN_DS = "4711 13 2 " + 32 * "ab"
OTHERS = {"bind": (BindMember, HOSTS["b"]), "knot": (KnotMember, HOSTS["c"]), "powerdns": (PowerDnsMember, HOSTS["d"])}
SIGNED = [("www." + ZONE, "A"), (ZONE, "DNSKEY"), ("no." + ZONE, "A")]


class Four:
    def __init__(self, tmp_path, daemons):
        self.lab = GroupLab(tmp_path, daemons, scans=False)
        self.concord = Concord(tmp_path / "concord", ADDRESSES[HOSTS["a"]], 53)
        self.concord.zone(ZONE, zone_text([HOSTS["a"]]), signing="quick", parent=f"[{PARENT_ADDRESS}]")
        self.concord.extra = SIGNING
        self.concord.write_config()
        self.lab.add(HOSTS["a"], self.concord)
        self.members = {}
        for name, (kind, host) in OTHERS.items():
            member = kind(tmp_path / name, ADDRESSES[host]).configure(ZONE, zone_text([host]))
            self.lab.add(host, member)
            wait_until(lambda m=member: all(any(r.rdtype == 46 for r in a.answer + a.authority) for a in [m.ask(n, t, do=True) for n, t in SIGNED]),
                       f"{name} has signed", 60)
            self.members[name] = member.remember_own(ZONE)
        self.serial = 1
        self.lab.start_parent([HOSTS["a"]], self.concord_ds())

    def concord_ds(self):
        return [d.split(" DS ")[1].lower() for d in self.concord.ds(ZONE)]

    def concord_keys(self):
        """Those that stand in its set."""
        served = {one_line(k.to_text()) for k in self.concord.ask(ZONE, "DNSKEY", do=True, tcp=True).answer[0]}
        own = {one_line(k["dnskey"].split(" DNSKEY ")[1]) for k in self.concord.ctl("key", "list", ZONE)["keys"] if k["origin"] == "own"}
        return served & own

    def exchange(self):
        """Each gets what the others have now, and loses what they have no more."""
        keys = {"concord": self.concord_keys(), **{n: m.own["DNSKEY"] for n, m in self.members.items()}}
        for name, member in self.members.items():
            wanted, here = set().union(*keys.values()), member.served(ZONE, "DNSKEY")
            add, drop = wanted - here, here - wanted
            if add or drop:
                member.change("DNSKEY", sorted(add), sorted(drop))
            wait_until(lambda m=member, w=wanted: m.served(ZONE, "DNSKEY") == w, f"{name} serves all keys")
            path = self.concord.dir / f"{name}.keys"
            path.write_text("".join(f"{ZONE} 1 IN DNSKEY {k}\n" for k in sorted(keys[name])))
            self.concord.ctl("key", "set", ZONE, name, path)

    def set_ns(self, hosts):
        self.serial += 1
        self.concord.file(ZONE.rstrip(".") + ".zone", zone_text(hosts, self.serial))
        self.concord.ctl("reload")
        for member in self.members.values():
            here = member.served(ZONE, "NS")
            add, drop = set(hosts) - here, here - set(hosts)
            if add or drop:
                member.change("NS", sorted(add), sorted(drop))
        self.lab.parent.set_ns(hosts)
        self.lab.run_for(WAIT)

    def set_ds(self):
        self.lab.parent.set_ds(self.everybodys_ds())
        self.lab.run_for(WAIT)

    def own(self, role):
        return {k["tag"]: k["state"] for k in self.concord.ctl("key", "list", ZONE)["keys"] if k["origin"] == "own" and k["role"] == role}

    def roll(self, role):
        """The others get the new key before it is used, and lose the old one when it is gone here."""
        before = set(self.own(role))
        self.concord.ctl("key", "roll", ZONE, "--role", role)
        wait_until(lambda: set(self.own(role)) - before, "there is a new key")
        (new,) = set(self.own(role)) - before
        self.exchange()
        self.concord.ctl("key", "seen", ZONE, new)

        def is_over():
            if role == "ksk" and self.own(role).get(new) == "ready" and self.lab.parent.ds != sorted(self.everybodys_ds()):
                self.lab.parent.set_ds(self.everybodys_ds())
            return self.own(role) == {new: "active"}

        self.lab.run_until(is_over, f"the {role} roll ends", 60)
        self.exchange()
        self.lab.run_for(WAIT)

    def everybodys_ds(self):
        """One is of nobody here: another provider's, or forgotten. It is none of our business."""
        return [*self.concord_ds(), *[d for m in self.members.values() for d in m.own_ds()], FOREIGN_DS]

    def leave(self, name, host, left):
        self.set_ns(left)
        self.lab.run_for(WAIT)
        self.members.pop(name).stop()
        self.set_ds()
        path = self.concord.dir / "none"
        path.write_text("")
        self.concord.ctl("key", "set", ZONE, name, path, "--force")
        self.exchange()
        self.lab.run_for(WAIT)


@pytest.fixture
def four(tmp_path, daemons):
    return Four(tmp_path, daemons)


def run(four):
    four.exchange()
    assert len(four.concord.ask(ZONE, "DNSKEY", do=True, tcp=True).answer[0]) == 8
    (ksk,) = four.own("ksk")
    four.concord.ctl("key", "seen", ZONE, ksk)
    four.lab.run_for(WAIT)
    four.set_ds()
    four.lab.run_until(lambda: four.own("ksk") == {ksk: "active"}, "Concord knows that the parent has its DS")
    assert len(four.lab.parent.ds) == 5
    four.set_ns([HOSTS[h] for h in "abcd"])
    if LONG:
        four.members["knot"].stop()
        four.lab.run_for(3)
        four.members["knot"].start()
        four.lab.run_for(1)
        four.roll("zsk")
    four.roll("ksk")
    four.leave("bind", HOSTS["b"], [HOSTS[h] for h in "acd"])
    judged = four.lab.finish()
    assert judged > 500, judged
    return f"{four.lab.recorder.seen} answers, {judged} pairs, {four.lab.asked} asked of the resolvers, {len(four.lab.recorder.missed)} times silence"


class Killer:
    """Concord is killed whenever a key of its has taken a step."""

    def __init__(self, concord):
        self.concord, self.seen, self.kills = concord, None, 0

    def __call__(self):
        now = [(k["tag"], k["state"], k.get("signs_zone")) for k in self.concord.ctl("key", "list", ZONE)["keys"]]
        if self.seen not in (None, now):
            self.concord.process.send_signal(signal.SIGKILL)
            self.concord.process.wait()
            self.concord.start()
            self.kills += 1
        self.seen = now


@pytest.mark.parametrize("kill", [False, True] if LONG else [False])
def test_four_kinds_of_signers_at_once_through_joins_rolls_and_a_leave(four, kill):
    killer = Killer(four.concord)
    if kill:
        four.lab.on_tick = killer
    print(run(four))
    assert killer.kills >= 6 or not kill
