# SPDX-License-Identifier: Apache-2.0
"""Compact denial of existence (RFC 9824): shapes of answers, validators of several makers, and changes of the way of denial.

All questions of all zones are in tests/differential."""
import select
import socket
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from conftest import ZONE, ZONE_TEXT
from lab.daemons import Unbound, free_port, make_query
from lab.oracle import NXNAME, Bogus, check_answer, has_type, nsecs, says_nxname, signatures

NAME = dns.name.from_text(ZONE)
POLICY = "signing:\n  - id: small\n    denial: compact\n"
CO = 0x4000
ASKED = [("www.example.", "A"), ("www.example.", "MX"), ("nothing.example.", "A"), ("a.b.c.example.", "A"), ("q.wild.example.", "A"),
         ("q.wild.example.", "MX"), ("*.wild.example.", "A"), ("ent.deep.example.", "A"), ("deep.example.", "NS"), ("example.", "DNSKEY"),
         ("example.", "NSEC"), ("nothing.example.", "NSEC"), ("q.wild.example.", "NSEC"), ("x.moved.example.", "TXT"), ("child.example.", "DS"),
         ("www.child.example.", "A"), ("www.secure.example.", "A"), ("alias.example.", "A"), ("NoThInG.eXaMple.", "A"), ("*.example.", "A")]


@pytest.fixture
def compact(concord):
    return concord(signing="small", extra=POLICY)


def keys_of(c):
    answer = c.ask(ZONE, "DNSKEY", do=True, tcp=True)
    return answer.find_rrset(answer.answer, NAME, 1, dns.rdatatype.DNSKEY)


def check_all(c, nsec=True):
    keys = keys_of(c)
    for name, rdtype in ASKED:
        if rdtype == "NSEC" and not nsec:
            continue  # who asks another chain for its links gets them bare
        check_answer(c.ask(name, rdtype, do=True, tcp=True), NAME, keys)


def ask_co(c, name, rdtype, do=True):
    q = make_query(name, rdtype)
    q.use_edns(0, (dns.flags.DO if do else 0) | CO, 1232)
    return dns.query.udp(q, c.address, timeout=5, port=c.port)


def the_nsec(answer):
    found = nsecs(answer)
    assert len(found) == 1, answer
    return found[0]


def types_of(nsec):
    return {t for t in range(1, 300) if has_type(nsec, t)}


def test_every_kind_of_answer_validates(compact):
    check_all(compact)
    check_all(compact)  # from the table of made names


def test_a_name_that_does_not_exist_is_denied_by_one_record(compact):
    """RFC 9824 section 3.1."""
    got = compact.ask("a.Nothing.example.", "A", do=True)
    owner, nsec = the_nsec(got)
    assert got.rcode() == dns.rcode.NOERROR and not got.answer
    assert owner == dns.name.from_text("a.nothing.example.") and nsec.next == dns.name.from_text("\\000.a.nothing.example.")
    assert types_of(nsec) == {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, NXNAME}
    assert [r.rdtype for r in got.authority if r.rdtype != dns.rdatatype.RRSIG] == [dns.rdatatype.SOA, dns.rdatatype.NSEC]


def test_without_do_it_is_nxdomain(compact):
    """RFC 9824 section 3.1: only those who understand the proof get NOERROR."""
    for got in (compact.ask("nothing.example.", "A"), compact.ask("nothing.example.", "A", edns=False), ask_co(compact, "nothing.example.", "A", do=False)):
        assert got.rcode() == dns.rcode.NXDOMAIN and [r.rdtype for r in got.authority] == [dns.rdatatype.SOA]
        assert not got.ednsflags & CO


def test_co_restores_nxdomain(compact, concord):
    """RFC 9824 section 5.1: CO is set in the answer, and names that do not exist are NXDOMAIN."""
    got = ask_co(compact, "nothing.example.", "A")
    assert got.rcode() == dns.rcode.NXDOMAIN and got.ednsflags & CO and got.ednsflags & dns.flags.DO
    check_answer(got, NAME, keys_of(compact))
    for name, rdtype in (("www.example.", "A"), ("www.example.", "MX"), ("deep.example.", "A"), ("q.wild.example.", "MX")):
        got = ask_co(compact, name, rdtype)
        assert got.rcode() == dns.rcode.NOERROR and got.ednsflags & CO
    other = concord()
    assert not ask_co(other, "nothing.example.", "A").ednsflags & CO  # its zone does not deny like that


def test_names_that_exist_have_their_own_types(compact):
    """RFC 9824 section 3.2; an empty non-terminal has no NXNAME and nothing else; a cut has what is the parent's."""
    T = dns.rdatatype
    for name, rdtype, want in [("www.example.", "MX", {T.A, T.AAAA, T.RRSIG, T.NSEC}), ("ent.deep.example.", "A", {T.RRSIG, T.NSEC}),
                               ("deep.example.", "A", {T.RRSIG, T.NSEC}), ("child.example.", "DS", {T.NS, T.RRSIG, T.NSEC})]:
        owner, nsec = the_nsec(compact.ask(name, rdtype, do=True))
        assert owner == dns.name.from_text(name) and types_of(nsec) == want


