# SPDX-License-Identifier: Apache-2.0
"""Groups of Concord with BIND, Knot, PowerDNS and a second Concord: one zone each, on the same daemons. Concord puts into the others what a group
decides, by dynamic update and by PowerDNS' API; nobody touches them by hand."""
import dns.exception

from lab.daemons import Bind, Concord, free_port
from lab.group_lab import ADDRESSES, HOSTS, PARENT_ADDRESS, GroupLab, zone_name, zone_text
from lab.members import BindMember, KnotMember, PowerDnsMember, keys_of, served
from lab.scenario import after
from lab.wait import wait_until

PLACES = {"concord": "a", "bind": "b", "knot": "c", "powerdns": "d", "other": "e"}  # "other" is a Concord too
KINDS = {"bind": BindMember, "knot": KnotMember, "powerdns": PowerDnsMember}
PEERS = """tsig-keys:
  - {{name: peer, algorithm: hmac-sha256, secret: {secret}}}
remotes:
  - {{id: bind, address: {bind}, key: peer}}
  - {{id: knot, address: {knot}, key: peer}}
peers:
  - {{id: bind, service: update, remote: bind, push: [keys, cds, ns, csync]}}
  - {{id: knot, service: update, remote: knot, push: [keys, cds, ns, csync]}}
  - {{id: powerdns, service: powerdns, url: "http://127.0.0.1:{api}", token: powerdns.token, push: [keys, cds, ns, csync]}}
"""
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
GROUP = """  - id: {label}
    signer: {self}
    poll: 1s
    fresh: 4s
    propagation: 0s
    signers:
"""


def host_of(signer):
    return HOSTS[PLACES[signer]]


def address_of(signer):
    return ADDRESSES[host_of(signer)]


class Groups:
    """`wanted`: {label: options of Group}."""

    def __init__(self, tmp_path, daemons, wanted):
        self.lab, self.dir, self.kills = GroupLab(tmp_path, daemons), tmp_path, 0
        self.api = free_port()
        kinds = {s for options in wanted.values() for s in options["signers"]}
        self.concords = {n: Concord(tmp_path / n, address_of(n), 53) for n in ("concord", "other") if n in kinds}
        self.members = {n: KINDS[n](tmp_path / n, address_of(n), 53) for n in KINDS if n in kinds}
        if "powerdns" in self.members:
            self.members["powerdns"].api_key, self.members["powerdns"].api_port = "of-the-tests", self.api
        self.groups = {label: Group(self, label, **options) for label, options in wanted.items()}
        self.start()

    def daemon(self, signer):
        return self.concords.get(signer) or self.members[signer]

    def start(self):
        for name, c in self.concords.items():
            (c.dir / "powerdns.token").write_text("of-the-tests\n")
            (c.dir / "powerdns.token").chmod(0o600)
            for g in self.groups.values():
                if name in g.signers:
                    c.zone(g.name, g.text(name), signing=g.label, group=g.label, parent=f"[{PARENT_ADDRESS}]")
        self.configure()
        for name, m in self.members.items():
            for g in self.groups.values():
                if name in g.signers:
                    m.sign(g.name, g.text(name), g.keys)
        for d in (*self.concords.values(), *self.members.values()):
            self.lab.add(d)
        for g in self.groups.values():
            g.begin()
        self.lab.start_parent()

    def configure(self):
        for name, c in self.concords.items():
            mine = [g for g in self.groups.values() if name in g.signers]
            peers = PEERS.format(secret=Bind.SECRET, bind=address_of("bind"), knot=address_of("knot"), api=self.api)
            c.extra = "".join([peers if name == "concord" else "", "signing:\n", *[g.signing(name) for g in mine], "groups:\n", *[g.group(name) for g in mine]])
            c.write_config()
            c.config.chmod(0o600)

    def kill(self, name):
        self.concords[name].kill()
        self.kills += 1

    def kill_at_each_step_of(self, group):
        """Both Concords, whenever a signer or a key has taken a step there: all other zones meet that where they happen to be."""
        seen = {}

        def act():
            for name in group.concords():
                now = (group.states(name), [(k["tag"], k["state"]) for k in group.own_keys(name)])
                if seen.get(name) not in (None, now):
                    self.kill(name)
                seen[name] = now

        self.lab.on_tick.append(act)


