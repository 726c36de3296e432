# SPDX-License-Identifier: Apache-2.0
"""Groups of signers from the first join to the last leave, below a parent that scans CDS and CSYNC: every answer of every signer is recorded each
half second, and no pair that a resolver may hold is bogus. Where a signer knows nothing of groups, what its provider would put there is put there
from what Concord serves."""
import os
import signal

import dns.exception
import pytest

from lab.daemons import Concord
from lab.group_lab import ADDRESSES, HOSTS, PARENT_ADDRESS, ZONE, GroupLab, zone_text
from lab.members import BindMember, KnotMember, PowerDnsMember
from lab.wait import wait_until

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
groups:
  - id: all
    signer: {self}
    poll: 1s
    propagation: 0s
    signers:
{signers}
"""
OTHERS = {"bind": BindMember, "knot": KnotMember, "powerdns": PowerDnsMember}
SIGNED = [("www." + ZONE, "A"), (ZONE, "DNSKEY"), ("no." + ZONE, "A")]
# All of it takes many minutes: CONCORD_LAB_MIXES names the groups ("concord+concord concord+knot concord+bind+powerdns"), and with
# CONCORD_LAB_LONG keys are rolled, and Concord is killed at each step, as well.
MIXES = os.environ.get("CONCORD_LAB_MIXES", "concord+bind").split()
LONG = "CONCORD_LAB_LONG" in os.environ


class Group:
    """The first signer has the zone and its DS; the others come."""

    def __init__(self, tmp_path, daemons, mix, keys="ksk-zsk"):
        self.lab = GroupLab(tmp_path, daemons)
        self.dir, self.keys, self.algorithm = tmp_path, keys, "ecdsap256sha256"
        self.hosts = {}
        for kind, name in zip(("concord", *mix.split("+")[1:]), ("a", "b", "c", "d")):
            self.hosts[f"{kind}-{name}"] = HOSTS[name]
        self.concords, self.members = {}, {}
        for name, host in self.hosts.items():
            if name.startswith("concord"):
                self.concords[name] = Concord(tmp_path / name, ADDRESSES[host], 53)
                self.concords[name].zone(ZONE, zone_text([host]), signing="quick", group="all", parent=f"[{PARENT_ADDRESS}]")
                self.configure(name)
                self.lab.add(host, self.concords[name])
        for name, host in self.hosts.items():
            if not name.startswith("concord"):
                member = OTHERS[name.split("-")[0]](tmp_path / name, ADDRESSES[host])
                self.members[name] = self.lab.add(host, member.configure(ZONE, zone_text([host])))
                wait_until(lambda m=member: self.is_signed(m), f"{name} has signed", 60)
                member.remember_own(ZONE)
        self.first = self.concords["concord-a"]
        self.lab.start_parent([HOSTS["a"]], [d.split(" DS ")[1].lower() for d in self.first.ds(ZONE)])

    @staticmethod
    def is_signed(daemon):
        try:
            return all(any(r.rdtype == 46 for r in a.answer + a.authority) for a in [daemon.ask(n, t, do=True) for n, t in SIGNED])
        except (dns.exception.DNSException, OSError):
            return False

    def configure(self, name):
        lines = [f"      - name: {n}\n        servers: [{{name: {h}, address: {ADDRESSES[h]}}}]" for n, h in self.hosts.items()]
        c = self.concords[name]
        c.extra = POLICY.format(algorithm=self.algorithm, keys=self.keys, self=name, signers="\n".join(lines))
        c.write_config()

    def states(self, at="concord-a"):
        return {s["name"]: s["state"] for s in self.concords[at].ctl("group", "status", ZONE)["signers"]}

    def step(self):
        """What providers would do."""
        for m in self.members.values():
            try:
                m.copy_from(self.first)
            except (dns.exception.DNSException, OSError):
                continue

    def run_until(self, condition, what, seconds=120):
        def both():
            self.step()
            return condition()
        self.lab.run_until(both, (what, [c.ctl("group", "status", ZONE)["sentence"] for c in self.concords.values()]), seconds)

    def start(self, process, signer=None, at=None):
        for name, c in self.concords.items():
            if at in (None, name):
                c.ctl("group", "start", ZONE, process, *([signer] if signer else []))

    def tags(self, name, role):
        return {k["tag"] for k in self.concords[name].ctl("key", "list", ZONE)["keys"] if k["origin"] == "own" and k["role"] == role}

    def own(self, name):
        return [k for k in self.concords[name].ctl("key", "list", ZONE)["keys"] if k["origin"] == "own"]

    def is_quiet(self, name):
        return all(k["state"] == "active" for k in self.own(name))

    # ---- processes ----

    def introduce(self):
        """Who comes is trusted because somebody said which keys it has: the parent has no DS of it yet."""
        own = {name: [k.to_text() for k in self.lab.signers[host].ask(ZONE, "DNSKEY", do=True, tcp=True).answer[0]]
               for name, host in self.hosts.items()}
        for name, texts in own.items():
            keys = [f"{ZONE} 1 IN DNSKEY {k}" for k in texts]
            for other, c in self.concords.items():
                if other == name:
                    continue
                path = c.dir / f"{name}.keys"
                path.write_text("\n".join(keys) + "\n")
                c.ctl("key", "set", ZONE, name, path)

    def join(self):
        self.introduce()
        self.start("join")
        self.run_until(lambda: all(s == "member" for at in self.concords for s in self.states(at).values()), "all are members", 180)
        assert sorted(self.lab.parent.hosts) == sorted(self.hosts.values())
        assert len(self.lab.parent.ds) == len(self.hosts)

    def roll(self, role, at="concord-a"):
        before = self.tags(at, role)
        self.start(f"{role}-roll", at=at)
        self.run_until(lambda: self.tags(at, role) != before and len(self.tags(at, role)) == 1 and self.is_quiet(at), f"the {role} roll of {at}")

    def leave(self, name):
        others = {n: c for n, c in self.concords.items() if n != name}
        self.start("leave", name, at=next(iter(others)))
        for n in self.concords:
            if n != next(iter(others)):
                self.concords[n].ctl_raw("group", "start", ZONE, "leave", name)
        self.run_until(lambda: all(self.states(n)[name] == "gone" for n in others), f"{name} is gone", 180)
        assert self.hosts[name] not in self.lab.parent.hosts


@pytest.fixture
def group(tmp_path, daemons):
    return lambda mix, **options: Group(tmp_path, daemons, mix, **options)


@pytest.mark.parametrize("kill", [False, True] if LONG else [False])
@pytest.mark.parametrize("mix", MIXES)
def test_a_group_joins_rolls_and_leaves_and_nobody_sees_anything_bogus(group, mix, kill):
    g = group(mix)
    if kill:
        killing(g)
    g.join()
    for name in g.concords if LONG else ():
        g.roll("zsk", at=name)
        g.roll("ksk", at=name)
    for name in list(g.hosts)[1:]:
        g.leave(name)
    assert g.lab.finish() > 100
    assert not kill or g.kills >= 6


def test_all_signers_go_over_to_another_algorithm_and_nobody_sees_anything_bogus(group):
    g = group("concord+concord")
    g.join()
    g.algorithm = "ed25519"
    for name in g.concords:
        g.configure(name)
        g.concords[name].ctl("reload")
        if name == "concord-a":
            g.run_until(lambda: "algorithm 15 comes to the parent; concord-b acts next" in g.first.ctl("group", "status", ZONE)["sentence"], "one waits")
    g.run_until(lambda: all({k["algorithm"] for k in g.own(name)} == {15} and g.is_quiet(name) for name in g.concords), "all have gone over")
    assert {d.split()[1] for d in g.lab.parent.ds} == {"15"} and len(g.lab.parent.ds) == 2
    assert g.lab.finish() > 100


def killing(g):
    """Concords are killed whenever they or their keys have taken a step."""
    seen, step = {}, g.step
    g.kills = 0

    def one():
        step()
        for name, c in g.concords.items():
            now = (g.states(name), [(k["tag"], k["state"]) for k in c.ctl("key", "list", ZONE)["keys"]])
            if seen.get(name) not in (None, now):
                c.process.send_signal(signal.SIGKILL)
                c.process.wait()
                c.start()
                g.kills += 1
            seen[name] = now
    g.step = one
