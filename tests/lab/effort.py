# SPDX-License-Identifier: Apache-2.0
"""What a daemon spends on something, by its own CPU clock: what else the machine does is not in it."""
import contextlib
import pathlib
import signal
import socket
import statistics
import time

from lab.daemons import make_query


def cpu_us(daemon):
    """Of all its threads so far."""
    return time.clock_gettime_ns((~daemon.process.pid << 3) | 2) / 1000  # CPUCLOCK_SCHED of that process


def spent_us(daemon, work, n):
    """What the daemon spends on each of n calls of work()."""
    seen = []
    for _ in range(n):
        before = cpu_us(daemon)
        work()
        seen.append(cpu_us(daemon) - before)
    return seen


def p99(values):
    return statistics.quantiles(values, n=100)[98]


@contextlib.contextmanager
def honest(c):
    """A client that asks over UDP, one question at a time."""
    wire = make_query("www.example.", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((c.address, c.port))

        def ask():
            s.send(wire)
            assert s.recv(4096)[:2] == wire[:2]

        yield ask


def is_unharmed(c, control):
    """p99 within 2x of that of a daemon that nobody abuses, in the same moments: what harms does so every time."""
    with honest(c) as ask, honest(control) as ask_control:
        return any(p99(spent_us(c, ask, 300)) < 2 * p99(spent_us(control, ask_control, 300)) for _ in range(10))


@contextlib.contextmanager
def held(daemon):
    """What is sent meanwhile is found at once."""
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def resident_kib(daemon):
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
