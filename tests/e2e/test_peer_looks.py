# SPDX-License-Identifier: Apache-2.0
"""What is seen at other signers: all answers validated through the parent's DS, and nothing of what is spoilt."""
import random
import time

import dns.flags
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lab.looks import observe, of
from lab.signers import Key, Parent, Signer

ZONE = "shop.example."
NS = [f"ns1.{ZONE}", "ns.other.example."]


@pytest.fixture
def lab():
    running = []

    class Lab:
        def __init__(self):
            self.a = self.add(Signer(ZONE, NS))
            self.b = self.add(Signer(ZONE, NS, foreign=[self.a.zsk.dnskey]))
            self.a.foreign.append(self.b.zsk.dnskey)
            self.parent = self.add(Parent(ZONE, [self.a.ds(), self.b.ds()], NS))

        def add(self, server):
            running.append(server)
            return server

        def look(self, *more, rounds=1):
            return observe(ZONE, [self.parent], {"a": [self.a], "b": [self.b]}, *more, rounds=rounds)

    yield Lab()
    for s in running:
        s.stop()


def test_what_each_server_serves_is_seen_with_who_signed_it(lab):
    lab.a.cds = [lab.a.ds(), lab.b.ds()]
    lab.a.cdnskey = [lab.a.ksk.dnskey]
    lab.a.csync = "0 1 A NS"
    events, _ = lab.look()
    parent, = of(events, "parent")
    assert sorted(parent["ds"]) == sorted([lab.a.ksk.tag, lab.b.ksk.tag])
    assert (parent["ds_ttl"], parent["ns_ttl"], sorted(parent["ns"])) == (300, 600, sorted(NS))
    a, b = of(events, "signer")
    assert sorted(a["dnskey"]) == sorted([lab.a.ksk.tag, lab.a.zsk.tag, lab.b.zsk.tag])
    assert a["key_signing"] == [lab.a.ksk.tag] and a["zone_signing"] == [lab.a.zsk.tag]
    assert b["key_signing"] == [lab.b.ksk.tag] and b["zone_signing"] == [lab.b.zsk.tag]
    assert sorted(a["cds"]) == sorted([lab.a.ksk.tag, lab.b.ksk.tag]) and a["cdnskey"] == [lab.a.ksk.tag]
    assert a["csync"] and not b["csync"] and b["cds"] == []
    assert (a["dnskey_ttl"], a["ns_ttl"], a["zone_ttl"], a["serial"]) == (3600, 3600, 1800, 7)
    assert b["denial"] == "nsec" and sorted(a["ns"]) == sorted(NS)
    crossed, = of(events, "crossed")
    assert crossed["differs"] == ["CDS", "CDNSKEY"]
    # CDS and CDNSKEY are signed with a KSK that the other one's set does not have.
    assert crossed["faults"] == 2


def test_one_denial_at_the_apex_answers_for_all_types(lab):
    lab.look()
    asked = [t for t, _ in lab.a.asked]
    assert asked == ["DNSKEY", "NS", "CDS"]


def test_ds_and_delegation_count_with_our_cookie_or_over_tcp(lab):
    lab.look()
    assert lab.parent.asked == [("DS", False), ("NS", False)]
    lab.parent.asked, lab.parent.echoes_cookies = [], False
    events, _ = lab.look()
    assert lab.parent.asked == [("DS", False), ("DS", True), ("NS", False), ("NS", True)]
    assert len(of(events, "signer")) == 2


def only(rdtype, change):
    """Spoils the answers for one type."""
    def spoil(question, r):
        return change(r) if dns.rdatatype.to_text(question.rdtype) == rdtype else None
    return spoil


def flip(r):
    wire = bytearray(r.to_wire())
    for at in range(len(wire) - 40, len(wire) - 30):  # within the last signature, or the OPT record beside it
        wire[at] ^= 1
    return bytes(wire)


def drop_signatures(r):
    r.answer = [x for x in r.answer if x.rdtype != dns.rdatatype.RRSIG]
    r.authority = [x for x in r.authority if x.rdtype != dns.rdatatype.RRSIG]


def empty(r):
    r.answer, r.authority = [], []


def refuse(r):
    empty(r)
    r.set_rcode(dns.rcode.SERVFAIL)


