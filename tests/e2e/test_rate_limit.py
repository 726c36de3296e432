# SPDX-License-Identifier: Apache-2.0
"""Response rate limiting: a flood gets little, TCP and clients with a cookie get all."""
import socket

import dns.edns
import dns.flags
import dns.message
import dns.rcode

from lab.daemons import make_query

RATE = {"rate-limit": "{responses-per-second: 10, slip: 2}", "workers": "1"}


def flood(c, n, name="www.example.", options=()):
    """Sends n questions; returns the answers that came before one that is never limited."""
    got = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((c.address, c.port))
        for _ in range(n):
            s.send(make_query(name, "A", options=options).to_wire())
        last = make_query("www.free.test.", "A")
        s.send(last.to_wire())
        while True:
            answer = dns.message.from_wire(s.recv(4096))
            if answer.id == last.id:
                return got
            got.append(answer)


def served(concord, **options):
    c = concord(start=False, signing="none", server=RATE, **options)
    c.zone("free.test.", "@ 60 IN SOA a b 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\nwww 60 IN A 192.0.2.9\n", signing="none", rate_limit="no")
    c.write_config()
    return c.start()


def test_a_flood_gets_few_answers_and_each_second_one_with_tc(concord):
    c = served(concord)
    got = flood(c, 200)
    whole = [a for a in got if not a.flags & dns.flags.TC]
    slipped = [a for a in got if a.flags & dns.flags.TC]
    # The flood may stretch over the turn of a second or two.
    assert 10 <= len(whole) <= 30 and 80 <= len(slipped) <= 95
    assert not any(a.answer for a in slipped)
    stats = c.ctl("stats")
    assert stats["rate_slipped"] == len(slipped) and stats["rate_dropped"] == 200 - len(got)


def test_tcp_is_never_limited(concord):
    c = served(concord)
    flood(c, 100)
    assert c.ask("www.example.", "A", tcp=True).answer


def test_a_good_cookie_lifts_the_limit(concord):
    """RFC 7873 section 5.2.3."""
    c = served(concord)
    first = c.ask("www.example.", "A", tcp=True, options=[dns.edns.GenericOption(10, bytes(8))])
    cookie = next(o.data for o in first.options if o.otype == 10)
    got = flood(c, 100, options=[dns.edns.GenericOption(10, cookie)])
    assert len(got) == 100 and all(a.answer for a in got)


def test_kinds_of_answers_are_counted_apart_and_a_zone_may_be_exempt(concord):
    c = served(concord)
    flood(c, 100, name="nothing.example.")
    got = flood(c, 5)
    assert len(got) == 5 and all(a.rcode() == dns.rcode.NOERROR and a.answer for a in got)
    assert len(flood(c, 100, name="www.free.test.")) == 100