def test_insecure_referrals_have_the_cuts_own_record(compact):
    """RFC 9824 section 3.4."""
    got = compact.ask("www.child.example.", "A", do=True)
    owner, nsec = the_nsec(got)
    assert owner == dns.name.from_text("child.example.") and types_of(nsec) == {dns.rdatatype.NS, dns.rdatatype.RRSIG, dns.rdatatype.NSEC}
    assert not got.flags & dns.flags.AA


def test_what_a_wildcard_gives_is_signed_under_the_name_asked(compact):
    """RFC 9824 section 3.3: an exact match, and no proof beside it."""
    got = compact.ask("a.q.wild.example.", "A", do=True)
    assert not got.authority
    sig = signatures(got.answer, dns.name.from_text("a.q.wild.example."), dns.rdatatype.A)
    assert sig[0].labels == 4
    owner, nsec = the_nsec(compact.ask("a.q.wild.example.", "MX", do=True))
    assert owner == dns.name.from_text("a.q.wild.example.")
    assert types_of(nsec) == {dns.rdatatype.A, dns.rdatatype.TXT, dns.rdatatype.RRSIG, dns.rdatatype.NSEC}


def test_nxname_itself_cannot_be_asked_for(compact):
    """RFC 9824 section 3.5."""
    got = compact.ask("www.example.", "TYPE128", do=True)
    assert got.rcode() == dns.rcode.FORMERR
    assert [o.code for o in got.options if isinstance(o, dns.edns.EDEOption)] == [30]


def test_the_types_of_a_name_do_not_depend_on_the_client(concord):
    steering = """
www:
  type: A
  ttl: 60
  values: [192.0.2.1]
  dynamic:
    pools:
      a: {values: [{value: 192.0.2.10}]}
      b: {values: [{value: 192.0.2.20}]}
    rules:
      - {subnets: [203.0.113.0/24], pool: a}
      - {pool: b}
"""
    c = concord(zone=ZONE_TEXT.replace("www IN A 192.0.2.80\n", ""), steering=steering, signing="small", extra=POLICY)
    seen = {tuple(sorted(types_of(the_nsec(c.ask("www.example.", "MX", do=True, ecs=e))[1]))) for e in ("203.0.113.0/24", "198.51.100.0/24", None)}
    assert len(seen) == 1 and dns.rdatatype.A in seen.pop()
    answers = {c.ask("www.example.", "A", do=True, ecs=e).answer[0][0].address for e in ("203.0.113.0/24", "198.51.100.0/24")}
    assert answers == {"192.0.2.10", "192.0.2.20"}
    keys = keys_of(c)
    for e in ("203.0.113.0/24", "198.51.100.0/24"):
        check_answer(c.ask("www.example.", "A", do=True, ecs=e), NAME, keys)


def test_names_of_the_greatest_length_are_denied(compact):
    keys = keys_of(compact)
    labels = [b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 53]
    for cut in range(4):
        name = dns.name.Name((labels[0][:63 - cut],) + tuple(labels[1:]) + NAME.labels)
        assert len(name.to_wire()) == 255 - cut
        check_answer(compact.ask(name, "A", do=True), NAME, keys)
    greatest = dns.name.Name((b"\xff" * 63, b"\xff" * 63, b"\xff" * 63, b"\xff" * 53) + NAME.labels)
    check_answer(compact.ask(greatest, "A", do=True), NAME, keys)


def test_delv_calls_every_answer_validated(compact, tmp_path):
    """BIND's validator, which asks by itself."""
    keys = [k for k in keys_of(compact) if k.flags == 257]
    anchors = tmp_path / "anchors"
    anchors.write_text("trust-anchors {\n" + "".join(
        f'"{ZONE}" static-key {k.flags} {k.protocol} {k.algorithm} "{k.to_text().split(maxsplit=3)[3].replace(" ", "")}";\n' for k in keys) + "};\n")

    def delv(name, rdtype):
        return subprocess.run(["delv", f"@{compact.address}", "-p", str(compact.port), "-a", str(anchors), f"+root={ZONE}", name, rdtype],
                              capture_output=True, text=True, timeout=30)

    for name, rdtype, want in [("www.example.", "A", "fully validated"), ("www.example.", "MX", "negative response, fully validated"),
                               ("nothing.example.", "A", "negative response, fully validated"), ("q.wild.example.", "A", "fully validated"),
                               ("q.wild.example.", "MX", "negative response, fully validated"), ("deep.example.", "A", "negative response, fully validated"),
                               ("child.example.", "DS", "negative response, fully validated")]:
        done = delv(name, rdtype)
        assert f"; {want}" in done.stdout, (name, rdtype, done.stdout, done.stderr)
    # The negative control.
    anchors.write_text(anchors.read_text().replace('static-key 257 3 13 "', 'static-key 257 3 13 "AAAA'))
    assert "validated" not in delv("www.example.", "A").stdout


