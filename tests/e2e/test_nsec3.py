# SPDX-License-Identifier: Apache-2.0
"""A zone with NSEC3 through its changes; the answers themselves are compared and validated in tests/differential."""
import dns.name
import dns.rdatatype
import pytest

from conftest import ZONE, ZONE_TEXT
from lab.oracle import Bogus, check_answer, nsec3s

NAME = dns.name.from_text(ZONE)
POLICY = "signing:\n  - id: hashed\n    denial: nsec3\n"
ASKED = [("www.example.", "A"), ("www.example.", "MX"), ("nothing.example.", "A"), ("a.b.c.example.", "A"), ("q.wild.example.", "A"),
         ("q.wild.example.", "MX"), ("ent.deep.example.", "A"), ("example.", "DNSKEY"), ("example.", "NSEC3PARAM"), ("x.moved.example.", "TXT")]


def check_all(c):
    answer = c.ask(ZONE, "DNSKEY", do=True)
    keys = answer.find_rrset(answer.answer, NAME, 1, dns.rdatatype.DNSKEY)
    for name, rdtype in ASKED:
        check_answer(c.ask(name, rdtype, do=True, tcp=True), NAME, keys)


def test_the_chain_follows_key_changes_and_reloads(concord):
    c = concord(signing="hashed", extra=POLICY)
    check_all(c)
    c.ctl("cds", "publish", ZONE) if c.ctl_raw("cds", "publish", ZONE).returncode == 0 else None
    c.ctl("key", "generate", ZONE, "--role", "zsk")
    check_all(c)
    (c.dir / "example.zone").write_text(ZONE_TEXT.replace("www IN A", "web IN A").replace(" 1 7200", " 2 7200") + "deep.er.still IN TXT new\n")
    c.ctl("reload")
    check_all(c)
    assert c.ask("still.example.", "TXT", do=True).rcode() == 0


def test_no_parameters_are_published_but_those_of_rfc_9276(concord):
    """RFC 9276 section 3.1: no iterations, no salt; RFC 5155 section 3.1.2.1: no opt-out."""
    c = concord(signing="hashed", extra=POLICY)
    records = nsec3s(c.ask("nothing.example.", "A", do=True))
    assert len(records) in (2, 3)
    for _, r in records:
        assert (r.algorithm, r.flags, r.iterations, r.salt) == (1, 0, 0, b"")


def test_a_mode_change_keeps_every_answer_secure(concord):
    c = concord(start=False, signing="hashed", extra="signing:\n  - id: hashed\n    denial: nsec\n")
    c.start()
    check_all(c)
    for mode in ("nsec3", "nsec", "nsec3"):
        c.config.write_text(c.config.read_text().replace("denial: nsec3", "denial: X").replace("denial: nsec", "denial: X").replace("X", mode))
        c.ctl("reload")
        check_all(c)


def test_the_oracle_notices_a_missing_proof(concord):
    c = concord(signing="hashed", extra=POLICY)
    answer = c.ask(ZONE, "DNSKEY", do=True)
    keys = answer.find_rrset(answer.answer, NAME, 1, dns.rdatatype.DNSKEY)
    got = c.ask("nothing.example.", "A", do=True)
    for r in [r for r in got.authority if r.rdtype == dns.rdatatype.NSEC3]:
        got.authority.remove(r)
        with pytest.raises(Bogus):
            check_answer(got, NAME, keys)
        got.authority.append(r)