def not_aa(r):
    r.flags &= ~dns.flags.AA


def swap_key(lab):
    """An attacker's key beside the others, signed by nobody whom the parent names."""
    def change(r):
        stranger = Key(257)
        keys = dns.rrset.from_rdata_list(lab.b.zone, 3600, [*r.answer[0], stranger.dnskey])
        r.answer = [keys, lab.b.signature(keys, [stranger])]
    return change


SPOILT = [
    ("a changed DNSKEY answer", "DNSKEY", lambda lab: flip, "DNSKEY: "),
    ("DNSKEY without signatures", "DNSKEY", lambda lab: drop_signatures, "DNSKEY: it has no signature over the DNSKEY RRset"),
    ("no DNSKEY", "DNSKEY", lambda lab: empty, "DNSKEY: it has no DNSKEY records"),
    ("SERVFAIL", "DNSKEY", lambda lab: refuse, "DNSKEY: the server answered with an error"),
    ("a key that only itself signed", "DNSKEY", swap_key, "DNSKEY: no key that the parent's DS names has signed it"),
    ("a server that does not speak for the zone", "DNSKEY", lambda lab: not_aa, "DNSKEY: the server does not speak for the zone"),
    ("a changed NS answer", "NS", lambda lab: flip, "NS: "),
    ("NS without signatures", "NS", lambda lab: drop_signatures, "NS: it is not signed by the zone"),
    ("no NS", "NS", lambda lab: empty, "NS: it has no records"),
    ("a denial without signatures", "CDS", lambda lab: drop_signatures, "CDS: "),
    ("a denial without proof", "CDS", lambda lab: lambda r: setattr(r, "authority", r.authority[:2]),
     "CDS: it neither has the records nor proves that there are none"),
    ("an empty denial", "CDS", lambda lab: empty, "CDS: it has no records"),
    ("octets that are no message", "CDS", lambda lab: lambda r: r.to_wire()[:20], "no answer"),
    ("silence", "DNSKEY", lambda lab: lambda r: b"", "no answer"),
]


@pytest.mark.parametrize("what, rdtype, change, why", SPOILT, ids=[row[0].replace(" ", "-") for row in SPOILT])
def test_nothing_counts_of_a_server_that_gives(lab, what, rdtype, change, why):
    lab.b.spoil = only(rdtype, change(lab))
    events, log = lab.look()
    assert [e["signer"] for e in of(events, "signer")] == [0]
    failed, = of(events, "failed")
    assert failed["signer"] == 1 and failed["why"].startswith(why), failed
    assert f"[{ZONE}] peer: b at 127.0.0.1 port {lab.b.port}: {failed['why']}" in log


def test_signatures_that_have_expired_or_are_of_the_future_are_told_as_that(lab):
    now = int(time.time())
    for inception, expiration in ((now - 9000, now - 10), (now + 1000, now + 9000)):
        lab.b.inception, lab.b.expiration = inception, expiration
        events, _ = lab.look()
        failed, = of(events, "failed")
        assert failed["why"] == "DNSKEY: the signature is not valid now"


def test_an_answer_replayed_from_before_its_end_is_refused(lab):
    """What was recorded while it was valid is nothing when its time is over."""
    recorded = {}

    def record(question, r):
        recorded[question.rdtype] = r

    lab.b.expiration = int(time.time()) + 2
    lab.b.spoil = record
    events, _ = lab.look()
    assert len(of(events, "signer")) == 2

    def replay(question, r):
        old = recorded[question.rdtype]
        r.answer, r.authority = old.answer, old.authority

    lab.b.spoil = replay
    while int(time.time()) <= lab.b.expiration:
        time.sleep(0.05)  # the pace of asking the clock
    events, _ = lab.look()
    failed, = of(events, "failed")
    assert failed["why"] == "DNSKEY: the signature is not valid now"


def test_a_fault_is_said_once_and_its_end_too(lab):
    count = {"n": 0}

    def spoil(question, r):
        if dns.rdatatype.to_text(question.rdtype) == "DNSKEY":
            count["n"] += 1
            if count["n"] <= 3:
                refuse(r)

    lab.b.spoil = spoil
    events, log = lab.look(rounds=5)
    assert len(of(events, "failed")) == 3 and len(of(events, "over")) == 5
    assert log.count("what it says does not count") == 1
    assert log.count("its answers validate again") == 1


