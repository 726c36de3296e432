# SPDX-License-Identifier: Apache-2.0
"""What a client gets, section by section."""
import socket

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from lab.daemons import ecs_of, make_query


def texts(section):
    return sorted(f"{r.name} {dns.rdatatype.to_text(r.rdtype)} {d.to_text()}" for r in section for d in r)


@pytest.fixture
def served(concord):
    return concord(signing="none", server={"nsid": "e2e-node"})


ROWS = [
    ("an exact name (RFC 1034 4.3.2)", "www.example.", "A", "NOERROR", True, ["www.example. A 192.0.2.80"], []),
    ("case does not matter (RFC 4343)", "WwW.eXaMpLe.", "A", "NOERROR", True, ["WwW.eXaMpLe. A 192.0.2.80"], []),
    ("an alias is followed inside the zone (RFC 1034 4.3.2)", "alias.example.", "A", "NOERROR", True,
     ["alias.example. CNAME www.example.", "www.example. A 192.0.2.80"], []),
    ("an alias out of our zones stands alone", "far.example.", "A", "NOERROR", True, ["far.example. CNAME elsewhere.test."], []),
    ("a loop of aliases ends", "loop-a.example.", "A", "NOERROR", True,
     ["loop-a.example. CNAME loop-b.example.", "loop-b.example. CNAME loop-a.example."], []),
    ("a wildcard answers under the name asked (RFC 4592 3.3.1)", "a.b.wild.example.", "A", "NOERROR", True,
     ["a.b.wild.example. A 192.0.2.77"], []),
    ("a wildcard without the type is no data (RFC 4592 2.2.1)", "a.wild.example.", "MX", "NOERROR", True, [], ["SOA"]),
    ("an empty non-terminal is no data (RFC 4592 2.2.2)", "ent.deep.example.", "A", "NOERROR", True, [], ["SOA"]),
    ("a name that is not there (RFC 2308 2.1)", "nothing.example.", "A", "NXDOMAIN", True, [], ["SOA"]),
    ("no such type (RFC 2308 2.2)", "www.example.", "MX", "NOERROR", True, [], ["SOA"]),
    ("a DNAME and the CNAME that it makes (RFC 6672 3.2)", "target.moved.example.", "A", "NOERROR", True,
     ["moved.example. DNAME new.example.", "target.moved.example. CNAME target.new.example.",
      "target.new.example. A 192.0.2.44"], []),
    ("ANY gets one set (RFC 8482 4.1)", "www.example.", "ANY", "NOERROR", True, ["www.example. A 192.0.2.80"], []),
    ("an unknown type (RFC 3597)", "odd.example.", "TYPE65280", "NOERROR", True, ["odd.example. TYPE65280 \\# 4 01020304"], []),
    ("outside our zones", "www.other.test.", "A", "REFUSED", False, [], []),
    ("a referral is not authoritative (RFC 1034 4.3.2)", "www.child.example.", "A", "NOERROR", False, [], ["NS"]),
]


@pytest.mark.parametrize("row", ROWS, ids=[r[0] for r in ROWS])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answers(served, row, tcp):
    _, name, rdtype, rcode, aa, answer, authority = row
    got = served.ask(name, rdtype, tcp=tcp)
    assert dns.rcode.to_text(got.rcode()) == rcode
    assert bool(got.flags & dns.flags.AA) == aa
    assert texts(got.answer) == sorted(answer)
    assert [dns.rdatatype.to_text(r.rdtype) for r in got.authority] == authority


def test_a_referral_brings_its_glue(served):
    got = served.ask("www.child.example.", "A")
    assert texts(got.authority) == ["child.example. NS ns.child.example.", "child.example. NS ns.elsewhere.test."]
    assert texts(got.additional) == ["ns.child.example. A 198.51.100.1"]


def test_negative_answers_carry_the_negative_ttl(served):
    """RFC 2308 section 3: the lesser of the SOA's TTL and its minimum."""
    assert served.ask("nothing.example.", "A").authority[0].ttl == 300


def test_a_type_newer_than_the_parser_is_served(served):
    """DSYNC (RFC 9859)."""
    got = served.ask("new.sync.example.", 66)
    assert got.answer[0][0].to_text().replace(" ", "") == "\\#22003b0114ef077363616e6e6572076578616d706c6500"


def test_an_answer_above_the_clients_size_is_truncated_and_whole_over_tcp(served):
    """RFC 2181 section 9, RFC 6891 section 6.2.5."""
    short = served.ask("big.example.", "TXT")
    assert short.flags & dns.flags.TC and not short.answer
    whole = served.ask("big.example.", "TXT", tcp=True)
    assert not whole.flags & dns.flags.TC and len(whole.answer[0][0].strings) == 12


def test_without_edns_answers_fit_into_512_octets_and_have_no_opt(served):
    got = served.ask("www.example.", "A", edns=False)
    assert got.edns == -1
    assert served.ask("www.example.", "A", edns=True).edns == 0


