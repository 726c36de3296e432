# SPDX-License-Identifier: Apache-2.0
"""What hostile clients do: nobody else may notice, and nothing may grow. Harm is measured in the server's CPU time, so that what else
the machine does is not taken for it; `bench/run abuse` measures p99 on a machine that does nothing else."""
import contextlib
import multiprocessing
import os
import resource
import select
import socket
import ssl
import statistics
import struct

import pytest

from lab.daemons import make_query
from lab.effort import cpu_us, held, honest, is_unharmed, resident_kib, spent_us
from lab.wait import wait_until
from test_tls import client_context, connect, exchange
from test_tls import served as served_tls


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def question():
    return framed(make_query("www.example.", "A").to_wire())


@pytest.fixture
def control(concord):
    return concord(signing="none", server=one_worker())


@contextlib.contextmanager
def descriptors(n):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(n, before[0]), max(n, before[1])))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def no_quarantine(monkeypatch):
    """A sanitizer keeps what was freed for a while; here it would hide growth, or look like it."""
    given = os.environ.get("ASAN_OPTIONS")
    monkeypatch.setenv("ASAN_OPTIONS", ":".join(filter(None, [given, "quarantine_size_mb=0", "thread_local_quarantine_size_kb=0"])))


def one_worker(**more):
    return {"workers": "1", **more}


# ---- connections ----

def test_idle_connections_past_the_limit_are_refused_and_others_are_served(concord, control):
    """10,000 connections that say nothing, against a limit of 1,000."""
    with descriptors(12000):
        c = concord(signing="none", server=one_worker(tcp_max_connections=1000, tcp_max_per_client=100000, tcp_idle="600s"))
        idle = []
        try:
            for _ in range(10000):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex((c.address, c.port))
                idle.append(s)
                if len(idle) % 200 == 0:
                    c.ask("www.example.", "A")  # lets the server take what waits in its backlog
            wait_until(lambda: c.ctl("stats")["tcp_accepted"] + c.ctl("stats")["tcp_refused"] >= 9000, "connections were taken or refused")
            stats = c.ctl("stats")
            assert stats["tcp_open"] <= 1000 and stats["tcp_refused"] >= 8000
            assert is_unharmed(c, control)
        finally:
            for s in idle:
                s.close()
        wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")
        assert c.ask("www.example.", "A", tcp=True).answer


def test_one_network_cannot_take_all_connections(concord):
    c = concord(signing="none", server={"tcp-max-per-client": 20})
    mine = [socket.create_connection((c.address, c.port), timeout=5) for _ in range(40)]
    wait_until(lambda: c.ctl("stats")["tcp_refused_client"] == 20, "half of them are refused")
    other = socket.socket()
    other.bind(("127.9.9.9", 0))
    other.connect((c.address, c.port))
    other.settimeout(5)
    other.sendall(question())
    assert other.recv(2)
    for s in [*mine, other]:
        s.close()


DEAF = 40


def test_clients_that_never_read_hold_only_their_own_share(concord, no_quarantine, control):
    c = concord(signing="none", server=one_worker(tcp_max_per_client=1000))
    before = resident_kib(c)
    flood = framed(make_query("big.example.", "TXT").to_wire()) * 3000
    deaf = []
    for _ in range(DEAF):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((c.address, c.port))
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            s.send(flood)
        deaf.append(s)
    wait_until(lambda: c.ctl("stats")["tcp_paused"] >= DEAF, "all of them are paused", 60)
    assert is_unharmed(c, control)
    # Input and output of a connection are bounded; the sanitizer's own bookkeeping comes on top.
    assert resident_kib(c) - before < DEAF * 600
    for s in deaf:
        s.close()
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed", 60)


