# SPDX-License-Identifier: Apache-2.0
"""Two Concords that could sign one zone together: what is refused, and what a plan says. How they do it is in tests/interop/test_groups.py."""
import json
import sqlite3

import dns.edns
import dns.rcode
import dns.rdata
import pytest

from lab.daemons import Concord, free_port
from lab.primary import Model, Primary, record
from lab.signers import Parent
from lab.wait import wait_until

ZONE = "shop.example."
NAMES = {"alpha": f"ns.alpha.{ZONE}", "beta": f"ns.beta.{ZONE}"}
GROUP = """signing:
  - id: quick
    algorithm: ecdsap256sha256
    dnskey-ttl: 1
    propagation-delay: 0
    parent-propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
groups:
  - id: pair
    signer: {self}
    poll: 1s
    fresh: 4s
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


class Lab:
    def __init__(self, tmp_path, daemons):
        self.signers = {name: Concord(tmp_path / name) for name in NAMES}
        self.parent = Parent(ZONE, [], [NAMES["alpha"]])
        self.parent.ttl = 1
        for name, c in self.signers.items():
            c.extra = GROUP.format(self=name, zone=ZONE, alpha=self.signers["alpha"].port, beta=self.signers["beta"].port)
            c.zone(ZONE, zone_text(name), signing="quick", group="pair", parent=f"[{self.parent.at}]")
            c.write_config()
            daemons.append(c)
            c.start()
        self.parent.ds = [dns.rdata.from_text("IN", "DS", d.split(" DS ")[1]) for d in self.signers["alpha"].ds(ZONE)]

    def join(self):
        """Who is not at the parent yet is introduced by its key."""
        keys = self.signers["beta"].ctl("key", "export", ZONE)["dnskey"]
        entry = [k for k in keys if " DNSKEY 257 " in k]
        assert self.signers["alpha"].ctl_raw("key", "import", ZONE, entry[0], "--owner", "beta").returncode == 0
        for name in NAMES:
            self.signers[name].ctl("group", "start", ZONE, "join")


@pytest.fixture
def lab(tmp_path, daemons):
    made = Lab(tmp_path, daemons)
    yield made
    made.parent.stop()


def test_a_zone_that_is_in_a_group_is_not_signed_alone_by_a_slip(lab):
    lab.join()
    alpha = lab.signers["alpha"]
    alpha.zones = [z.replace("    group: pair\n", "").replace("\n    group: pair", "") for z in alpha.zones]
    alpha.write_config()
    done = alpha.ctl_raw("reload")
    assert done.returncode != 0
    wait_until(lambda: "which its configuration does not name any more" in alpha.log(), "it says so")
    assert alpha.ctl("group", "status", ZONE)["running"]


def looked_at(c, set_to=None):
    """The document that says until when it looked around, or None."""
    db = sqlite3.connect(c.dir / "state" / "concord.db")
    try:
        if set_to is not None:
            with db:
                db.execute("UPDATE documents SET text = ? WHERE key = 'groups/looked'", (set_to,))
        row = db.execute("SELECT text FROM documents WHERE key = 'groups/looked'").fetchone()
        return row[0] if row else None
    finally:
        db.close()


def test_who_was_away_for_long_answers_when_it_has_seen_the_others_or_cannot(lab):
    lab.join()
    alpha, beta = lab.signers["alpha"], lab.signers["beta"]
    long_ago = '{"at":1000}'

    def starts_late():
        beta.stop()
        alpha.stop()
        assert looked_at(alpha, set_to=long_ago) == long_ago
        alpha.start()

    def rcode():
        return alpha.ask(f"www.{ZONE}", "A", do=True).rcode()

    wait_until(lambda: looked_at(alpha) is not None, "it is written down that it looks")
    starts_late()
    held = alpha.ask(f"www.{ZONE}", "A", do=True)
    assert held.rcode() == dns.rcode.SERVFAIL
    assert [o.code for o in held.options if o.otype == dns.edns.OptionType.EDE] == [14]  # RFC 8914: Not Ready
    assert "until beta was seen" in alpha.ctl("group", "status", ZONE)["sentence"]
    beta.start()
    wait_until(lambda: rcode() == dns.rcode.NOERROR, "it has seen the other")
    wait_until(lambda: "group: every signer was seen" in alpha.log(), "it says so")
    wait_until(lambda: looked_at(alpha) != long_ago, "it is written down that it looks")
    alpha.extra = alpha.extra.replace("    poll: 1s\n", "    poll: 1s\n    hold-at-start: 2s\n")
    alpha.write_config()
    starts_late()
    wait_until(lambda: rcode() == dns.rcode.NOERROR, "it waits no longer")
    wait_until(lambda: "group: beta was not seen since the start" in alpha.log(), "it says so")


def test_a_plan_does_nothing_and_refusals_say_why(lab):
    alpha = lab.signers["alpha"]
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


def test_what_was_seen_must_count_for_longer_than_until_the_next_look(lab):
    alpha = lab.signers["alpha"]
    alpha.extra = alpha.extra.replace("fresh: 4s", "fresh: 3s").replace("poll: 1s", "poll: 2s")
    alpha.write_config()
    code, said = alpha.check()
    assert code != 0 and "'pair' forgets what it saw before it looks again" in said and "at least twice `poll`" in said


def test_a_zone_that_comes_from_a_primary_is_looked_at_when_it_is_there(tmp_path, daemons):
    parent = Parent(ZONE, [], [NAMES["alpha"]])
    source = Primary(Model(ZONE, {record(ZONE, "NS", NAMES["alpha"]), record(NAMES["alpha"], "A", "127.0.0.1")}))
    c = Concord(tmp_path / "alpha")
    c.extra = GROUP.format(self="alpha", zone=ZONE, alpha=c.port, beta=free_port()) + f"remotes:\n  - {{id: main, address: 127.0.0.1@{source.port}}}\n"
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: quick\n    group: pair\n    parent: [{parent.at}]\n")
    c.write_config()
    daemons += [source, c]
    c.start()
    try:
        def is_seen():
            done = c.ctl_raw("--json", "group", "status", ZONE)
            return done.returncode == 0 and any("last_seen" in server for server in json.loads(done.stdout)["parent"])

        wait_until(is_seen, "the parent was asked")
    finally:
        parent.stop()