class Group:
    """One zone. The first Concord has it, and its DS; the others come."""

    def __init__(self, groups, label, signers, keys="ksk-zsk", algorithm="ecdsap256sha256", foreign_ds=(), reads=("CDS", "CDNSKEY")):
        self.all, self.label, self.name = groups, label, zone_name(label)
        self.signers, self.keys, self.algorithm, self.foreign_ds, self.reads = signers, keys, algorithm, list(foreign_ds), reads
        self.algorithms = {}  # of Concords that have been told of another one

    # ---- configuration ----

    def text(self, signer):
        return zone_text(self.name, [host_of(signer)])

    def signing(self, me):
        return SIGNING.format(label=self.label, algorithm=self.algorithms.get(me, self.algorithm), keys=self.keys)

    def group(self, me):
        return GROUP.format(label=self.label, self=me) + "".join(
            f"      - name: {s}\n        servers: [{{name: {host_of(s)}, address: {address_of(s)}}}]\n" for s in self.signers)

    def begin(self):
        for s in self.signers:
            if s in self.all.members:
                m = self.all.members[s]
                wait_until(lambda m=m: m.is_signed(self.name), f"{s} has signed {self.name}", 90)
                m.remember_own(self.name)
        self.zone = self.all.lab.add_zone(self.name, {host_of(s): self.all.daemon(s) for s in self.signers})
        first = [d.split(" DS ")[1].lower() for d in self.all.concords["concord"].ds(self.name)]
        self.zone.delegate([host_of("concord")], first + self.foreign_ds).reads = self.reads

    # ---- what is seen ----

    @property
    def parent(self):
        return self.zone.delegation

    def concords(self):
        return [n for n in self.all.concords if n in self.signers]

    def ctl(self, at, *args):
        return self.all.concords[at].ctl(*args)

    def states(self, at="concord"):
        return {s["name"]: s["state"] for s in self.all.concords[at].get(f"/v1/zones/{self.name}/group")["signers"]}

    def own_keys(self, at):
        return [k for k in self.all.concords[at].get(f"/v1/zones/{self.name}/keys")["keys"] if k["origin"] == "own"]

    def tags(self, at, role):
        return {k["tag"] for k in self.own_keys(at) if k["role"] == role}

    def is_quiet(self, at):
        return all(k["state"] == "active" for k in self.own_keys(at))

    def members(self):
        return {s for s, state in self.states().items() if state == "member"}

    def told(self):
        return [self.all.concords[n].get(f"/v1/zones/{self.name}/group")["sentence"] for n in self.concords()]

    # ---- processes: generators of what they wait for ----

    def introduce(self):
        """Who comes is trusted because somebody said which keys it has: the parent has no DS of it yet."""
        texts = {s: "".join(f"{self.name} 1 IN DNSKEY {k.to_text()}\n" for k in keys_of(self.all.daemon(s), self.name)) for s in self.signers}
        for s in self.signers:
            for other in self.concords():
                if other != s:
                    path = self.all.concords[other].dir / f"{self.label}.{s}.keys"
                    path.write_text(texts[s])
                    self.ctl(other, "key", "set", self.name, s, path)

    def join(self):
        self.introduce()
        for n in self.concords():
            self.ctl(n, "group", "start", self.name, "join")
        yield lambda: all(s == "member" for n in self.concords() for s in self.states(n).values()), "all are members"
        assert sorted(self.parent.hosts) == sorted(map(host_of, self.signers))
        self.check_ds()

    def check_ds(self):
        """One of each who is in, and what is of nobody here."""
        assert len(self.parent.ds) == len(self.members()) + len(self.foreign_ds), self.parent.ds
        assert set(self.foreign_ds) <= set(self.parent.ds)

    def roll(self, role, at="concord"):
        before = self.tags(at, role)
        self.ctl(at, "group", "start", self.name, f"{role}-roll")
        yield lambda: self.tags(at, role) != before and len(self.tags(at, role)) == 1 and self.is_quiet(at), f"the {role} roll of {at}"
        self.check_ds()

    def algorithm_rolls(self):
        """One signer is told, then the others: the parent is asked when all are ready."""
        first, *others = self.concords()
        for n in (first, *others):
            self.algorithms[n] = "ed25519"
            self.all.configure()
            self.ctl(n, "reload")
            if n == first:
                yield lambda: f"algorithm 15 comes to the parent; {others[0]} acts next" in self.told()[0], "one waits for the other"
        yield lambda: all({k["algorithm"] for k in self.own_keys(n)} == {15} and self.is_quiet(n) for n in self.concords()), "all have gone over"
        assert {d.split()[1] for d in self.parent.ds} == {"15"}
        self.check_ds()

    def peer_rolls(self, name, role):
        """By its own clock: nobody here has a say in it."""
        member = self.all.members[name]
        before = set(member.own[self.name])
        for condition, what in member.roll(self.name, role, self.parent, self.carries):
            yield condition, what
        here = served(member, self.name, "DNSKEY")
        gone = {k for k in before if k not in here}
        assert gone, before
        yield lambda: not gone & served(self.all.concords["concord"], self.name, "DNSKEY"), f"Concord has dropped what {name} dropped"
        yield lambda: len(self.parent.ds) == len(self.members()) + len(self.foreign_ds), f"the parent has one DS of {name}"
        self.check_ds()

    def roles_of(self, name):
        """Of the keys that this one can roll by itself: PowerDNS' way for a CSK is another."""
        return [] if self.keys == "csk" and name == "powerdns" else self.keys.split("-")

    def leave(self, name):
        others = [n for n in self.concords() if n != name]
        self.ctl(others[0], "group", "start", self.name, "leave", name)
        for n in self.concords():
            if n != others[0]:
                self.all.concords[n].ctl_raw("group", "start", self.name, "leave", name)
        yield lambda: all(self.states(n)[name] == "gone" for n in others), f"{name} is gone"
        assert host_of(name) not in self.parent.hosts
        self.check_ds()

    def carries(self, keys):
        """All signers serve these keys."""
        try:
            return all(keys <= served(self.all.daemon(s), self.name, "DNSKEY") for s in self.signers)
        except (dns.exception.DNSException, OSError):
            return False

    def down_for(self, name, seconds):
        """A signer of the others stops, and comes back."""
        member = self.all.members[name]
        member.stop()
        yield after(seconds), f"{name} is down"
        member.start()

    def check_crossed(self):
        """CDS and CDNSKEY of each signer were judged under the DNSKEY sets of the others."""
        crossed = self.zone.recorder.crossed
        assert set(crossed) == {host_of(s) for s in self.signers}, crossed
