# SPDX-License-Identifier: Apache-2.0
"""DNS over TCP (RFC 7766)."""
import socket
import struct
import time

import dns.message
import pytest

from lab.daemons import make_query
from lab.wait import wait_until


def connect(c):
    s = socket.create_connection((c.address, c.port), timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def framed(name, rdtype="A", do=False):
    wire = make_query(name, rdtype, do=do).to_wire()
    return struct.pack("!H", len(wire)) + wire


def receive(s):
    head = b""
    while len(head) < 2:
        got = s.recv(2 - len(head))
        if not got:
            return None
        head += got
    n, wire = struct.unpack("!H", head)[0], b""
    while len(wire) < n:
        wire += s.recv(n - len(wire))
    return dns.message.from_wire(wire)


def test_pipelined_queries_are_all_answered(concord):
    c = concord()
    with connect(c) as s:
        s.sendall(b"".join(framed("www.example.", do=True) for _ in range(1000)))
        for _ in range(1000):
            assert len(receive(s).answer) == 2


def test_a_query_may_come_one_octet_at_a_time(concord):
    c = concord()
    with connect(c) as s:
        for octet in framed("www.example."):
            s.send(bytes([octet]))
        assert receive(s).answer


def test_a_client_that_half_closes_gets_its_answers(concord):
    c = concord()
    with connect(c) as s:
        s.sendall(framed("www.example.") * 3)
        s.shutdown(socket.SHUT_WR)
        assert [bool(receive(s).answer) for _ in range(3)] == [True] * 3
        assert receive(s) is None


def test_an_idle_connection_is_closed(concord):
    c = concord(server={"tcp_idle": "1s"})
    with connect(c) as s:
        s.sendall(framed("www.example."))
        assert receive(s).answer
        started = time.monotonic()
        assert receive(s) is None
        assert 0.5 < time.monotonic() - started < 8
    wait_until(lambda: c.ctl("stats")["tcp_idle_closed"] == 1, "it is counted")


def test_connections_above_the_limit_are_closed_and_others_go_on(concord):
    c = concord(server={"tcp_max_connections": "5", "workers": "1"})
    first = [connect(c) for _ in range(5)]
    for s in first:
        s.sendall(framed("www.example."))
        assert receive(s).answer
    with connect(c) as extra:
        extra.sendall(framed("www.example."))
        with pytest.raises((ConnectionError, TypeError, AttributeError)):
            receive(extra).answer
    for s in first:
        s.sendall(framed("www.example."))
        assert receive(s).answer
        s.close()


def test_a_client_that_never_reads_does_not_hold_others(concord):
    c = concord(server={"workers": "1"})
    stuck = connect(c)
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.setblocking(False)
    big = framed("big.example.", "TXT") * 50
    for _ in range(400):
        try:
            stuck.send(big)
        except BlockingIOError:
            break
    for _ in range(50):
        assert c.ask("www.example.", "A", timeout=2).answer
        assert c.ask("www.example.", "A", tcp=True, timeout=2).answer
    stuck.close()


def test_a_broken_message_ends_the_connection_and_nothing_else(concord):
    c = concord()
    with connect(c) as s:
        s.sendall(struct.pack("!H", 3) + b"abc")
        assert receive(s) is None
    assert c.ask("www.example.", "A", tcp=True).answer


def test_pipelined_questions_with_big_answers_are_all_answered(concord):
    """What was read and waits for the client to take answers makes no event of its own."""
    c = concord(signing="none")
    wires = [make_query("big.example.", "TXT").to_wire() for _ in range(300)]
    with socket.create_connection((c.address, c.port), timeout=10) as s:
        s.sendall(b"".join(struct.pack("!H", len(w)) + w for w in wires))
        left = b""
        for _ in wires:
            while len(left) < 2 or len(left) < 2 + struct.unpack("!H", left[:2])[0]:
                more = s.recv(65536)
                assert more
                left += more
            left = left[2 + struct.unpack("!H", left[:2])[0]:]
    assert left == b""