def test_nsid_is_given_when_asked_for(served):
    """RFC 5001."""
    got = served.ask("www.example.", "A", options=[dns.edns.GenericOption(3, b"")])
    assert [o.data for o in got.options if o.otype == 3] == [b"e2e-node"]
    assert not [o for o in served.ask("www.example.", "A").options if o.otype == 3]


def test_a_client_subnet_comes_back_with_scope_0_where_nothing_is_steered(served):
    """RFC 7871 section 7.2.1."""
    got = served.ask("www.example.", "A", ecs="198.51.100.0/24")
    assert ecs_of(got) == ("198.51.100.0", 24, 0)
    assert ecs_of(served.ask("www.example.", "A")) is None


BAD_ECS = [
    ("scope set in a query", b"\x00\x01\x18\x08\xc6\x33\x64"),
    ("bits past the source length", b"\x00\x01\x14\x00\xc6\x33\x6f"),
    ("too few address octets", b"\x00\x01\x18\x00\xc6\x33"),
    ("too many address octets", b"\x00\x01\x10\x00\xc6\x33\x64"),
    ("a length that IPv4 does not have", b"\x00\x01\x21\x00\xc6\x33\x64\x00\x00"),
    ("an unknown family", b"\x00\x07\x08\x00\xc6"),
]


@pytest.mark.parametrize("row", BAD_ECS, ids=[r[0] for r in BAD_ECS])
def test_a_malformed_client_subnet_is_formerr(served, row):
    """RFC 7871 section 7.1.2."""
    got = served.ask("www.example.", "A", options=[dns.edns.GenericOption(8, row[1])])
    assert got.rcode() == dns.rcode.FORMERR


def raw(served, wire, expect=True):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2 if expect else 0.5)
        s.sendto(wire, (served.address, served.port))
        try:
            return s.recv(65535)
        except socket.timeout:
            return None


def test_edns_versions_above_0_get_badvers(served):
    """RFC 6891 section 6.1.3."""
    q = make_query("www.example.", "A")
    q.use_edns(1)
    got = dns.message.from_wire(raw(served, q.to_wire()))
    assert got.rcode() == dns.rcode.BADVERS


def test_responses_are_never_answered(served):
    """QR=1 would make two servers talk for ever."""
    wire = bytearray(make_query("www.example.", "A").to_wire())
    wire[2] |= 0x80
    assert raw(served, bytes(wire), expect=False) is None
    assert raw(served, b"\x00" * 11, expect=False) is None
    assert served.ask("www.example.", "A").answer


@pytest.mark.parametrize("opcode,rcode", [(1, "NOTIMP"), (2, "NOTIMP"), (6, "NOTIMP"), (15, "NOTIMP")])
def test_opcodes_that_are_not_served_get_notimp(served, opcode, rcode):
    wire = bytearray(make_query("www.example.", "SOA").to_wire())
    wire[2] = opcode << 3
    got = raw(served, bytes(wire))
    assert got[3] & 0xF == dns.rcode.from_text(rcode) and got[2] >> 3 & 0xF == opcode


@pytest.mark.parametrize("opcode", [4, 5], ids=["NOTIFY", "UPDATE"])
def test_requests_about_names_that_are_no_zone_here_are_not_for_us(served, opcode):
    """RFC 2136 section 3.1.2, RFC 1996 section 3.10."""
    wire = bytearray(make_query("www.example.", "SOA").to_wire())
    wire[2] = opcode << 3
    got = raw(served, bytes(wire))
    assert got[3] & 0xF in (dns.rcode.NOTAUTH, dns.rcode.REFUSED) and got[2] >> 3 & 0xF == opcode


def test_more_or_fewer_questions_than_one_are_formerr(served):
    """RFC 9619 section 4."""
    for count in (0, 2):
        wire = bytearray(make_query("www.example.", "A", edns=False).to_wire())
        wire[5] = count
        assert raw(served, bytes(wire))[3] & 0xF == dns.rcode.FORMERR


def test_every_query_type_is_answered(served):
    """No type kills it or is met with silence (PowerDNS CVE-2021-36754 was type 65535)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((served.address, served.port))
        for start in range(0, 65536, 64):
            for rdtype in range(start, start + 64):
                s.send(make_query("www.example.", rdtype).to_wire())
            for _ in range(64):
                assert s.recv(65535)


def test_replies_leave_from_the_address_that_was_asked(concord):
    c = concord(start=False, signing="none")
    c.listen = [f"0.0.0.0@{c.port}"]
    c.write_config()
    c.start()
    for address in ("127.0.0.1", "127.0.0.2", "127.3.2.1"):
        assert c.ask("www.example.", "A", address=address).answer  # dnspython refuses other sources


def test_ipv6_is_served(concord):
    c = concord(start=False, signing="none")
    c.listen = [f'"::1@{c.port}"', f"127.0.0.1@{c.port}"]
    c.write_config()
    c.start()
    assert c.ask("www.example.", "A", address="::1").answer
    assert c.ask("www.example.", "A", address="::1", tcp=True).answer
