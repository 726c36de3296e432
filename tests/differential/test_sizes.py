# SPDX-License-Identifier: Apache-2.0
"""Over UDP, with each size that clients say: what fits is whole, what does not has TC, and most servers agree which is which."""
import collections
import pathlib
import random
import sys

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import questions
import signing
import zones as lab_zones

SIZES = (None, 512, 1232, 4096)  # None: without EDNS (RFC 1035 section 4.2.1)
SERVER_MAX = 1232
SAMPLE = 120
NEAR = 120  # octets: servers differ in order, compression and what they leave out before they truncate


def make(name, rdtype, size):
    q = dns.message.make_query(name, rdtype)
    q.flags = 0
    if size is not None:
        q.use_edns(0, dns.flags.DO, size)
    return q


def limit_of(size):
    return 512 if size is None else min(size, SERVER_MAX)


def records(section):
    return {(r.name.canonicalize(), r.rdtype, r.covers, rd) for r in section for rd in r}


def faults_of(short, whole, size):
    """What is wrong with our answer over UDP, beside the one over TCP."""
    wire_len = len(short.to_wire())
    if wire_len > limit_of(size):
        yield f"{wire_len} octets"
    if (short.edns >= 0) != (size is not None):
        yield "OPT only where the client has it (RFC 6891 section 6.1.1)"
    if short.rcode() != whole.rcode():
        yield "another rcode"
    if short.flags & dns.flags.TC:
        return
    for name in ("answer", "authority"):
        if records(getattr(short, name)) != records(getattr(whole, name)):
            yield f"another {name} section, without TC (RFC 2181 section 9)"
    if not records(short.additional) <= records(whole.additional):
        yield "additional records that are not in the whole answer"


def test_answers_over_udp_are_whole_or_say_that_they_are_not(tmp_path, daemons):
    zones = lab_zones.zones()
    servers = signing.setup(tmp_path, zones, "nsec")
    for d in servers.values():
        daemons.append(d)
        d.start()
    asked = questions.of_zones(zones)
    found, truncated = [], collections.Counter()
    for size in SIZES:
        for zone, name, rdtype in random.Random(size or 0).sample(asked, SAMPLE):
            q = make(name, rdtype, size)
            whole = dns.query.tcp(q, servers["concordd"].address, port=servers["concordd"].port, timeout=10)
            short = {n: dns.query.udp(q, d.address, port=d.port, timeout=10) for n, d in servers.items()}
            where = (size, zone, name.to_text(), dns.rdatatype.to_text(rdtype))
            found += [(*where, f) for f in faults_of(short["concordd"], whole, size)]
            says = {n: bool(a.flags & dns.flags.TC) for n, a in short.items()}
            truncated[size] += says["concordd"]
            others = [v for n, v in says.items() if n != "concordd"]
            if others.count(not says["concordd"]) > len(others) / 2 and abs(len(whole.to_wire()) - limit_of(size)) > NEAR:
                found.append((*where, len(whole.to_wire()), says))
    assert not found, (len(found), found[:10])
    assert truncated[512] > truncated[1232], truncated
