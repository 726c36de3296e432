# SPDX-License-Identifier: Apache-2.0
"""What the server says of itself, what helps resolvers report failures, and additional data."""
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from test_answers import texts

NAMES = ("version.bind.", "version.server.", "hostname.bind.", "id.server.")


def chaos(c, name, rdtype="TXT"):
    q = dns.message.make_query(name, rdtype, rdclass=dns.rdataclass.CH)
    return dns.query.udp(q, c.address, port=c.port, timeout=5)


def test_version_and_identity_are_hidden_by_default(concord):
    c = concord(signing="none")
    for name in NAMES + ("authors.bind.",):
        assert chaos(c, name).rcode() == dns.rcode.REFUSED


def test_version_and_identity_are_told_where_configured(concord):
    """RFC 4892 section 2."""
    c = concord(signing="none", server={"version": '"our dns"', "identity": "node-7"})
    told = {n: chaos(c, n).answer[0][0].to_text() for n in NAMES}
    assert told == {"version.bind.": '"our dns"', "version.server.": '"our dns"', "hostname.bind.": '"node-7"', "id.server.": '"node-7"'}
    assert chaos(c, "VERSION.bind.").answer and not chaos(c, "version.bind.", "A").answer


def test_a_reporting_agent_is_named_in_answers(concord):
    """RFC 9567 section 5.1."""
    c = concord(signing="none", report_agent="agent.monitor.test")
    for name, rdtype in (("www.example.", "A"), ("nothing.example.", "A")):
        got = [o.data for o in c.ask(name, rdtype).options if o.otype == 18]
        assert got == [dns.name.from_text("agent.monitor.test.").to_wire()]
    assert not [o for o in c.ask("www.other.test.", "A").options if o.otype == 18]


def test_options_that_do_not_fit_beside_the_question_are_left_out(concord):
    """The longest name, the smallest size, and all that we may say: the answer stays whole and small."""
    agent = ".".join(["a" * 63] * 3)
    c = concord(signing="none", server={"nsid": "n" * 128}, report_agent=agent)
    name = ".".join(["q" * 63] * 3) + "." + "r" * 53 + ".example."
    asked = [dns.edns.GenericOption(3, b""), dns.edns.GenericOption(10, bytes(8)), dns.edns.ECSOption("2001:db8::", 56)]
    got = c.ask(name, "A", size=512, options=asked)
    assert got.rcode() == dns.rcode.NXDOMAIN and got.question[0].name == dns.name.from_text(name)
    assert len(got.to_wire()) <= 512 and {o.otype for o in got.options} == {3, 8, 10}
    assert {o.otype for o in c.ask("www.example.", "A", options=asked).options} == {3, 8, 10, 18}


def test_keepalive_is_answered_over_tcp_alone(concord):
    """RFC 7828 sections 3.2.1 and 3.3.2."""
    c = concord(signing="none", server={"tcp-idle": "30s"})
    asked = [dns.edns.GenericOption(11, b"")]
    assert [o.data for o in c.ask("www.example.", "A", tcp=True, options=asked).options] == [b"\x01\x2c"]
    assert not c.ask("www.example.", "A", options=asked).options


EXTRA = """$TTL 60
@ IN SOA ns1 h 1 2 3 4 5
@ IN NS ns1
ns1 IN A 192.0.2.1
@ IN MX 10 mail
mail IN A 192.0.2.25
mail IN AAAA 2001:db8::25
_x._tcp IN SRV 0 0 1 mail
svc IN HTTPS 1 . alpn=h2
svc IN A 192.0.2.8
alias IN HTTPS 0 svc
inside IN NS ns.inside
inside IN NS ns.beside
ns.inside IN A 198.51.100.1
beside IN NS ns.beside
ns.beside IN A 198.51.100.2
old IN DNAME new
hidden.old IN A 192.0.2.99
""" + "".join(f"wide IN NS n{i}.wide\nn{i}.wide IN A 198.51.100.{i}\nn{i}.wide IN AAAA 2001:db8:1::{i}\n" for i in range(1, 14)) \
    + "".join(f"full IN NS f{i}.full\nf{i}.full IN A 198.51.100.{i}\nfull IN NS s{i}.wide\ns{i}.wide IN AAAA 2001:db8:2::{i}\n" for i in range(1, 8))

ADDITIONAL = [
    ("MX draws addresses (RFC 1035 3.3.9)", "example.", "MX", ["mail.example. A 192.0.2.25", "mail.example. AAAA 2001:db8::25"]),
    ("SRV (RFC 2782)", "_x._tcp.example.", "SRV", ["mail.example. A 192.0.2.25", "mail.example. AAAA 2001:db8::25"]),
    ("NS at the apex (RFC 1035 3.3.11)", "example.", "NS", ["ns1.example. A 192.0.2.1"]),
    ("a service that is its own target (RFC 9460 4.1)", "svc.example.", "HTTPS", ["svc.example. A 192.0.2.8"]),
    ("an alias of a service brings the service (RFC 9460 4.1)", "alias.example.", "HTTPS",
     ["svc.example. A 192.0.2.8", "svc.example. HTTPS 1 . alpn=\"h2\""]),
    ("glue in the domain and of siblings (RFC 9471 3.1, 3.2)", "x.inside.example.", "A",
     ["ns.beside.example. A 198.51.100.2", "ns.inside.example. A 198.51.100.1"]),
]


@pytest.mark.parametrize("row", ADDITIONAL, ids=[r[0] for r in ADDITIONAL])
def test_additional_data(concord, row):
    c = concord(zone=EXTRA, signing="none")
    assert texts(c.ask(row[1], row[2]).additional) == row[3]


def test_glue_in_the_domain_is_sent_whole_or_with_tc(concord):
    """RFC 9471 section 3.1; sibling glue is left out in silence (3.2)."""
    c = concord(zone=EXTRA, signing="none")
    small = c.ask("x.wide.example.", "A", edns=False)
    assert small.flags & dns.flags.TC
    whole = c.ask("x.wide.example.", "A")
    assert not whole.flags & dns.flags.TC and len(texts(whole.additional)) == 26
    tight = c.ask("x.full.example.", "A", edns=False)
    in_domain = [t for t in texts(tight.additional) if ".full." in t]
    assert not tight.flags & dns.flags.TC and len(in_domain) == 7 and len(texts(tight.additional)) < 14


def test_names_below_a_dname_are_occluded(concord):
    """RFC 6672 section 2.4: what stands there is never an answer."""
    c = concord(zone=EXTRA, signing="none")
    got = c.ask("hidden.old.example.", "A")
    assert texts(got.answer) == ["hidden.old.example. CNAME hidden.new.example.", "old.example. DNAME new.example."]
    assert got.rcode() == dns.rcode.NXDOMAIN
