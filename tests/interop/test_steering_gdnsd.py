# SPDX-License-Identifier: Apache-2.0
"""The same map by country in Concord and in gdnsd, and the same clients: places are the same, and scopes are equal or better than
gdnsd's and never too short, which is judged by the database itself."""
import bisect
import collections
import ipaddress
import random
import socket
import struct

import pytest

from lab import mmdb, steerers
from lab.daemons import Concord, free_port

QUESTIONS = 10000
TOGETHER = 64  # questions on their way at once
SEED = 7
STEERED = ["DE", "FR", "GB", "US", "CA", "JP", "AU", "BR"]
OTHERS = ["ES", "IT", "MX", "IN", "ZA"]  # in the database, in no rule
BITS = {4: 32, 6: 128}
# IPv6 addresses that carry an IPv4 address are located as that (docs/steering.md): no scope may reach over them.
EMBEDDED = ["::ffff:0:0/96", "64:ff9b::/96", "2001::/32", "2002::/16"]


def random_ranges(rng, family, n):
    """Networks of all sizes, many within others, cut into ranges that do not overlap."""
    networks = {}
    for _ in range(n):
        length = rng.randint(6, 30) if family == 4 else rng.randint(14, 60)
        base = rng.getrandbits(32) if family == 4 else 1 << 125 | rng.getrandbits(125)
        # Half of them lie close to one another.
        if rng.random() < 0.5:
            base = base & 0xffff | 0xcb010000 if family == 4 else base & (1 << 100) - 1 | 0x2a00 << 112
        networks[(base >> BITS[family] - length << BITS[family] - length, length)] = rng.choice(STEERED + OTHERS)
    edges = {0}
    for base, length in networks:
        edges |= {base, base + (1 << BITS[family] - length)}
    edges = sorted(e for e in edges if e < 1 << BITS[family])
    ranges = []
    for at, following in zip(edges, edges[1:] + [1 << BITS[family]]):
        inside = [length for length in range(BITS[family], -1, -1) if (at >> BITS[family] - length << BITS[family] - length, length) in networks]
        if inside:
            length = inside[0]
            ranges.append((at, following - 1, networks[(at >> BITS[family] - length << BITS[family] - length, length)]))
    return ranges


class Truth:
    """What the database and the map say of each address, with nothing but lists."""

    def __init__(self, world, ranges, family):
        special = []
        for text in EMBEDDED if family == 6 else []:
            n = ipaddress.ip_network(text)
            special.append((int(n.network_address), int(n.broadcast_address)))
        edges = sorted({0} | {e for first, last, _ in ranges for e in (first, last + 1)} | {e for a, b in special for e in (a, b + 1)})
        self.bits = BITS[family]
        self.edges = [e for e in edges if e < 1 << self.bits]
        firsts, self.decision = [r[0] for r in ranges], []
        for e in self.edges:
            i = bisect.bisect_right(firsts, e) - 1
            country = ranges[i][2] if i >= 0 and ranges[i][1] >= e else None
            self.decision.append("by IPv4" if any(a <= e <= b for a, b in special) else world.of(country))

    def of(self, address):
        return self.decision[bisect.bisect_right(self.edges, address) - 1]

    def is_uniform(self, address, length):
        size = 1 << self.bits - length
        first = address // size * size
        i, j = bisect.bisect_right(self.edges, first) - 1, bisect.bisect_right(self.edges, first + size - 1)
        return len(set(self.decision[i:j])) == 1

    def exact(self, address):
        return next(n for n in range(self.bits + 1) if self.is_uniform(address, n))


def question(number, name, family, address, length):
    octets = address.to_bytes(BITS[family] // 8, "big")[:(length + 7) // 8]
    subnet = struct.pack("!HBB", 1 if family == 4 else 2, length, 0) + octets
    option = struct.pack("!HH", 8, len(subnet)) + subnet
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.rstrip(".").split(".")) + b"\0"
    return struct.pack("!6H", number, 0, 1, 0, 0, 1) + labels + struct.pack("!HH", 1, 1) + struct.pack("!BHHIH", 0, 41, 1232, 0, len(option)) + option