def test_octets_one_by_one_and_half_open_connections(concord, control):
    c = concord(signing="none", server=one_worker(tcp_max_per_client=1000))
    half = [socket.create_connection((c.address, c.port), timeout=5) for _ in range(200)]
    for s in half:
        s.sendall(b"\0")  # and never more
    with socket.create_connection((c.address, c.port), timeout=10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in question() * 5:
            s.sendall(bytes([octet]))
        for _ in range(5):
            n = struct.unpack("!H", s.recv(2, socket.MSG_WAITALL))[0]
            assert len(s.recv(n, socket.MSG_WAITALL)) == n
    assert is_unharmed(c, control)
    for s in half:
        s.close()
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")


# ---- pipelines ----

def test_a_thousand_pipelined_questions_are_answered(concord):
    c = concord(signing="none")
    with socket.create_connection((c.address, c.port), timeout=10) as s:
        s.sendall(question() * 1000)
        got, need = b"", 0
        for _ in range(1000):
            while len(got) < 2 or len(got) < 2 + struct.unpack("!H", got[:2])[0]:
                got += s.recv(65536)
            got = got[2 + struct.unpack("!H", got[:2])[0]:]
        assert got == b""


def pipeline(address, connections):
    """A hundred questions on each connection, again and again; for ever."""
    sockets = [socket.create_connection(address, timeout=10) for _ in range(connections)]
    flood = question() * 100
    rest = {s: flood for s in sockets}  # what of it is not sent yet
    for s in sockets:
        s.setblocking(False)
    while True:
        readable, writable, _ = select.select(sockets, sockets, [])
        for s in readable:
            with contextlib.suppress(BlockingIOError):
                s.recv(1 << 20)
        for s in writable:
            with contextlib.suppress(BlockingIOError):
                rest[s] = rest[s][s.send(rest[s]):] or flood


@contextlib.contextmanager
def process(work, *arguments):
    p = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    p.start()
    try:
        yield p
    finally:
        p.kill()
        p.join()


def test_a_datagram_waits_for_a_share_of_what_is_pipelined(concord):
    """One worker, forty connections with all they can send: each honest question is answered after some hundred answers of theirs
    at most, not after all that is ready."""
    c = concord(signing="none", server=one_worker(tcp_max_per_client=100))
    with process(pipeline, (c.address, c.port), 40), honest(c) as ask:
        wait_until(lambda: c.ctl("stats")["tcp_requests"] > 5000, "they pipeline")

        def waited():
            """In their answers, the median of many questions."""
            before, spent = c.ctl("stats")["tcp_requests"], cpu_us(c)
            seen = statistics.median(spent_us(c, ask, 100))
            return seen * (c.ctl("stats")["tcp_requests"] - before) / (cpu_us(c) - spent)

        assert any(waited() < 200 for _ in range(8))
        assert c.ctl("stats")["tcp_open"] == 40
        assert c.ask("www.example.", "A", tcp=True, timeout=20).answer
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")


# ---- what is malformed ----

HEADER = bytes.fromhex("000100000001000000000000")
MALFORMED = {
    "shorter than a header": lambda: os.urandom(7),
    "random": lambda: os.urandom(60),
    "a pointer to itself": lambda: HEADER + b"\xc0\x0c\0\1\0\1",
    "a pointer forward": lambda: HEADER + b"\xc0\x12\0\1\0\1\0",
    "a chain of pointers": lambda: HEADER + b"".join(struct.pack("!H", 0xC000 | (12 + 2 * i)) for i in range(40)) + b"\0\1\0\1",
    "a name without end": lambda: HEADER + b"\x3f" + b"a" * 40,
    "a name of more than 255 octets": lambda: HEADER + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\1\0\1",
    "a label of a kind that is not": lambda: HEADER + b"\x41a\0\0\1\0\1",
    "a question cut short": lambda: question()[2:-3],
    "trailing octets": lambda: question()[2:] + b"tail",
    "an option longer than its OPT": lambda: make_query("www.example.", "A").to_wire()[:-2] + b"\0\6\0\x0a\xff\xff\0\0",
    "two OPT": lambda: HEADER[:11] + b"\2" + question()[14:] + b"\0\0\x29\4\xd0\0\0\0\0\0\0",
    "counts that lie": lambda: question()[2:8] + b"\xff\xff\xff\xff" + question()[12:],
    "a response": lambda: question()[2:4] + b"\x80" + question()[5:],
    "an opcode that is not": lambda: question()[2:4] + b"\x78" + question()[5:],
    "a class that is not": lambda: HEADER + b"\3www\7example\0\0\1\xfe\0",
}
BATCH = 100


def flood_us(c, make, ask):
    """What the server spends on a message, found many at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((c.address, c.port))
        messages = [make() for _ in range(BATCH)]
        with held(c):
            before = cpu_us(c)
            for m in messages:
                s.send(m)
        ask()
        return (cpu_us(c) - before) / BATCH


def test_a_malformed_datagram_costs_no_more_than_two_good_questions_and_nothing_grows(concord, no_quarantine):
    c = concord(signing="none", server=one_worker())
    with honest(c) as ask:
        def is_cheap(make):
            """Beside good ones, in the same moments."""
            return any(flood_us(c, make, ask) < 2 * flood_us(c, lambda: question()[2:], ask) for _ in range(10))

        for make in MALFORMED.values():  # what stays is made: buffers of the sanitizer and the socket
            flood_us(c, make, ask)
        before = resident_kib(c)
        for kind, make in MALFORMED.items():
            assert is_cheap(make), kind
            for _ in range(5):
                flood_us(c, make, ask)
    assert resident_kib(c) - before < 4096
    assert c.ctl("stats")["udp_requests"] > len(MALFORMED) * 7 * BATCH


def say_and_go(s, messages):
    """Answers may come or not; the end may be sudden."""
    with contextlib.suppress(OSError):
        s.sendall(b"".join(framed(m) for m in messages))
        s.settimeout(0.02)
        s.recv(65536)
    s.close()


def test_malformed_messages_over_tcp_end_their_connection_at_most(concord, no_quarantine):
    c = concord(signing="none", server=one_worker(tcp_max_per_client=1000))

    def flood(n):
        for make in MALFORMED.values():
            for _ in range(n):
                say_and_go(socket.create_connection((c.address, c.port), timeout=10), [make() for _ in range(20)])
            for cut in (b"\0", b"\xff\xff" + make(), framed(make())[:-1]):
                with socket.create_connection((c.address, c.port), timeout=10) as s:
                    s.sendall(cut)
            assert c.ask("www.example.", "A", tcp=True).answer

    flood(2)
    before = resident_kib(c)
    flood(10)
    assert resident_kib(c) - before < 4096
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")


def test_malformed_messages_and_records_over_tls_end_their_connection_at_most(concord, no_quarantine):
    c = served_tls(concord, workers="1", **{"tcp-max-per-client": "1000"})
    context = client_context(c)

    def broken_record(record):
        with contextlib.suppress(OSError, ssl.SSLError):
            s = connect(c, context)
            raw = socket.socket(fileno=os.dup(s.fileno()))
            raw.sendall(record)
            raw.settimeout(0.02)
            raw.recv(100)
            raw.close()
            s.close()

    def flood(n):
        for make in MALFORMED.values():
            for _ in range(n):
                say_and_go(connect(c, context), [make() for _ in range(20)])
        for record in (b"\x17\x03\x03\xff\xff", b"\x17\x03\x03\0\x20" + os.urandom(32), b"\x15\x03\x03\0\2\1\0", os.urandom(300)):
            broken_record(record)
        with connect(c, context) as s:
            assert exchange(s, question()[2:])

    flood(1)
    before = resident_kib(c)
    flood(4)
    assert resident_kib(c) - before < 4096
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")
    assert c.ask("www.example.", "A").answer


def test_handshakes_without_end_leave_others_alone(concord):
    """Clients that begin TLS again and again: each handshake is signed for, and UDP has its turn between any two."""
    c = served_tls(concord, workers="1", **{"tcp-max-per-client": "1000"})

    def shake():
        context = client_context(c)
        while True:
            with contextlib.suppress(OSError):
                connect(c, context).close()

    before = c.ctl("stats")["tls_handshakes"]
    with process(shake), process(shake), honest(c) as ask:
        for _ in range(200):
            ask()
        wait_until(lambda: c.ctl("stats")["tls_handshakes"] > before + 50, "they go on")
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")
