# SPDX-License-Identifier: Apache-2.0
"""bench/run abuse: what honest clients notice of hostile ones.

The worker has one core. Honest questions over UDP, a few outstanding, and what is hostile share the other core; the hostile ones only run
there when the honest client sleeps (SCHED_IDLE), so that they take time from the server and not from who measures. Turns without and
with abuse alternate; p99 of each pair is compared."""
import contextlib
import multiprocessing
import os
import pathlib
import random
import resource
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import peers
from lab.daemons import Concord, free_port, make_query
from lab.effort import resident_kib

ZONE = "plain.example."
NAMES = 10000
HEADER = bytes.fromhex("000100000001000000000000")


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def question(rdtype="A", name=f"h1.{ZONE}"):
    return make_query(name, rdtype).to_wire()


# ---- who is hostile: each runs for ever ----

def datagrams(messages):
    def run(c):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((c.address, c.port))
            while True:
                for m in messages:
                    s.send(m)
    return run


def pipelines(connections, questions):
    def run(c):
        sockets = [socket.create_connection((c.address, c.port)) for _ in range(connections)]
        flood = framed(question()) * questions
        rest = {s: flood for s in sockets}
        for s in sockets:
            s.setblocking(False)
        while True:
            for s in sockets:
                with contextlib.suppress(BlockingIOError):
                    s.recv(1 << 20)
                with contextlib.suppress(BlockingIOError):
                    rest[s] = rest[s][s.send(rest[s]):] or flood
    return run


def churn(c):
    """Connections that are reset at once."""
    while True:
        s = socket.create_connection((c.address, c.port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()


def octets(c):
    """One octet at a time, on a hundred connections."""
    sockets = [socket.create_connection((c.address, c.port)) for _ in range(100)]
    for s in sockets:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        for octet in framed(question()):
            for s in sockets:
                s.send(bytes([octet]))
        for s in sockets:
            s.recv(4096)


def handshakes(c):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while True:
        with contextlib.suppress(OSError):
            context.wrap_socket(socket.create_connection((c.address, c.tls_port))).close()


def idle(c):
    held = []
    for _ in range(10000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((c.address, c.port))
        held.append(s)
    signal.pause()


def deaf(c):
    """A hundred clients that ask and never read."""
    flood, held = framed(question("TXT", f"big.{ZONE}")) * 3000, []
    for _ in range(100):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((c.address, c.port))
        s.setblocking(False)
        held.append(s)
    rest = {s: flood for s in held}
    while True:
        for s in held:
            with contextlib.suppress(BlockingIOError):
                rest[s] = rest[s][s.send(rest[s]):] or flood
        time.sleep(0.05)  # how often they try again


CASES = {
    "10,000 idle connections against a limit of 1,000": idle,
    "100 clients that never read": deaf,
    "one octet at a time on 100 connections": octets,
    "connections reset at once": churn,
    "1 connection, 100 questions pipelined": pipelines(1, 100),
    "100 connections, 100 questions pipelined": pipelines(100, 100),
    "TLS handshakes without end": handshakes,
    "compression loops": datagrams([HEADER + b"\xc0\x0c\0\1\0\1", HEADER + b"\xc0\x12\0\1\0\1\0"]),
    "names without end": datagrams([HEADER + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\1\0\1", HEADER + b"\x3f" + b"a" * 40]),
    "options longer than their OPT": datagrams([question()[:-2] + b"\0\6\0\x0a\xff\xff\0\0"]),
    "truncated and trailing octets": datagrams([question()[:-3], question() + b"tail", b"\0" * 7]),
    "responses": datagrams([question()[:2] + b"\x80" + question()[3:]]),
}


@contextlib.contextmanager
def running(case, c, cpu):
    def start():
        os.sched_setaffinity(0, {int(cpu)})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        case(c)

    p = multiprocessing.get_context("fork").Process(target=start, daemon=True)
    p.start()
    try:
        yield
    finally:
        p.kill()
        p.join()


def server(directory):
    c = Concord(directory)
    c.tls_port = free_port()
    c.options.update({"workers": "1", "signers": "1", "tcp-max-connections": "1000", "tcp-max-per-client": "100000", "tcp-idle": "600s",
                      "listen-tls": f"[127.0.0.1@{c.tls_port}]", "tls": "{certificate: tls.pem, key: tls.key}"})
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-keyout",
                    c.dir / "tls.key", "-out", c.dir / "tls.pem", "-subj", "/CN=dns.test"], check=True, capture_output=True)
    names = "".join(f"h{i} IN A 192.0.2.{i % 254 + 1}\n" for i in range(NAMES))
    c.zone(ZONE, "$TTL 3600\n@ IN SOA ns1 h 1 2 3 4 5\n@ IN NS ns1\nns1 IN A 192.0.2.1\nbig IN TXT " + " ".join(['"' + "x" * 200 + '"'] * 12) + "\n" + names)
    c.write_config()
    c.prefix = ("taskset", "-c", peers.SERVER_CPU)
    return c


def main(run, arguments):
    resource.setrlimit(resource.RLIMIT_NOFILE, (12000, max(12000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    cases = {n: c for n, c in CASES.items() if not arguments.only or any(o in n for o in arguments.only)}
    print("| 4 honest questions outstanding over UDP, beside | p50 us | p99 us | of its p99 without | lost | grew by MiB |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as tmp:
        top = pathlib.Path(tmp)
        rng = random.Random(1)
        (top / "q").write_text("".join(f"h{rng.randrange(NAMES)}.{ZONE} A\n" for _ in range(40000)))
        honest = ["--questions", str(top / "q"), "--do", "--sockets", "4", "--outstanding", "4"]
        for name, case in cases.items():
            c = server(top / f"case{list(cases).index(name)}")
            s = run.PeerServer(c)
            run.load(s, *honest, seconds=2, warmup=0)
            ratios, rows, before = [], [], resident_kib(c)
            for _ in range(arguments.rounds):
                alone = run.load(s, *honest, seconds=arguments.seconds, warmup=0.3)
                with running(case, c, run.LOAD_CPU):
                    rows.append(run.load(s, *honest, seconds=arguments.seconds, warmup=0.5))
                ratios.append(rows[-1]["p99_us"] / alone["p99_us"])
            grew = (resident_kib(c) - before) / 1024
            m = {k: statistics.median(r[k] for r in rows) for k in ("p50_us", "p99_us", "lost")}
            print(f"| {name} | {m['p50_us']:.0f} | {m['p99_us']:.0f} | {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) | "
                  f"{m['lost']:.0f} | {grew:.1f} |", flush=True)
            print(f"{name}: {[round(r, 2) for r in ratios]}", file=sys.stderr)
            s.stop()