def read_answer(wire, question_len):
    """(address, scope) of an answer with one record, whose owner is compressed, and an OPT with the subnet alone."""
    answers, = struct.unpack_from("!H", wire, 6)
    at = question_len
    assert wire[3] & 15 == 0 and answers == 1 and wire[at] & 0xc0 == 0xc0, wire.hex()
    size, = struct.unpack_from("!H", wire, at + 10)
    address = socket.inet_ntoa(wire[at + 12:at + 16])
    at += 12 + size
    end = at + 11 + struct.unpack_from("!H", wire, at + 9)[0]
    at += 11
    while at < end:
        code, size = struct.unpack_from("!HH", wire, at)
        if code == 8:
            return address, wire[at + 7]
        at += 4 + size
    raise AssertionError("no client subnet in the answer")


def ask_all(daemon, name, clients):
    """[(address, scope)] in the order of the clients; what is lost is asked again."""
    name_len = 12 + len(name) + 1 + 4
    got = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((daemon.address, daemon.port))
        s.settimeout(2)
        for start in range(0, len(clients), TOGETHER):
            waiting = set(range(start, min(start + TOGETHER, len(clients))))
            while waiting:
                for i in waiting:
                    s.send(question(i & 0xffff, name, *clients[i]))
                try:
                    while waiting:
                        wire = s.recv(4096)
                        i = struct.unpack_from("!H", wire)[0]
                        if i in waiting:
                            waiting.discard(i)
                            got[i] = read_answer(wire, name_len)
                except TimeoutError:
                    pass
    return [got[i] for i in range(len(clients))]


def random_clients(rng, ranges):
    """Prefixes anywhere, and at the bounds of what the database has."""
    clients = []
    while len(clients) < QUESTIONS:
        family = rng.choice((4, 6))
        bits = BITS[family]
        length = rng.choice((rng.randint(1, bits), 24 if family == 4 else 56, bits))
        address = rng.getrandbits(32) if family == 4 else 1 << 125 | rng.getrandbits(125)
        if rng.random() < 0.7:
            first, last, _ = rng.choice(ranges[family])
            address = rng.choice((first, last, max(first - 1, 0), min(last + 1, (1 << bits) - 1), rng.randint(first, last)))
        address = address >> bits - length << bits - length
        if family == 4 or not any(ipaddress.IPv6Address(address) in ipaddress.ip_network(e) for e in EMBEDDED):
            clients.append((family, address, length))
    return clients


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    top = tmp_path_factory.mktemp("steering")
    rng = random.Random(SEED)
    ranges = {4: random_ranges(rng, 4, 1500), 6: random_ranges(rng, 6, 1500)}
    world = steerers.World("steered.example.", ["www"], STEERED, top / "world.mmdb")
    continents = steerers.continents()
    mmdb.write(world.database, ranges[4], ranges[6],
               {c: {"country": {"iso_code": c}, "continent": {"code": continents[c]}} for c in STEERED + OTHERS})
    gdnsd = steerers.GdnsdGeo(top / "gdnsd", port=free_port())
    gdnsd.configure(world)
    daemons = [world.concord(Concord(top / "concordd"), signing="none"), gdnsd]
    for d in daemons:
        d.start()
    yield world, ranges, random_clients(rng, ranges), daemons
    for d in daemons:
        d.stop()


def test_places_are_gdnsds_and_scopes_equal_or_better_and_never_unsafe(lab):
    world, ranges, clients, (concord, gdnsd) = lab
    truth = {f: Truth(world, ranges[f], f) for f in (4, 6)}
    ours, theirs = ask_all(concord, "www.steered.example.", clients), ask_all(gdnsd, "www.steered.example.", clients)
    compared = collections.Counter()
    for (family, address, length), (place, scope), (their_place, their_scope) in zip(clients, ours, theirs):
        what = (family, str(ipaddress.ip_address(address.to_bytes(BITS[family] // 8, "big"))), length, scope, their_scope)
        t = truth[family]
        assert place == t.of(address) == their_place, what
        assert scope == t.exact(address), what
        compared["shorter" if scope < their_scope else "equal" if scope == their_scope else "longer"] += 1
        # One that is shorter than ours reaches over addresses that are sent elsewhere.
        assert scope <= their_scope or not t.is_uniform(address, their_scope), what
    print(dict(compared))
    assert compared["equal"] > QUESTIONS / 2
