# SPDX-License-Identifier: Apache-2.0
"""The real daemon with a small zone, on a free port of 127.0.0.1."""
import pytest

from lab.daemons import Concord

ZONE = "example."

ZONE_TEXT = """$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
@ IN NS ns2
@ IN MX 10 mail
ns1 IN A 192.0.2.1
ns1 IN AAAA 2001:db8::1
ns2 IN A 192.0.2.2
mail IN A 192.0.2.25
www IN A 192.0.2.80
www IN AAAA 2001:db8::80
alias IN CNAME www
far IN CNAME elsewhere.test.
loop-a IN CNAME loop-b
loop-b IN CNAME loop-a
*.wild IN A 192.0.2.77
*.wild IN TXT "any name"
x.ent.deep IN A 192.0.2.9
child IN NS ns.child
child IN NS ns.elsewhere.test.
ns.child IN A 198.51.100.1
secure IN NS ns.secure
secure IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns.secure IN A 198.51.100.2
moved IN DNAME new.example.
target.new IN A 192.0.2.44
new.sync IN DSYNC CDS NOTIFY 5359 scanner.example.
odd IN TYPE65280 \\# 4 01020304
"""

BIG = "big IN TXT " + " ".join('"' + f"{i:03}" * 70 + '"' for i in range(12)) + "\n"


@pytest.fixture
def concord(tmp_path, daemons):
    """A factory: makes a daemon with the zone above unless told otherwise, and starts it."""

    def make(start=True, zone=ZONE_TEXT + BIG, steering=None, geo=None, extra="", server=(), **options):
        c = Concord(tmp_path / f"concord{len(daemons)}")
        c.extra = extra
        c.options.update(dict(server))
        if zone is not None:
            c.zone(ZONE, zone, steering=steering, geo=geo, **options)
        c.write_config()
        daemons.append(c)
        return c.start() if start else c

    return make
