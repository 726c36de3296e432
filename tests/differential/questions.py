# SPDX-License-Identifier: Apache-2.0
"""What is asked about a zone: every name of it, what lies above, below and beside, with the types that matter there."""
import os
import random

import dns.name
import dns.rdatatype
import dns.zone

ALWAYS = ("A", "TXT", "DS")
SOMETIMES = ("NS", "MX", "AAAA", "CNAME", "SOA", "SRV", "DNSKEY", "NSEC3PARAM", "DNAME", "TYPE65281")


def beside(name):
    """A sibling, a child, a grandchild, and the wildcard's own label, where names allow."""
    made = []
    for labels in ((b"nx",), (b"a", b"nx"), (b"*",)):
        try:
            made.append(dns.name.Name(labels + name.labels))
        except dns.name.NameTooLong:
            pass
    if len(name.labels) > 2:
        parent = name.parent()
        for label in (b"zz", b"0", b"\x00", b"q*"):
            try:
                made.append(dns.name.Name((label,) + parent.labels))
            except dns.name.NameTooLong:
                pass
    return made


def upper(name):
    return dns.name.Name([label.upper() for label in name.labels])


def of_zone(origin, text):
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    apex = dns.name.from_text(origin)
    own, asked, seen = {}, [], set()
    for name, node in zone.nodes.items():
        own[name] = [r.rdtype for r in node.rdatasets]
        while name != apex:  # empty non-terminals
            name = name.parent()
            own.setdefault(name, [])
    pool = []
    for name in sorted(own):
        pool.append((name, list(own[name])))
        pool.extend((n, []) for n in beside(name))
    for i, (name, types) in enumerate(pool):
        wanted = types + [dns.rdatatype.from_text(t) for t in ALWAYS]
        wanted += [dns.rdatatype.from_text(SOMETIMES[(i + k) % len(SOMETIMES)]) for k in range(2)]
        for rdtype in wanted:
            if (name, rdtype) not in seen:
                seen.add((name, rdtype))
                asked.append((upper(name) if i % 7 == 0 else name, rdtype))
    return asked


def at_random(rng, origin, text, n):
    """Names made of the zone's own labels and of others, with any type that names data and some that nobody has."""
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    apex = dns.name.from_text(origin)
    labels = sorted({label for name in zone.nodes for label in name.labels[:len(name.labels) - len(apex.labels)]})
    labels += [b"*", b"nx", b"\x00", b"\xff", b"a", b"zz", b"_tcp", b"x" * 63]
    types = [t for t in ANY_TYPE if t not in NEVER]
    for _ in range(n):
        below = [rng.choice(labels) for _ in range(rng.randrange(4))]
        try:
            name = dns.name.Name(below + list(rng.choice([apex, *zone.nodes]).labels))
        except dns.name.NameTooLong:
            continue
        yield upper(name) if rng.random() < 0.2 else name, rng.choice(types)


# What stands for data; not the questions about signatures and proofs, which each server answers in its own way.
ANY_TYPE = [*range(1, 40), *range(42, 46), *range(48, 50), *range(52, 66), 99, 108, 256, 257, 261, 1000, 65280, 65534]
NEVER = [int(dns.rdatatype.from_text(t)) for t in ("SIG", "KEY", "NXT")]


def of_zones(zones):
    """[(zone, name, type)], plus what lies in no zone. Of a theme's second and third zone every sixth. With CONCORD_SEED all of them,
    and as many at random."""
    asked = []
    seed = os.environ.get("CONCORD_SEED")
    for zone, text in zones.items():
        own = [(zone, n, t) for n, t in of_zone(zone, text)]
        variant = zone.split(".")[0][-1:]
        asked += own[int(variant)::6] if variant in ("2", "3") and seed is None else own
        if seed is not None:
            asked += [(zone, n, t) for n, t in at_random(random.Random(f"{seed} {zone}"), zone, text, len(own))]
    if "." not in zones:
        asked += [(None, dns.name.from_text(n), dns.rdatatype.A) for n in ("nowhere.invalid.", "test.", ".", "www.example.com.")]
    return asked
