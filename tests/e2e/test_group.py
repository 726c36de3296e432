# SPDX-License-Identifier: Apache-2.0
"""Two Concords sign one zone together: the second joins, keys roll, it leaves; killed after each step. A parent in this process scans CDS and
CSYNC, and every DNSKEY set and answer that a resolver may hold is judged against every other (tests/lab/pairs.py)."""
import signal
import time

import dns.rdata
import dns.rdatatype
import pytest

from lab.daemons import Concord
from lab.pairs import Pairs
from lab.signers import Parent
from lab.wait import wait_until

ZONE = "shop.example."
NAMES = {"alpha": f"ns.alpha.{ZONE}", "beta": f"ns.beta.{ZONE}"}
GROUP = """signing:
  - id: quick
    algorithm: ecdsap256sha256
    keys: {keys}
    dnskey-ttl: 1
    propagation-delay: 0
    parent-propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
groups:
  - id: pair
    signer: {self}
    poll: 1s
    propagation: 0s
    signers:
      - name: alpha
        servers: [{{name: ns.alpha.{zone}, address: 127.0.0.1@{alpha}}}]
      - name: beta
        servers: [{{name: ns.beta.{zone}, address: 127.0.0.1@{beta}}}]
"""


def zone_text(signer):
    return f"""$TTL 1
@ IN SOA {NAMES[signer]} hostmaster 1 7200 3600 1209600 1
@ IN NS {NAMES[signer]}
ns.alpha IN A 127.0.0.1
ns.beta IN A 127.0.0.1
www IN A 192.0.2.1
"""


class Scanner(Parent):
    """Takes what every server of the delegation shows alike (RFC 7344, RFC 7477)."""

    ttl = 1

    def __init__(self, zone, lab):
        self.lab = lab
        super().__init__(zone, [], [NAMES["alpha"]])

    def scan(self):
        delegated = [s for s, name in NAMES.items() if name in self.ns]
        cds = [self.lab.records(s, "CDS") for s in delegated]
        if all(cds) and all(c == cds[0] for c in cds):
            self.ds = [dns.rdata.from_text("IN", "DS", text) for text in cds[0]]
        if all(self.lab.records(s, "CSYNC") for s in delegated):
            ns = [self.lab.records(s, "NS") for s in delegated]
            if all(n == ns[0] for n in ns) and ns[0]:
                self.ns = ns[0]


