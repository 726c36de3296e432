# SPDX-License-Identifier: Apache-2.0
"""bench/run transfers: updates a second and transfers of a million records, beside BIND and Knot.

Server and client are pinned to a core each. Updates add one A record to a name of its own, each a message; 64 are on their way over one TCP
connection. Every server keeps an update on disk before it answers, as it does by default."""
import json
import multiprocessing
import os
import random
import socket
import statistics
import struct
import subprocess
import tempfile
import time

import dns.message
import dns.update

import peers
import transfers_in_bench
from lab.daemons import Concord, free_port

ZONE = "big.example."
OUTSTANDING = 64
SIZES = {"small zone": 1, "1,000,000 records": 1000000}


def zone_text(records):
    head = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
    return head + "".join(f"h{i} IN A 192.0.2.{i % 254 + 1}\n" for i in range(records))


class Bind(peers.BindMany):
    def configure(self, path, signed):
        (self.dir / "named.conf").write_text(f"""options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; tcp-clients 200; }};
controls {{ }};
zone "{ZONE}" {{ type primary; file "{path}"; allow-update {{ any; }}; allow-transfer {{ any; }}; check-integrity no; }};
""")


class Knot(peers.KnotMany):
    def configure(self, path, signed):
        (self.dir / "knot.conf").write_text(f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  tcp-idle-timeout: 120
  tcp-io-timeout: 0
database:
  storage: {self.dir}
  journal-db-max-size: 2G
log:
  - target: stderr
    any: info
acl:
  - id: all
    action: [update, transfer]
zone:
  - domain: {ZONE}
    file: {path}
    acl: all
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
""")


class Ours(Concord):
    def configure(self, path, signed, others=0):
        self.options.update({"workers": "1", "signers": "1"})
        self.zones = [f"  - {{name: {ZONE}, file: {path}, signing: {'default' if signed else 'none'}, allow-update: [{{from: 127.0.0.1}}], "
                      "allow-transfer: [{from: 127.0.0.1}]}"]
        small = self.file("small.zone", zone_text(1))
        self.zones += [f"  - {{name: z{i}.example., file: {small}, signing: none}}" for i in range(others)]
        self.write_config()


class Stream:
    def __init__(self, server):
        self.socket = socket.create_connection((server.address, server.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 20)

    def send(self, wire):
        self.socket.sendall(struct.pack("!H", len(wire)) + wire)

    def receive(self):
        return self.file.read(struct.unpack("!H", self.file.read(2))[0])


def updates(server, mark, seconds):
    """Updates a second that were answered NOERROR."""
    u = dns.update.UpdateMessage(ZONE)
    u.add(f"u{mark}-0000000", 60, "A", "192.0.2.9")
    wire = u.to_wire()
    at = wire.index(b"0000000")
    s, sent, done, start = Stream(server), 0, 0, time.monotonic()
    while done < sent or time.monotonic() - start < seconds:
        while sent - done < OUTSTANDING and time.monotonic() - start < seconds:
            s.send(struct.pack("!H", sent & 65535) + wire[2:at] + b"%07d" % sent + wire[at + 7:])
            sent += 1
        if done < sent:
            assert s.receive()[3] & 15 == 0
            done += 1
    return done / (time.monotonic() - start)


def axfr(server):
    """(seconds, octets) of a whole transfer."""
    s, start, octets = Stream(server), time.monotonic(), 0
    s.send(dns.message.make_query(ZONE, "AXFR").to_wire())
    soas = 0
    while soas < 2:
        m = s.receive()
        octets += len(m)
        soas += m.count(b"\x0ahostmaster")
    return time.monotonic() - start, octets


def pinned(server, cpu):
    server.prefix = ("taskset", "-c", cpu)
    server.log_mark = 0
    return server


def started(kind, directory, path, cpu, **options):
    server = pinned(kind(directory, port=free_port()), cpu)
    server.configure(path, **options)
    server.launch()
    end = time.monotonic() + 120
    while True:
        try:
            if server.ask(ZONE, "SOA", timeout=1).answer:
                return server
        except Exception:  # not up yet
            pass
        assert time.monotonic() < end and server.process.poll() is None, server.log()[-2000:]
        time.sleep(0.1)


CASES = [("concordd", Ours, {"signed": False}), ("concordd, signed", Ours, {"signed": True}),
         ("concordd, beside 10,000 zones", Ours, {"signed": False, "others": 10000}), ("named", Bind, {"signed": False}),
         ("knotd", Knot, {"signed": False})]


def loop_of_transfers(server, done):
    while not done.is_set():
        axfr(server)


def latency(bench, arguments, top, path):
    """p99 of answers without and with transfers one after another, in turns."""
    server = started(Ours, top / "latency", path, bench.SERVER_CPU, signed=False)
    (top / "questions").write_text("".join(f"h{random.randrange(1000000)}.{ZONE} A\n" for _ in range(40000)))
    command = [bench.BUILD / "bench" / "concord_bench_load", "--port", str(server.port), "--cpu", bench.LOAD_CPU, "--sockets", "64",
               "--outstanding", "32", "--seconds", str(arguments.seconds), "--warmup", "0.5", "--questions", str(top / "questions")]
    found = {False: [], True: []}
    try:
        for _ in range(arguments.rounds):
            for beside in (False, True):
                done = multiprocessing.Event()
                other = multiprocessing.Process(target=loop_of_transfers, args=(server, done))
                if beside:
                    other.start()
                found[beside].append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
                done.set()
                if beside:
                    other.join()
    finally:
        server.stop()
    for beside, rows in found.items():
        p99 = [r["p99_us"] for r in rows]
        print(f"| {'beside transfers' if beside else 'alone'} | {statistics.median(r['rate'] for r in rows):.0f} | "
              f"{statistics.median(p99):.0f} ({min(p99):.0f}..{max(p99):.0f}) |", flush=True)


def main(bench, arguments):
    if arguments.part and arguments.part[0] in ("in", "members"):
        transfers_in_bench.main(bench, arguments, arguments.part[0])
        return
    os.sched_setaffinity(0, {int(bench.LOAD_CPU)})
    rows = []
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as top:
        top = bench.pathlib.Path(top)
        if arguments.part == ["latency"]:
            path = top / "large.zone"
            path.write_text(zone_text(1000000))
            latency(bench, arguments, top, path)
            return
        for size, records in SIZES.items():
            path = top / f"{records}.zone"
            path.write_text(zone_text(records))
            for name, kind, options in CASES:
                if options.get("others") and records > 1:
                    continue
                server = started(kind, top / f"{kind.__name__}-{records}-{len(rows)}", path, bench.SERVER_CPU, **options)
                try:
                    rates = [updates(server, k, arguments.seconds) for k in range(arguments.rounds)]
                    row = {"zone": size, "server": name, "updates": statistics.median(rates), "least": min(rates), "most": max(rates)}
                    if records > 1:
                        took, octets = axfr(server)
                        row |= {"axfr_s": took, "axfr_mb_s": octets / took / 1e6}
                    rows.append(row)
                    print(f"| {size} | {name} | {row['updates']:.0f} ({row['least']:.0f}..{row['most']:.0f}) | "
                          + (f"{row['axfr_s']:.2f} s, {row['axfr_mb_s']:.0f} MB/s |" if records > 1 else "- |"), flush=True)
                finally:
                    server.stop()
    if arguments.json:
        bench.pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))