def test_a_set_with_more_keys_than_we_allow_is_refused(lab):
    lab.b.foreign += [Key(256).dnskey for _ in range(70)]
    events, _ = lab.look()
    failed, = of(events, "failed")
    assert failed["why"] == "DNSKEY: it has more keys, or needs more tries, than we allow"


def test_a_large_set_comes_over_tcp(lab):
    lab.b.foreign += [Key(256).dnskey for _ in range(20)]
    events, _ = lab.look()
    a, b = of(events, "signer")
    assert len(b["dnskey"]) == 23
    assert ("DNSKEY", True) in lab.b.asked


def test_only_ds_that_all_of_the_parents_servers_show_are_trusted(lab):
    other = lab.add(Parent(ZONE, [lab.a.ds()], NS))
    events, _ = observe(ZONE, [lab.parent, other], {"a": [lab.a], "b": [lab.b]})
    assert len(of(events, "parent")) == 2
    assert [e["signer"] for e in of(events, "signer")] == [0]
    failed, = of(events, "failed")
    assert failed["why"] == "DNSKEY: no key of the RRset is one that the parent's DS names"
    # One that does not answer takes nothing away.
    other.answer = lambda q, tcp: None
    events, _ = observe(ZONE, [lab.parent, other], {"a": [lab.a], "b": [lab.b]})
    assert [e["signer"] for e in of(events, "signer")] == [0, 1]


@pytest.mark.parametrize("case", ["silent", "no DS", "not the parent", "nothing in common"])
def test_without_a_parent_nobody_is_believed(lab, case):
    parents = [lab.parent]
    if case == "silent":
        lab.parent.answer = lambda q, tcp: None
    elif case == "no DS":
        lab.parent.ds = []
    elif case == "not the parent":
        lab.parent.answer = lambda q, tcp: None if q is None else refused(q)
    else:
        lab.parent.ds = [lab.a.ds()]
        parents.append(lab.add(Parent(ZONE, [lab.b.ds()], NS)))
    events, _ = observe(ZONE, parents, {"a": [lab.a], "b": [lab.b]})
    assert of(events, "signer") == [] and lab.a.asked == []
    assert {e["signer"] for e in of(events, "failed")} >= {0, 1}


def refused(q):
    r = dns.message.make_response(q)
    r.set_rcode(dns.rcode.REFUSED)
    return r


def test_answers_are_judged_under_every_signers_keys(lab):
    events, _ = lab.look("sample=www." + ZONE + "/A")
    crossed, = of(events, "crossed")
    assert (crossed["servers"], crossed["faults"], crossed["differs"]) == (2, 0, [])
    assert crossed["pairs"] > 0
    # b forgets a's key: what a signs is bogus for who has b's set.
    lab.b.foreign = []
    events, _ = lab.look("sample=www." + ZONE + "/A", rounds=3)
    crossed = of(events, "crossed")[-1]
    assert crossed["faults"] > 0 and crossed["differs"] == ["DNSKEY"]


def test_drift_of_data_is_found_in_samples(lab):
    lab.b.data[("www", "A")] = (300, ["192.0.2.99"])
    lab.b.data[("@", "NS")] = (3600, NS[:1])
    events, _ = lab.look("sample=www." + ZONE + "/A")
    crossed, = of(events, "crossed")
    assert crossed["differs"] == ["NS", "sampled answers"]


def test_octets_at_random_do_no_harm(lab):
    """A peer that answers every question with noise that has the right id and question."""
    lottery = random.Random(7)

    def spoil(question, r):
        wire = bytearray(r.to_wire())
        for _ in range(lottery.randrange(1, 20)):
            wire[lottery.randrange(12, len(wire))] = lottery.randrange(256)
        return bytes(wire)

    lab.b.spoil = spoil
    lab.b.answer, plain = (lambda q, tcp: plain(q, tcp)), lab.b.answer
    events, _ = lab.look(rounds=3)
    assert [e["signer"] for e in of(events, "signer")] == [0, 0, 0]