class Lab:
    def __init__(self, tmp_path, daemons, keys):
        self.signers = {name: Concord(tmp_path / name) for name in NAMES}
        self.parent = Scanner(ZONE, self)
        for name, c in self.signers.items():
            c.extra = GROUP.format(self=name, zone=ZONE, keys=keys, alpha=self.signers["alpha"].port, beta=self.signers["beta"].port)
            c.zone(ZONE, zone_text(name), signing="quick", group="pair", parent=f"[{self.parent.at}]")
            c.write_config()
            daemons.append(c)
            c.start()
        self.parent.ds = [dns.rdata.from_text("IN", "DS", d.split(" DS ")[1]) for d in self.signers["alpha"].ds(ZONE)]
        self.pairs = Pairs(ZONE)

    def records(self, signer, rdtype):
        answer = self.signers[signer].ask(ZONE, rdtype, do=True, timeout=2)
        found = [r for r in answer.answer if r.rdtype == dns.rdatatype.from_text(rdtype)]
        return sorted(r.to_text() for r in found[0]) if found else []

    def status(self, signer):
        return self.signers[signer].ctl("group", "status", ZONE)

    def state(self, at, of):
        return {s["name"]: s["state"] for s in self.status(at)["signers"]}[of]

    def step(self):
        """The parent scans; all that is served now is kept for as long as a resolver may hold it, and judged."""
        self.parent.scan()
        self.pairs.delegates([(d, 1) for d in [list(self.parent.ds)]], 1)
        for name, c in self.signers.items():
            if NAMES[name] in self.parent.ns or self.pairs.is_known(name):
                self.pairs.looks_at(name, c, [(f"www.{ZONE}", "A"), (ZONE, "SOA"), (f"no.{ZONE}", "A"), (ZONE, "CDS")])
        self.pairs.knows([s for s, n in NAMES.items() if n in self.parent.ns], 1)
        self.pairs.judge()

    def run_until(self, condition, what, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            self.step()
            assert time.monotonic() < end, (what, {n: (c.ctl("group", "status", ZONE)["sentence"], c.log()[-1500:])
                                                   for n, c in self.signers.items()})
        for _ in range(3):
            self.step()

    def kill(self, signer):
        c = self.signers[signer]
        c.process.send_signal(signal.SIGKILL)
        c.process.wait()
        c.start()

    def join(self):
        """Who is not at the parent yet is introduced by its key."""
        keys = self.signers["beta"].ctl("key", "export", ZONE)["dnskey"]
        entry = [k for k in keys if " DNSKEY 257 " in k]
        assert self.signers["alpha"].ctl_raw("key", "import", ZONE, entry[0], "--owner", "beta").returncode == 0
        for name in NAMES:
            self.signers[name].ctl("group", "start", ZONE, "join")

    def are_members(self):
        return all(self.state(at, of) == "member" for at in NAMES for of in NAMES)


@pytest.fixture
def lab(tmp_path, daemons):
    made = []

    def make(keys="ksk-zsk"):
        made.append(Lab(tmp_path, daemons, keys))
        return made[-1]

    yield make
    for m in made:
        m.parent.stop()


def test_a_second_signer_joins_and_leaves_with_kill_9_after_each_step(lab):
    lab = lab()
    lab.join()
    seen, kills = {}, {name: 0 for name in NAMES}

    def killing(done):
        def check():
            for name in NAMES:
                states = {s["name"]: s["state"] for s in lab.status(name)["signers"]}
                if seen.get(name) not in (None, states):
                    lab.kill(name)
                    kills[name] += 1
                seen[name] = states
            return done()
        return check

    lab.run_until(killing(lab.are_members), "both are members")
    assert min(kills.values()) >= 4, kills
    assert sorted(lab.parent.ns) == sorted(NAMES.values())
    assert lab.records("alpha", "NS") == lab.records("beta", "NS") == sorted(NAMES.values())
    for name in NAMES:
        assert len(lab.records(name, "DNSKEY")) == 4
        assert len(lab.parent.ds) == 2
        assert not lab.records(name, "CSYNC")

    lab.signers["alpha"].ctl("group", "start", ZONE, "leave", "beta")
    lab.signers["beta"].ctl("group", "start", ZONE, "leave")
    lab.run_until(killing(lambda: lab.state("alpha", "beta") == "gone"), "beta is gone")
    assert lab.parent.ns == [NAMES["alpha"]]
    assert len(lab.parent.ds) == 1
    assert len(lab.records("alpha", "DNSKEY")) == 2
    assert any("gone" in h["what"] for h in lab.signers["alpha"].ctl("group", "history", ZONE)["history"])


def test_a_zone_that_is_in_a_group_is_not_signed_alone_by_a_slip(lab):
    lab = lab()
    lab.join()
    alpha = lab.signers["alpha"]
    alpha.zones = [z.replace("    group: pair\n", "").replace("\n    group: pair", "") for z in alpha.zones]
    alpha.write_config()
    done = alpha.ctl_raw("reload")
    assert done.returncode != 0
    wait_until(lambda: "which its configuration does not name any more" in alpha.log(), "it says so")
    assert alpha.ctl("group", "status", ZONE)["running"]


def test_a_plan_does_nothing_and_refusals_say_why(lab):
    alpha = lab().signers["alpha"]
    for process, steps in (("join", 4), ("leave", 4), ("zsk-roll", 3), ("ksk-roll", 3), ("csk-roll", 4)):
        plan = alpha.ctl("group", "plan", ZONE, process)
        assert len(plan["steps"]) == steps
        times = [s["earliest"] for s in plan["steps"]]
        assert times == sorted(times) and all(n["text"] for s in plan["steps"] for n in s["needs"])
    assert not alpha.ctl("group", "status", ZONE)["running"]
    checks = wait_until(lambda: (c := alpha.ctl("group", "doctor", ZONE)["checks"]) and any(
        k["check"] == "servers" and k["ok"] and "alpha" in k["says"] for k in c) and c, "the doctor has seen alpha")
    assert any(k["check"] == "servers" and not k["ok"] and "beta" in k["says"] for k in checks)  # nobody has introduced it
    assert {"algorithms", "key-tags", "size", "size-in-rolls", "clock"} - {k["check"] for k in checks} <= {"algorithms"}
    for args, code, why in ((("start", ZONE, "wedding"), 1, "a process is"), (("force", ZONE, "beta", "ns"), 5, "cannot be forced"),
                            (("force", ZONE, "beta", "luck"), 1, "there is no guard"), (("eject", ZONE, "gamma"), 4, "no signer"),
                            (("cancel", ZONE, "beta"), 5, "not possible"), (("start", ZONE, "leave"), 5, "not possible")):
        done = alpha.ctl_raw("group", *args)
        assert done.returncode == code and why in done.stderr, (args, done.returncode, done.stderr)
    assert "we are in no group yet" in alpha.ctl_raw("group", "status").stdout