def change_mode(c, mode):
    text = c.config.read_text()
    for known in ("nsec3", "nsec", "compact"):
        text = text.replace(f"denial: {known}\n", f"denial: {mode}\n")
    c.config.write_text(text)
    c.ctl("reload")


@pytest.mark.parametrize("aggressive", ["yes", "no"])
def test_a_resolver_that_holds_old_answers_sees_no_gap_as_the_mode_changes(compact, tmp_path, daemons, aggressive):
    """Each proof says something true by itself; with RFC 8198 the resolver even answers from old ones."""
    keys = keys_of(compact)
    unbound = Unbound(tmp_path / "unbound", port=free_port())
    unbound.parent(ZONE, compact.address, compact.port, [f"{ZONE} IN DNSKEY {k.to_text()}" for k in keys if k.flags == 257])
    conf = unbound.dir / "unbound.conf"
    conf.write_text(conf.read_text().replace("aggressive-nsec: no", f"aggressive-nsec: {aggressive}"))
    daemons.append(unbound)
    unbound.start()
    asked = [(n, t) for n, t in ASKED if "child" not in n and "secure" not in n and "moved" not in n and t not in ("NSEC", "DNSKEY")]
    for number, mode in enumerate(("compact", "nsec", "compact", "nsec3", "compact", "nsec3", "nsec")):
        change_mode(compact, mode)
        check_all(compact, nsec=mode == "compact")
        for name, rdtype in asked + [(f"new{number}.example.", "A"), (f"deep.new{number}.example.", "TXT"), (f"q{number}.wild.example.", "A"),
                                     (f"q{number}.wild.example.", "MX"), ("example.", f"TYPE{65300 + number}")]:
            got = unbound.ask(name, rdtype, do=True, rd=True)
            assert got.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and got.flags & dns.flags.AD, (mode, name, rdtype, got)
            positive = (name, rdtype) in {("www.example.", "A"), ("alias.example.", "A")} or (".wild." in name and rdtype == "A")
            assert bool(got.answer) == positive, (mode, name, rdtype, got)


def test_the_oracle_notices_what_compact_denial_may_not_say(compact):
    keys = keys_of(compact)
    got = compact.ask("nothing.example.", "A", do=True)
    got.authority = [r for r in got.authority if r.rdtype != dns.rdatatype.NSEC]
    with pytest.raises(Bogus):
        check_answer(got, NAME, keys)
    one, other = compact.ask("one.example.", "A", do=True), compact.ask("other.example.", "A", do=True)
    one.authority = other.authority
    with pytest.raises(Bogus):
        check_answer(one, NAME, keys)
    assert says_nxname(other, dns.name.from_text("other.example."))


def test_the_table_of_made_names_is_seen_in_the_numbers(concord):
    c = concord(signing="small", extra=POLICY, server={"made-signatures-mib": "1"})
    for i in range(50):
        c.ask(f"n{i}.example.", "A", do=True)
    made = c.ctl("stats")["sig_made"]
    c.ask("n7.example.", "A", do=True)
    assert c.ctl("stats")["sig_made"] == made


def test_the_size_of_the_table_can_change_while_serving(concord):
    c = concord(signing="small", extra=POLICY, server={"made-signatures-mib": "1"})
    check_all(c)
    c.config.write_text(c.config.read_text().replace("made-signatures-mib: 1", "made-signatures-mib: 2"))
    c.ctl("reload")
    check_all(c)


def test_what_cannot_wait_is_told_so_at_once_and_hits_go_on(concord):
    """More names at one time than may wait: SERVFAIL with an extended error (RFC 8914), counted; what is cached is answered."""
    c = concord(signing="dear", extra="signing:\n  - {id: dear, denial: compact, algorithm: rsasha256}\n", server={"workers": "1", "signers": "1"})
    hit = make_query("www.example.", "A", do=True)
    c.ask("www.example.", "A", do=True)
    before = c.ctl("stats")["sig_given_up"]
    seen, sent = [], 2500
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((c.address, c.port))
        s.settimeout(3)
        for i in range(sent):
            s.send(make_query(f"n{i}.example.", "A", do=True).to_wire())
            while select.select([s], [], [], 0)[0]:
                seen.append(s.recv(4096))
        assert dns.query.udp(hit, c.address, timeout=20, port=c.port).answer  # thousands are before it
        try:
            while len(seen) < sent:
                seen.append(s.recv(4096))
        except TimeoutError:
            pass
    answers = [dns.message.from_wire(w) for w in seen]
    refused = [m for m in answers if m.rcode() == dns.rcode.SERVFAIL]
    assert len(refused) > 100, (len(answers), len(refused))
    assert all(any(isinstance(o, dns.edns.EDEOption) and o.code == 14 for o in m.options) for m in refused)
    assert c.ctl("stats")["sig_given_up"] - before >= len(refused)
    keys = keys_of(c)
    for m in answers[:20] + answers[-20:]:
        if m.rcode() == dns.rcode.NOERROR:
            check_answer(m, NAME, keys)
