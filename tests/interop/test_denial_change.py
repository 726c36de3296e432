# SPDX-License-Identifier: Apache-2.0
"""The way of denial of a zone changes under a resolver that holds proofs of the way before and answers from them (RFC 8198)."""
import dns.flags
import dns.rcode
import pytest

from lab.daemons import Concord, Unbound, free_port

ZONE = "example."
ZONE_TEXT = """$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 3600
@ IN NS ns1
ns1 IN A 192.0.2.1
b IN A 192.0.2.2
m IN A 192.0.2.3
x.ent IN A 192.0.2.4
*.wild IN A 192.0.2.5
host.wild IN TXT "closer"
secure IN NS ns.secure
secure IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
child IN NS ns.child
ns.child IN A 198.51.100.1
"""
POLICY = "signing:\n  - {{id: changing, denial: {denial}}}\n"


def policy(denial):
    return POLICY.format(denial=denial)


class Lab:
    def __init__(self, tmp_path, daemons, first):
        self.concord = Concord(tmp_path / "concord")
        self.concord.zone(ZONE, ZONE_TEXT, signing="changing")
        self.change(first, reload=False)
        self.unbound = Unbound(tmp_path / "unbound", "127.0.0.1", free_port())
        daemons += [self.concord, self.unbound]
        self.concord.start()
        self.unbound.stubs([ZONE], "127.0.0.1", self.concord.port, self.concord.ds(ZONE))
        conf = self.unbound.dir / "unbound.conf"
        text = conf.read_text()
        assert "aggressive-nsec: no" in text
        conf.write_text(text.replace("aggressive-nsec: no", "aggressive-nsec: yes"))
        self.unbound.start()

    def change(self, denial, reload=True):
        self.concord.extra = policy(denial)
        self.concord.write_config()
        if reload:
            self.concord.ctl("reload")

    def ask(self, name, rdtype, rcode, answers):
        got = self.unbound.ask(f"{name}{ZONE}", rdtype, do=True, rd=True, timeout=10)
        # Compact denial says NODATA of names that are not there (RFC 9824 section 2).
        allowed = {rcode, dns.rcode.NOERROR} if rcode == dns.rcode.NXDOMAIN else {rcode}
        assert got.rcode() in allowed, (name, rdtype, dns.rcode.to_text(got.rcode()))
        assert bool(got.answer) == answers, (name, rdtype, got)
        assert got.flags & dns.flags.AD, (name, rdtype)

    def ask_all(self, n):
        for name in (f"a{n}.", f"c{n}.", f"n{n}.", f"zz{n}.", f"q{n}.b.", f"q{n}.ent.", f"q{n}.host.wild."):
            self.ask(name, "A", dns.rcode.NXDOMAIN, False)
        for name, rdtype in (("b.", "A"), ("m.", "A"), ("x.ent.", "A"), (f"w{n}.wild.", "A"), (f"w{n}.v.wild.", "A"), ("host.wild.", "TXT"), ("", "SOA"),
                             ("secure.", "DS")):
            self.ask(name, rdtype, dns.rcode.NOERROR, True)
        for name, rdtype in (("b.", "AAAA"), ("ent.", "A"), (f"w{n}.wild.", "MX"), ("", "MX"), ("host.wild.", "A"), ("child.", "DS"), ("m.", "TXT")):
            self.ask(name, rdtype, dns.rcode.NOERROR, False)


@pytest.mark.parametrize("order", [("nsec", "nsec3", "compact", "nsec"), ("compact", "nsec3", "nsec", "compact")],
                         ids=lambda order: "-".join(order))
def test_what_a_resolver_holds_of_the_way_before_harms_nothing(tmp_path, daemons, order):
    lab = Lab(tmp_path, daemons, order[0])
    for n, denial in enumerate(order):
        if n > 0:
            lab.change(denial)
            if order[n - 1] == "nsec":
                before = lab.concord.ctl("stats")["udp_requests"]
                lab.ask("a-held.", "A", dns.rcode.NXDOMAIN, False)
                assert lab.concord.ctl("stats")["udp_requests"] == before  # answered from the way before
        for again in range(3):  # new names, with proofs of all ways so far in the cache
            lab.ask_all(10 * n + again)
