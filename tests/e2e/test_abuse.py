# SPDX-License-Identifier: Apache-2.0
"""What hostile clients do: nobody else may notice, and nothing may grow."""
import contextlib
import os
import pathlib
import resource
import socket
import statistics
import struct
import threading
import time

import pytest

from lab.daemons import make_query
from lab.wait import wait_until


def question():
    wire = make_query("www.example.", "A").to_wire()
    return struct.pack("!H", len(wire)) + wire


def resident_kib(c):
    status = pathlib.Path(f"/proc/{c.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


def p99_ms(c, n=600):
    """Of honest questions over UDP, one at a time."""
    wire, times = make_query("www.example.", "A").to_wire(), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((c.address, c.port))
        for _ in range(n):
            begun = time.perf_counter()
            s.send(wire)
            s.recv(4096)
            times.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(times, n=100)[98]


def is_unharmed(c, quiet):
    """Within 2x of before, or a millisecond; what harms does so every time, what else runs on the machine does not."""
    return any(p99_ms(c) < max(2 * quiet, quiet + 1) for _ in range(6))


@contextlib.contextmanager
def descriptors(n):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(n, before[0]), max(n, before[1])))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_idle_connections_past_the_limit_are_refused_and_others_are_served(concord):
    """10,000 connections that say nothing, against a limit of 1,000."""
    with descriptors(12000):
        c = concord(signing="none", server={"tcp-max-connections": 1000, "tcp-max-per-client": 100000, "tcp-idle": "600s"})
        quiet = p99_ms(c)
        held = []
        try:
            for _ in range(10000):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex((c.address, c.port))
                held.append(s)
                if len(held) % 200 == 0:
                    c.ask("www.example.", "A")  # lets the server take what waits in its backlog
            wait_until(lambda: c.ctl("stats")["tcp_accepted"] + c.ctl("stats")["tcp_refused"] >= 9000, "connections were taken or refused")
            stats = c.ctl("stats")
            assert stats["tcp_open"] <= 1000 and stats["tcp_refused"] >= 8000
            assert is_unharmed(c, quiet)
        finally:
            for s in held:
                s.close()
        wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")
        assert c.ask("www.example.", "A", tcp=True).answer


def test_one_network_cannot_take_all_connections(concord):
    c = concord(signing="none", server={"tcp-max-per-client": 20})
    held = [socket.create_connection((c.address, c.port), timeout=5) for _ in range(40)]
    wait_until(lambda: c.ctl("stats")["tcp_refused_client"] == 20, "half of them are refused")
    other = socket.socket()
    other.bind(("127.9.9.9", 0))
    other.connect((c.address, c.port))
    other.settimeout(5)
    other.sendall(question())
    assert other.recv(2)
    for s in [*held, other]:
        s.close()


def test_clients_that_never_read_hold_only_their_own_share(concord):
    c = concord(signing="none", server={"tcp-max-per-client": 1000})
    quiet, before = p99_ms(c), resident_kib(c)
    wire = make_query("big.example.", "TXT").to_wire()
    flood = (struct.pack("!H", len(wire)) + wire) * 3000
    held = []
    for _ in range(100):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((c.address, c.port))
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                s.send(flood)
        held.append(s)
    wait_until(lambda: c.ctl("stats")["tcp_paused"] >= 100, "all of them are paused")
    assert is_unharmed(c, quiet)
    # Input and output of a connection are bounded; the sanitizer's own bookkeeping comes on top.
    assert resident_kib(c) - before < 100 * 600
    for s in held:
        s.close()
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")


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


MALFORMED = {
    "shorter than a header": lambda: os.urandom(7),
    "random": lambda: os.urandom(60),
    "a pointer to itself": lambda: bytes.fromhex("00010000000100000000 0000".replace(" ", "")) + b"\xc0\x0c\0\1\0\1",
    "a chain of pointers": lambda: bytes.fromhex("000100000001000000000000") + b"".join(struct.pack("!H", 0xC000 | (12 + 2 * i)) for i in range(40)) + b"\0\1\0\1",
    "a name without end": lambda: bytes.fromhex("000100000001000000000000") + b"\x3f" + b"a" * 40,
    "a name of more than 255 octets": lambda: bytes.fromhex("000100000001000000000000") + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\1\0\1",
    "a question cut short": lambda: question()[2:-3],
    "trailing octets": lambda: question()[2:] + b"tail",
    "an option longer than its OPT": lambda: make_query("www.example.", "A").to_wire()[:-2] + b"\0\6\0\x0a\xff\xff\0\0",
    "counts that lie": lambda: question()[2:8] + b"\xff\xff\xff\xff" + question()[12:],
    "a response": lambda: question()[2:4] + b"\x80" + question()[5:],
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_flood_of_malformed_messages_leaves_others_alone(concord, kind):
    c = concord(signing="none")
    quiet = p99_ms(c)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((c.address, c.port))
        for _ in range(200):  # the first flood makes what stays: buffers of the sanitizer and the socket
            s.send(MALFORMED[kind]())
        before = resident_kib(c)
        for _ in range(20):
            for _ in range(500):
                s.send(MALFORMED[kind]())
            assert c.ask("www.example.", "A").answer
    assert resident_kib(c) - before < 8192
    assert is_unharmed(c, quiet)


def test_octets_one_by_one_and_half_open_connections(concord):
    c = concord(signing="none", server={"tcp-max-per-client": 1000})
    quiet = p99_ms(c)
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
    assert is_unharmed(c, quiet)
    for s in half:
        s.close()
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")


class Pipeliner(threading.Thread):
    """A hundred questions in flight, again and again."""

    def __init__(self, c):
        super().__init__()
        self.socket = socket.create_connection((c.address, c.port), timeout=10)
        self.over, self.answered = False, 0

    def run(self):
        with self.socket as s:
            while not self.over:
                s.sendall(question() * 100)
                for _ in range(100):
                    n = struct.unpack("!H", s.recv(2, socket.MSG_WAITALL))[0]
                    assert len(s.recv(n, socket.MSG_WAITALL)) == n
                    self.answered += 1


def test_who_pipelines_leaves_others_alone(concord):
    """Beside it, questions of others wait for its share of a turn at most; the bound is of a machine that does other work too."""
    c = concord(signing="none")
    quiet, busy = p99_ms(c), Pipeliner(c)
    busy.start()
    unharmed = any(p99_ms(c) < max(4 * quiet, quiet + 20) for _ in range(6))
    busy.over = True
    busy.join()
    assert unharmed and busy.answered >= 100
