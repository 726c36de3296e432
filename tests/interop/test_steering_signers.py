# SPDX-License-Identifier: Apache-2.0
"""A zone that Concord steers and BIND serves beside it, each with keys of its own (RFC 8901, Model 2): in every state of health each
provider's answers validate under both key sets, for delv, and through an Unbound that asks either; denial is the same for all clients."""
import subprocess

import dns.flags
import dns.rcode
import pytest

from lab.oracle import check_answer, check_keys
from lab.wait import wait_until
from test_multi_signer_bind import ADDRESSES, ZONE, ZONE_NAME, Lab

# Which of the values are down: nothing, one of a pool, a pool, a pool and one more, everything.
STATES = [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4, 5)]
EXPECTED = [{1, 2}, {2}, {3, 4, 5}, {4, 5}, {80}]
NAMES = 4  # steered names of each state, which Unbound asks of either provider
CLIENTS = ["10.1.0.0/24", "10.2.3.0/24", "198.51.100.0/24", "2001:db8::/56"]


def names(state):
    return [f"w{state}{k}" for k in range(NAMES)]


def zone_text(steered):
    lines = ["$TTL 300", f"@ IN SOA ns1.{ZONE} hostmaster.{ZONE} 1 7200 3600 1209600 60", f"@ IN NS ns1.{ZONE}", f"@ IN NS ns2.{ZONE}",
             f"ns1 IN A {ADDRESSES['concord']}", f"ns2 IN A {ADDRESSES['bind']}"]
    if steered:
        lines += [f"{n} IN A 192.0.2.80" for state in range(len(STATES)) for n in names(state)]
    return "\n".join(lines) + "\n"


def steering_text():
    return "".join(f"""{n}:
  octodns: {{healthcheck: {{protocol: FEED}}}}
  type: A
  ttl: 300
  values: [192.0.2.80]
  dynamic:
    pools:
      one: {{fallback: two, values: [{{value: 192.0.2.1}}, {{value: 192.0.2.2}}]}}
      two: {{answers: 2, values: [{{value: 192.0.2.3}}, {{value: 192.0.2.4}}, {{value: 192.0.2.5}}]}}
    rules: [{{pool: one}}]
""" for state in range(len(STATES)) for n in names(state))


class Steered(Lab):
    def start_signers(self):
        self.concord.zone(ZONE, zone_text(False), steering=steering_text())
        self.concord.write_config()
        self.bind.zone(ZONE, zone_text(True))
        for d in (self.concord, self.bind):
            self.daemons.append(d)
            d.start()
        asked = [(f"{n}.{ZONE}", t) for state in range(len(STATES)) for n in names(state) for t in ("A", "TXT")]
        wait_until(lambda: self.bind.is_signed(asked), "BIND has signed the whole zone", 60)

    def set_health(self, down):
        for n in range(1, 6):
            self.concord.ctl("health", "set", f"192.0.2.{n}", "down" if n in down else "up")

    def anchors(self):
        keys = {tuple(k.to_text().split(None, 3)) for s in (self.concord, self.bind) for k in self.keys_of(s)[1] if k.flags == 257}
        path = self.dir / "anchors"
        path.write_text("trust-anchors {\n" + "".join('{} static-key {} {} {} "{}";\n'.format(ZONE, *k[:3], k[3].replace(" ", "")) for k in sorted(keys)) + "};\n")
        return path


@pytest.fixture
def lab(tmp_path, daemons):
    made = Steered(tmp_path, daemons)
    made.start_signers()
    made.exchange_keys()
    return made


def steered_answers(lab, state, sets):
    """What Concord says of the state's names to all clients, all of it validated under each key set; {last octet of an address}."""
    seen = set()
    for name in names(state):
        proofs = set()
        for client in CLIENTS:
            got = lab.concord.ask(f"{name}.{ZONE}", "A", ecs=client, do=True)
            none = lab.concord.ask(f"{name}.{ZONE}", "TXT", ecs=client, do=True)
            seen |= {int(r.address.rsplit(".", 1)[1]) for rrset in got.answer if rrset.rdtype == 1 for r in rrset}
            proofs.add("\n".join(sorted(r.to_text() for r in none.authority)))
            for keys in sets:
                check_answer(got, ZONE_NAME, keys)
                check_answer(none, ZONE_NAME, keys)
        assert len(proofs) == 1, "denial does not depend on the client"
    return seen


def test_both_providers_answers_validate_in_every_state_of_health(lab):
    ds = lab.ds_set()
    anchors = lab.anchors()
    lab.start_unbound(lab.start_parent(ds))
    sets = [check_keys(lab.keys_of(s)[0], ZONE_NAME, ds) for s in (lab.concord, lab.bind)]
    for state, (down, expected) in enumerate(zip(STATES, EXPECTED)):
        lab.set_health(down)
        assert steered_answers(lab, state, sets) == expected, (state, down)
        for name in names(state):
            for rdtype in ("A", "TXT"):
                beside = lab.bind.ask(f"{name}.{ZONE}", rdtype, do=True)
                for keys in sets:
                    check_answer(beside, ZONE_NAME, keys)
                got = lab.unbound.ask(f"{name}.{ZONE}", rdtype, do=True, rd=True, timeout=10)
                assert got.rcode() == dns.rcode.NOERROR and got.flags & dns.flags.AD, (state, name, rdtype)
        for signer in (lab.concord, lab.bind):
            for rdtype, said in (("A", "; fully validated"), ("TXT", "; negative response, fully validated")):
                done = subprocess.run(["delv", f"@{signer.address}", "-a", str(anchors), f"+root={ZONE}", f"{names(state)[0]}.{ZONE}", rdtype],
                                      capture_output=True, text=True, timeout=30)
                assert said in done.stdout, (state, signer.name, done.stdout, done.stderr)
