# SPDX-License-Identifier: Apache-2.0
"""Rules of answers that a client may lean on, a row each, with its RFC: what the differential test's zones reach, said one by one.

test_answers.py and test_server_questions.py have the common ones; here are the corners."""
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from lab.daemons import Concord, make_query
from test_answers import texts

LONG = ".".join(["l" * 63] * 3)  # with "example." behind 200 octets
LABEL = "x" * 63
ZONES = {
    "example.": f"""$TTL 300
@ IN SOA ns1 h 1 2 3 4 60
@ IN NS ns1
ns1 IN A 192.0.2.1
@ IN A 192.0.2.9
{LABEL} IN A 192.0.2.63
{LONG} IN TXT "long"
a\\.b IN A 192.0.2.10
\\000\\001\\255 IN A 192.0.2.11
MiXeD IN A 192.0.2.12
point IN CNAME MiXeD
long IN DNAME {LONG}.example.
loop IN DNAME loop.loop.example.
hop1 IN DNAME hop2
hop2 IN DNAME hop3
end.hop3 IN A 192.0.2.13
*.wild IN A 192.0.2.20
there.wild IN TXT "no address"
under.there.wild IN TXT "deeper"
*.alias IN CNAME point
*.cut IN A 192.0.2.21
cut IN NS ns.cut
ns.cut IN A 198.51.100.1
hidden.cut IN A 198.51.100.9
*.leads IN NS ns.elsewhere.test.
sub IN NS ns1.sub
ns1.sub IN A 192.0.2.53
sub IN DS 12345 13 2 {"AB" * 32}
""",
    "sub.example.": "$TTL 300\n@ IN SOA ns1 h 1 2 3 4 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww IN A 192.0.2.80\nup IN CNAME mixed.example.\n",
    "apex.test.": "$TTL 300\n@ IN SOA ns h 1 2 3 4 60\n@ IN NS ns.else.invalid.\n@ IN DNAME example.\n@ IN TXT \"at the apex\"\n",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    c = Concord(tmp_path_factory.mktemp("concord"))
    for name, text in ZONES.items():
        c.zone(name, text, signing="none")
    c.write_config()
    c.start()
    yield c
    c.stop()


SYNTHESIZED = "end.hop1.example. CNAME end.hop2.example."
ROWS = [
    # name, type, rcode, AA, answer, types of the authority section
    ("a label of 63 octets (RFC 1035 2.3.4)", f"{LABEL}.example.", "A", "NOERROR", True, [f"{LABEL}.example. A 192.0.2.63"], []),
    ("a name of 200 octets (RFC 1035 2.3.4)", f"{LONG}.example.", "TXT", "NOERROR", True, [f"{LONG}.example. TXT \"long\""], []),
    ("a name of 255 octets that is not there (RFC 1035 2.3.4)", f"{'z' * 53}.{LONG}.example.", "A", "NXDOMAIN", True, [], ["SOA"]),
    ("a dot within a label (RFC 4343 2.1)", "a\\.b.example.", "A", "NOERROR", True, ["a\\.b.example. A 192.0.2.10"], []),
    ("... is not the dot between labels", "a.b.example.", "A", "NXDOMAIN", True, [], ["SOA"]),
    ("octets that are no characters (RFC 2181 11)", "\\000\\001\\255.example.", "A", "NOERROR", True, ["\\000\\001\\255.example. A 192.0.2.11"], []),
    ("case is kept as it was asked (RFC 4343 4.1)", "mIxEd.EXAMPLE.", "A", "NOERROR", True, ["mIxEd.EXAMPLE. A 192.0.2.12"], []),
    ("a DNAME that makes too long a name (RFC 6672 2.2)", f"{'y' * 63}.long.example.", "A", "YXDOMAIN", True,
     [f"long.example. DNAME {LONG}.example."], []),
    ("the DNAME's own name has other data (RFC 6672 2.3)", "long.example.", "A", "NOERROR", True, [], ["SOA"]),
    ("DNAME itself can be asked for (RFC 6672 3.2)", "long.example.", "DNAME", "NOERROR", True, [f"long.example. DNAME {LONG}.example."], []),
    ("a chain of DNAMEs (RFC 6672 3.2)", "end.hop1.example.", "A", "NOERROR", True,
     [SYNTHESIZED, "end.hop2.example. CNAME end.hop3.example.", "end.hop3.example. A 192.0.2.13", "hop1.example. DNAME hop2.example.",
      "hop2.example. DNAME hop3.example."], []),
    ("CNAME below a DNAME: what is made is the answer (RFC 6672 3.1)", "end.hop1.example.", "CNAME", "NOERROR", True,
     [SYNTHESIZED, "hop1.example. DNAME hop2.example."], []),
    ("a DNAME at the apex (RFC 6672 2.3)", "mixed.apex.test.", "A", "NOERROR", True,
     ["apex.test. DNAME example.", "mixed.apex.test. CNAME mixed.example.", "mixed.example. A 192.0.2.12"], []),
    ("... leaves the apex its own data (RFC 6672 2.3)", "apex.test.", "TXT", "NOERROR", True, ["apex.test. TXT \"at the apex\""], []),
    ("a wildcard does not answer for a name that is there (RFC 4592 2.2.1)", "there.wild.example.", "A", "NOERROR", True, [], ["SOA"]),
    ("... nor below it (RFC 4592 3.3.1)", "x.there.wild.example.", "A", "NXDOMAIN", True, [], ["SOA"]),
    ("a wildcard's own name can be asked for (RFC 4592 2.3)", "*.wild.example.", "A", "NOERROR", True, ["*.wild.example. A 192.0.2.20"], []),
    ("a wildcard with a CNAME (RFC 4592 3.3.3)", "x.alias.example.", "A", "NOERROR", True,
     ["mixed.example. A 192.0.2.12", "point.example. CNAME mixed.example.", "x.alias.example. CNAME point.example."], []),
    ("below a cut a wildcard is not looked at (RFC 4592 4.2, RFC 1034 4.3.2)", "x.cut.example.", "A", "NOERROR", False, [], ["NS"]),
    ("what stands below a cut is no answer (RFC 2181 6)", "hidden.cut.example.", "A", "NOERROR", False, [], ["NS"]),
    ("NS at a cut is a referral (RFC 2181 6)", "cut.example.", "NS", "NOERROR", False, [], ["NS"]),
    ("DS at a cut is the parent's (RFC 4035 3.1.4.1)", "cut.example.", "DS", "NOERROR", True, [], ["SOA"]),
    ("DS of a zone whose parent is here too: the parent's (RFC 4035 3.1.4.1)", "sub.example.", "DS", "NOERROR", True,
     [f"sub.example. DS 12345 13 2 {'ab' * 32}"], []),
    ("all else at that name is the child's (RFC 1034 4.3.2)", "sub.example.", "SOA", "NOERROR", True,
     ["sub.example. SOA ns1.sub.example. h.sub.example. 1 2 3 4 60"], []),
    ("DS of a zone whose parent is not here (RFC 4035 3.1.4.1)", "example.", "DS", "NOERROR", True, [], ["SOA"]),
    ("an alias into another zone of ours is followed (RFC 1034 4.3.2)", "up.sub.example.", "A", "NOERROR", True,
     ["mixed.example. A 192.0.2.12", "up.sub.example. CNAME mixed.example."], []),
    ("RRSIG of what is not signed (RFC 4035 3.1)", "example.", "RRSIG", "NOERROR", True, [], ["SOA"]),
    ("NSEC of what is not signed (RFC 4035 3.1)", "example.", "NSEC", "NOERROR", True, [], ["SOA"]),
    ("a transfer over UDP that nobody allows (RFC 5936 4.2)", "example.", "AXFR", "REFUSED", False, [], []),
    ("MAILA (RFC 6895 3.1)", "example.", "MAILA", "NOTIMP", False, [], []),
    ("an unknown type (RFC 3597 6)", "example.", "TYPE65534", "NOERROR", True, [], ["SOA"]),
]


def told(section):
    """As texts(), with the zone's own spelling of one name in lower case, in targets and where a target is the next owner."""
    return sorted(t.replace("MiXeD.example.", "mixed.example.") for t in texts(section))


@pytest.mark.parametrize("row", ROWS, ids=[r[0] for r in ROWS])
def test_a_rule(served, row):
    _, name, rdtype, rcode, aa, answer, authority = row
    got = served.ask(name, rdtype)
    assert dns.rcode.to_text(got.rcode()) == rcode
    assert bool(got.flags & dns.flags.AA) == aa
    assert told(got.answer) == sorted(answer)
    assert [dns.rdatatype.to_text(r.rdtype) for r in got.authority] == authority


def test_the_case_of_a_question_comes_back_in_it_and_in_the_owner(served):
    """0x20: what a resolver compares; names behind it are compressed against it (RFC 1035 4.1.4, RFC 4343 4.1)."""
    q = make_query("MIXED.eXaMpLe.", "A")
    got = dns.query.udp(q, served.address, port=served.port, timeout=5)
    assert got.question[0].name.labels == (b"MIXED", b"eXaMpLe", b"") == got.answer[0].name.labels


def test_a_loop_of_dnames_ends(served):
    """RFC 6672 2.2, 3.2: some steps, and no more than fit."""
    got = served.ask("x.loop.example.", "A")
    assert got.rcode() in (dns.rcode.NOERROR, dns.rcode.YXDOMAIN) and 2 <= len(got.answer) < 20


CLASSES = [("ANY (RFC 1035 3.2.5)", dns.rdataclass.ANY), ("NONE (RFC 2136 1.3)", dns.rdataclass.NONE), ("HS", dns.rdataclass.HS), ("unknown", 65280)]


@pytest.mark.parametrize("row", CLASSES, ids=[r[0] for r in CLASSES])
def test_a_class_that_we_have_no_zones_of_is_refused(served, row):
    q = dns.message.make_query("www.example.", "A", rdclass=row[1])
    got = dns.query.udp(q, served.address, port=served.port, timeout=5)
    assert got.rcode() == dns.rcode.REFUSED and not got.answer and got.question == q.question


def test_flags_that_have_no_meaning_yet_come_back_as_nought(served):
    """RFC 6891 6.1.4: of EDNS flags DO alone is copied; RFC 1035 4.1.1: Z; RD is copied, RA, AD and CD are not ours to set."""
    q = make_query("mixed.example.", "A", do=True, rd=True)
    q.ednsflags |= 0x1234
    q.flags |= dns.flags.AD | dns.flags.CD | 0x0040
    got = dns.query.udp(q, served.address, port=served.port, timeout=5)
    assert got.ednsflags & 0xFFFF == dns.flags.DO
    assert got.flags & (dns.flags.RA | dns.flags.AD | dns.flags.CD | 0x0040 | dns.flags.RD) == dns.flags.RD


def test_an_extended_error_says_why(served):
    """RFC 8914: 20, not authoritative; where there was no OPT there is none."""
    def errors(m):
        return [int(o.code) for o in m.options if o.otype == 15]

    assert errors(served.ask("www.elsewhere.test.", "A")) == [20]
    assert errors(served.ask("mixed.example.", "A")) == []
    assert served.ask("www.elsewhere.test.", "A", edns=False).edns == -1
