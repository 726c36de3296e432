# SPDX-License-Identifier: Apache-2.0
"""bench/run health: 10,000 health checks run by the server's one core, and what answers beside them feel of it.

Two servers with the same zone and the same endpoints, one that checks them and one that does not, asked in turn."""
import pathlib
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time

import peers
from lab.daemons import Concord, free_port

CHECKS, INTERVAL_S = 10000, 10
ZONE = "checked.example."
PER_NAME = 100
HEAD = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
OUTSTANDING = 32


def address(i):
    return f"127.8.{i // 250}.{i % 250 + 1}"


class Endpoints:
    """Takes connections to all of 127.0.0.0/8 on one port, and closes them."""

    def __init__(self):
        self.socket = socket.create_server(("0.0.0.0", 0), backlog=4096)
        self.port, self.taken = self.socket.getsockname()[1], 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.socket.accept()[0].close()
                self.taken += 1
            except OSError:
                return


def steering(port, checked):
    """100 values a name, each with a check of its own."""
    check = f"protocol: TCP, port: {port}, interval: {INTERVAL_S}s, timeout: 2s" if checked else "protocol: FEED"
    records = []
    for n in range(CHECKS // PER_NAME):
        values = ", ".join(f"{{value: {address(n * PER_NAME + k)}}}" for k in range(PER_NAME))
        records.append(f"s{n}:\n  octodns: {{healthcheck: {{{check}}}}}\n  type: A\n  ttl: 60\n  values: [192.0.2.80]\n  dynamic:\n    pools:\n"
                       f"      all: {{values: [{values}]}}\n    rules: [{{pool: all}}]\n")
    return "".join(records)


def make(directory, port, checked):
    c = Concord(directory)
    c.options.update({"workers": "1", "signers": "1", "health-max-rate": str(CHECKS)})
    c.zone(ZONE, HEAD + "".join(f"h{i} IN A 192.0.2.{i % 250 + 1}\n" for i in range(1000)), steering=steering(port, checked))
    c.write_config()
    c.prefix = ("taskset", "-c", peers.SERVER_CPU)
    return c


def alone(servers, name):
    """The others stand still, or their checks would be in its way; None: nobody does."""
    for n, d in servers.items():
        d.process.send_signal(signal.SIGCONT if name in (n, None) else signal.SIGSTOP)


def main(run, arguments):
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as tmp:
        top, ends = pathlib.Path(tmp), Endpoints()
        (top / "questions").write_text("".join(f"h{i % 1000}.{ZONE[:-1]} A\n" for i in range(20000)))
        servers = {"without checks": make(top / "without", ends.port, False), f"{CHECKS:,} checks every {INTERVAL_S} s": make(top / "with", ends.port, True)}
        running = {n: run.PeerServer(d) for n, d in servers.items()}
        options = ["--questions", str(top / "questions"), "--do", "--sockets", "16", "--outstanding", str(OUTSTANDING)]
        rows = {n: [] for n in servers}
        try:
            for s in running.values():
                run.load(s, *options, seconds=2, warmup=0)
            for number in range(arguments.rounds):
                for name, s in running.items():
                    alone(servers, name)
                    taken, since = ends.taken, time.monotonic()
                    rows[name].append(run.load(s, *options, seconds=arguments.seconds, warmup=0.3))
                    rows[name][-1]["probes"] = (ends.taken - taken) / (time.monotonic() - since)
                    r = rows[name][-1]
                    print(f"round {number + 1} {name}: {r['rate']:.0f}/s, p99 {r['p99_us']:.0f} us, {r['probes']:.0f} probes/s", file=sys.stderr)
            alone(servers, list(servers)[1])
            counts = servers[list(servers)[1]].ctl("health", "list")["counts"]
            idle = idle_share(run, running, list(servers)[1])
        finally:
            alone(servers, None)
            for s in running.values():
                s.stop()
    bare = rows["without checks"]
    print("| " + f"{OUTSTANDING} outstanding | answers/s | p50 us | p99 us | p99 to that without (least..greatest) | probes/s | lost |\n|---|---|---|---|---|---|---|")
    for name, seen in rows.items():
        m = {k: statistics.median(r[k] for r in seen) for k in ("rate", "p50_us", "p99_us", "probes", "lost")}
        ratios = [r["p99_us"] / b["p99_us"] for r, b in zip(seen, bare)]
        print(f"| {name} | {m['rate']:.0f} | {m['p50_us']:.0f} | {m['p99_us']:.0f} | {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) "
              f"| {m['probes']:.0f} | {m['lost']:.0f} |")
    print(f"\nchecks: {counts}; with nothing asked they take {idle:.1%} of a core")


def idle_share(run, running, name, seconds=5):
    before = running[name].cpu()
    time.sleep(seconds)
    return (running[name].cpu() - before) / 1e9 / seconds
