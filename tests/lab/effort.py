# SPDX-License-Identifier: Apache-2.0
"""What a daemon spends on something, by its own CPU clock: what else the machine does is not in it."""
import contextlib
import pathlib
import signal
import statistics
import time


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
