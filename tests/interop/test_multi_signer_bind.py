# SPDX-License-Identifier: Apache-2.0
"""BIND and Concord sign one zone with their own keys; each has the other's ZSK; a parent carries both DS (RFC 8901, Model 2).

Every answer of each signer must validate under the DNSKEY set of each, and that under the DS; and through an Unbound that may ask
either and does not try again."""
import subprocess

import dns.dnssec
import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lab.daemons import Bind, Concord, Nsd, Unbound
from lab.oracle import Bogus, bearing, check_answer, check_keys
from lab.wait import wait_until

PARENT, ZONE = "parent.example.", "shop.parent.example."
ZONE_NAME = dns.name.from_text(ZONE)
ADDRESSES = {"parent": "127.0.1.1", "concord": "127.0.1.2", "bind": "127.0.1.3", "unbound": "127.0.1.4"}
QUESTIONS = 2000
KINDS = 8

STEERED = [f"s{i}" for i in range(20)]


def zone_text(steered):
    """Both providers hold the same names; the steered ones have their default values at BIND."""
    lines = ["$TTL 300", f"@ IN SOA ns1.{ZONE} hostmaster.{ZONE} 1 7200 3600 1209600 60",
             f"@ IN NS ns1.{ZONE}", f"@ IN NS ns2.{ZONE}",
             f"ns1 IN A {ADDRESSES['concord']}", f"ns2 IN A {ADDRESSES['bind']}", "*.w IN A 192.0.2.77",
             "*.t IN TXT wild", "a.b.ent IN A 192.0.2.9"]
    for i in range(QUESTIONS // KINDS):
        lines += [f"p{i} IN A 192.0.2.{i % 250 + 1}", f"t{i} IN TXT text-{i}", f"c{i} IN CNAME p{i}"]
    if steered:
        lines += [f"{s} IN A 192.0.2.80" for s in STEERED]
    return "\n".join(lines) + "\n"


def steering_text():
    records = []
    for s in STEERED:
        records.append(f"""{s}:
  type: A
  ttl: 300
  values: [192.0.2.80]
  dynamic:
    pools:
      near: {{values: [{{value: 203.0.113.1, weight: 2}}, {{value: 203.0.113.2}}, {{value: 203.0.113.3}}]}}
      far: {{values: [{{value: 198.51.100.1}}]}}
    rules:
      - {{subnets: [127.0.0.0/8], pool: near}}
      - {{pool: far}}
""")
    return "\n".join(records)


def questions():
    """2,000 names: positive, text, alias, steered, wildcard, wildcard without data, no name, no data."""
    asked = []
    for i in range(QUESTIONS // KINDS):
        asked += [(f"p{i}", "A"), (f"t{i}", "TXT"), (f"c{i}", "A"), (STEERED[i % len(STEERED)], "A"), (f"x{i}.w", "A"),
                  (f"y{i}.t", "A"), (f"no{i}.such", "A"), (f"p{i}", "MX")]
    return [(f"{name}.{ZONE}", rdtype) for name, rdtype in asked]


class Lab:
    """The parent, both signers, and the resolver."""

    def __init__(self, tmp_path, daemons):
        self.concord = Concord(tmp_path / "concord", ADDRESSES["concord"], 53)
        self.bind = Bind(tmp_path / "bind", ADDRESSES["bind"])
        self.parent = Nsd(tmp_path / "parent", ADDRESSES["parent"])
        self.unbound = Unbound(tmp_path / "unbound", ADDRESSES["unbound"])
        self.daemons = daemons
        self.dir = tmp_path

    def start_signers(self):
        self.concord.zone(ZONE, zone_text(False), steering=steering_text())
        self.concord.write_config()
        self.bind.zone(ZONE, zone_text(True))
        for d in (self.concord, self.bind):
            self.daemons.append(d)
            d.start()
        wait_until(lambda: self.bind.is_signed(questions()), "BIND has signed the whole zone", 60)

    def keys_of(self, signer):
        answer = signer.ask(ZONE, "DNSKEY", do=True)
        return answer, answer.find_rrset(answer.answer, ZONE_NAME, 1, dns.rdatatype.DNSKEY)

    def exchange_keys(self):
        """Each gets the other's ZSK: BIND by dynamic update, Concord by its tool."""
        own = self.concord.ctl("key", "export", ZONE, "--role", "zsk")["dnskey"]
        _, theirs = self.keys_of(self.bind)
        zsk = [k for k in theirs if k.flags == 256]
        assert len(own) == 1 and len(zsk) == 1
        self.bind.update(f"update add {own[0]}")
        self.concord.ctl("key", "import", ZONE, f"{ZONE} 3600 IN DNSKEY {zsk[0].to_text()}", "--owner", "bind")
        for signer in (self.bind, self.concord):
            wait_until(lambda s=signer: len(self.keys_of(s)[1]) == 3, f"{signer.name} serves the merged set")

    def ds_set(self):
        _, theirs = self.keys_of(self.bind)
        ds = [dns.dnssec.make_ds(ZONE_NAME, k, "SHA256") for k in theirs if k.flags == 257]
        for line in self.concord.ds(ZONE):
            ds.append(dns.rrset.from_text(ZONE_NAME, 300, "IN", "DS", *[line.split(" IN DS ")[1]])[0])
        assert len(ds) == 2
        return ds

    def start_parent(self, ds):
        """Signed with ldns, served by NSD; returns the trust anchor."""
        where = self.parent.dir
        lines = ["$TTL 300", f"@ IN SOA ns.{PARENT} hostmaster.{PARENT} 1 7200 3600 1209600 60", f"@ IN NS ns.{PARENT}",
                 f"ns IN A {ADDRESSES['parent']}", f"{ZONE} IN NS ns1.{ZONE}", f"{ZONE} IN NS ns2.{ZONE}",
                 f"ns1.{ZONE} IN A {ADDRESSES['concord']}", f"ns2.{ZONE} IN A {ADDRESSES['bind']}"]
        lines += [f"{ZONE} IN DS {d.to_text()}" for d in ds]
        (where / "parent.zone").write_text(f"$ORIGIN {PARENT}\n" + "\n".join(lines) + "\n")
        key = subprocess.run(["ldns-keygen", "-k", "-a", "ECDSAP256SHA256", PARENT], cwd=where, check=True,
                             capture_output=True, text=True).stdout.strip()
        subprocess.run(["ldns-signzone", "-o", PARENT, "-f", "parent.signed", "parent.zone", key], cwd=where, check=True,
                       capture_output=True)
        self.parent.zone(PARENT, where / "parent.signed")
        self.daemons.append(self.parent)
        self.parent.start()
        return (where / f"{key}.key").read_text().strip()

    def start_unbound(self, anchor):
        self.unbound.parent(PARENT, ADDRESSES["parent"], 53, [anchor])
        self.daemons.append(self.unbound)
        self.unbound.start()


def faults_of_pairs(lab, ds, asked):
    """Every answer of every signer under every signer's key set: the bogus ones."""
    sets = {}
    for signer in (lab.concord, lab.bind):
        answer, _ = lab.keys_of(signer)
        sets[signer.name] = check_keys(answer, ZONE_NAME, ds)
    faults, checked = [], 0
    for name, rdtype in asked:
        for signer in (lab.concord, lab.bind):
            answer = signer.ask(name, rdtype, do=True)
            good = set()
            for holder, keys in sets.items():
                checked += 1
                if bearing(answer, keys) in good:
                    continue
                try:
                    check_answer(answer, ZONE_NAME, keys)
                    good.add(bearing(answer, keys))
                except Bogus as e:
                    faults.append((name, rdtype, signer.name, holder, str(e)))
    return faults, checked


@pytest.fixture
def lab(tmp_path, daemons):
    made = Lab(tmp_path, daemons)
    made.start_signers()
    return made


def test_every_answer_validates_under_every_key_set_and_through_unbound_and_without_the_exchange_none_does(lab):
    asked = questions()
    assert len(asked) == QUESTIONS
    # The negative control: the check must be able to fail.
    ds = lab.ds_set()
    faults, checked = faults_of_pairs(lab, ds, asked[:200])
    assert checked == 4 * 200
    assert len(faults) == 2 * 200, "each answer is bogus under the other signer's keys"
    assert all(signer != holder for _, _, signer, holder, _ in faults)

    lab.exchange_keys()
    faults, checked = faults_of_pairs(lab, ds, asked)
    assert checked == 4 * QUESTIONS
    assert not faults, faults[:10]

    lab.start_unbound(lab.start_parent(ds))
    before = lab.concord.ctl("stats")["udp_requests"]
    wrong = []
    for name, rdtype in asked:
        answer = lab.unbound.ask(name, rdtype, do=True, rd=True, tcp=False, timeout=10)
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not answer.flags & dns.flags.AD:
            wrong.append((name, rdtype, dns.rcode.to_text(answer.rcode()), dns.flags.to_text(answer.flags)))
    assert not wrong, (len(wrong), wrong[:10])
    # The pair check asked each once; what came on top is the resolver's: it used both signers.
    by_resolver = lab.concord.ctl("stats")["udp_requests"] - before
    assert QUESTIONS / 8 < by_resolver < QUESTIONS
