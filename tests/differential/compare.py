# SPDX-License-Identifier: Apache-2.0
"""Asks all servers the same over pipelined TCP, and compares section by section, order and TTL set aside."""
import collections
import socket
import struct

import dns.flags
import dns.message
import dns.rcode
import wires

IN_FLIGHT = 40


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def build(name, rdtype, do):
    q = dns.message.make_query(name, rdtype)
    q.flags = 0
    q.use_edns(0, dns.flags.DO if do else 0, 1232)
    return q.to_wire()[2:]


def ask_all(address, port, questions, do):
    """Wire answers in the order of the questions; a server that closes is asked on."""
    answers = [None] * len(questions)
    queries = [build(name, rdtype, do) for _, name, rdtype in questions]
    at = 0
    while at < len(queries):
        with socket.create_connection((address, port), timeout=10) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while at < len(queries):
                    part = range(at, min(at + IN_FLIGHT, len(queries)))
                    s.sendall(b"".join(struct.pack("!HH", len(queries[i]) + 2, i) + queries[i] for i in part))
                    for _ in part:
                        data = receive(s, struct.unpack("!H", receive(s, 2))[0])
                        answers[struct.unpack("!H", data[:2])[0]] = data
                    at = part[-1] + 1
            except ConnectionError:
                while at < len(queries) and answers[at] is not None:
                    at += 1
                if answers[at] is None:
                    answers[at] = b""
                    at += 1
    return answers


FIELDS = ("rcode", "aa", "tc", "answer", "authority", "additional")
Result = collections.namedtuple("Result", FIELDS)


def normalize(wire):
    """What an answer says, comparable; None for no answer. Sections are sets of (owner, type, rdata), RRSIG without times and signature."""
    if not wire:
        return None
    flags, sections, rcode_high = wires.read(wire)
    return Result(dns.rcode.to_text(rcode_high << 4 | flags & 0xF), bool(flags & dns.flags.AA), bool(flags & dns.flags.TC), *sections)


def majority(values):
    """What most say: all values with the highest count, where that is more than one server's."""
    counts = collections.Counter(values)
    best = max(counts.values())
    return [v for v, n in counts.items() if n == best] if best > 1 else []


def show(field, value):
    if field in ("answer", "authority", "additional"):
        return sorted(" ".join(str(p) for p in r) for r in value)
    return value


def differences(questions, ours, peers):
    """[(question, field, ours, {peer: value}, [accepted])] where ours is not what most say."""
    found = []
    for i, question in enumerate(questions):
        mine = normalize(ours[i])
        theirs = {p: normalize(a[i]) for p, a in peers.items()}
        for k, field in enumerate(FIELDS):
            said = {p: (None if r is None else r[k]) for p, r in theirs.items()}
            accepted = majority(said.values())
            value = None if mine is None else mine[k]
            if value not in accepted and not (not accepted and value in said.values()):
                found.append((question, field, value, said, accepted, mine))
    return found
