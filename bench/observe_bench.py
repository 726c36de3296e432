# SPDX-License-Identifier: Apache-2.0
"""bench/run observe: 10,000 zones in groups of two signers are looked at and reconciled while questions come in.

The server, and the process that looks as its control loop does (at nice 10, like that), share one core; the other signer, the parent and the generator have the
other. Turns without and with looking alternate; the p99 of answers is compared."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import dns.dnssec
import dns.name
import dns.rdata

import peers
from lab.daemons import Concord
from lab.wait import wait_until

ZONES = int(os.environ.get("CONCORD_BENCH_ZONES", "10000"))
LOADS = (8, 128)  # questions outstanding
SUFFIX = "g.example."
TEXT = """$TTL 3600
@ IN SOA ns1.g.example. hostmaster.g.example. 1 7200 3600 1209600 300
@ IN NS ns1.g.example.
@ IN NS ns2.g.example.
www IN A 192.0.2.1
"""
PARENT = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nns2 IN A 192.0.2.54\n"


def daemon(directory, cpu):
    c = Concord(directory)
    c.options.update({"workers": "1", "signers": "1"})
    c.prefix = ("taskset", "-c", cpu)
    c.log_mark = 0
    return c


def signer(directory, cpu):
    c = daemon(directory, cpu)
    c.extra = "signing:\n  - {id: csk, keys: csk, rollover: manual, cds: never}\n"
    c.file("same.zone", TEXT)
    c.zones = [f"  - {{name: z{i}.{SUFFIX}, file: same.zone, signing: csk, rate-limit: no}}" for i in range(ZONES)]
    c.write_config()
    return c


def key_of(c, zone):
    path = next((c.dir / "state" / "keys").glob(f"{zone.rstrip('.')}*/*.key"))
    line = next(x for x in path.read_text().splitlines() if " DNSKEY " in x)
    return dns.rdata.from_text("IN", "DNSKEY", line.split(" DNSKEY ", 1)[1])


def delegate(signers):
    lines = [PARENT]
    for i in range(ZONES):
        zone = f"z{i}.{SUFFIX}"
        lines.append(f"z{i} IN NS ns1\nz{i} IN NS ns2\n")
        for s in signers:
            ds = dns.dnssec.make_ds(dns.name.from_text(zone), key_of(s, zone), "SHA256")
            lines.append(f"z{i} IN DS {ds.to_text()}\n")
    return "".join(lines)


class Looking:
    def __init__(self, run, ports, interval, seconds):
        at = [f"127.0.0.1@{p}" for p in ports]
        self.process = subprocess.Popen(["nice", "-n", "10", "taskset", "-c", peers.SERVER_CPU, run.BUILD / "bench" / "concord_bench_observe", str(ZONES), SUFFIX,
                                         str(interval), str(int(seconds)), *at], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def result(self):
        out, _ = self.process.communicate(timeout=400)
        assert self.process.returncode == 0
        return json.loads(out)


class Running:
    """A daemon that is there already, in the form that load() takes."""

    def __init__(self, run, daemon):
        self.run, self.daemon, self.port = run, daemon, daemon.port

    def cpu(self):
        return self.run.cpu_ns(self.daemon.process.pid)


class Lab:
    """Both signers and their parent, running."""

    def __init__(self, run, top):
        self.us, self.other = signer(top / "us", peers.SERVER_CPU), signer(top / "other", run.LOAD_CPU)
        self.parent = daemon(top / "parent", run.LOAD_CPU)
        self.all = [self.us, self.other, self.parent]

    def start(self):
        began = time.monotonic()
        for s in (self.us, self.other):
            s.launch()
        for s in (self.us, self.other):
            wait_until(s.is_up, "it has made its keys", 1800)
        print(f"both signers are ready after {time.monotonic() - began:.0f} s", file=sys.stderr)
        self.parent.zone(SUFFIX, delegate((self.us, self.other)), signing="none", rate_limit="no")
        self.parent.write_config()
        self.parent.start()

    def ports(self):
        return [d.port for d in (self.parent, self.us, self.other)]

    def stop(self):
        for d in self.all:
            if d.process is not None:
                d.process.kill()
                d.process.wait()


class Turns:
    """What was measured: {(outstanding, alone or looking): results}."""

    def __init__(self, run, lab, arguments, top):
        self.run, self.server, self.arguments = run, Running(run, lab.us), arguments
        (top / "questions").write_text("".join(f"www.z{i}.{SUFFIX} A\n" for i in range(ZONES)))
        self.options = ["--questions", str(top / "questions"), "--do"]
        self.rows = {(load, how): [] for load in LOADS for how in ("alone", "looking")}

    def warm(self):
        self.run.load(self.server, *self.options, seconds=3, warmup=0)

    def measure(self, how, times):
        for _ in range(times):
            for load in LOADS:
                self.rows[load, how].append(self.run.load(self.server, *self.options, "--outstanding", str(load), "--sockets",
                                                          str(min(load, 64)), seconds=self.arguments.seconds, warmup=0.3))

    def table(self):
        print("| outstanding | | answers/s | p50 us | p99 us | least p99 us |\n|---|---|---|---|---|---|")
        for load in LOADS:
            for how in ("alone", "looking"):
                m = {k: statistics.median(r[k] for r in self.rows[load, how]) for k in ("rate", "p50_us", "p99_us")}
                least = min(r["p99_us"] for r in self.rows[load, how])
                print(f"| {load} | {how} | {m['rate']:.0f} | {m['p50_us']:.0f} | {m['p99_us']:.0f} | {least:.0f} |", flush=True)


def measure(run, lab, arguments, top):
    turns, interval = Turns(run, lab, arguments, top), arguments.interval
    turns.warm()
    turns.measure("alone", arguments.rounds)
    looking = Looking(run, lab.ports(), interval, interval * 1.1 + 2 * arguments.rounds * len(LOADS) * (arguments.seconds + 1) + 3)
    time.sleep(interval * 1.1)  # every zone was seen: from here on signatures are known
    turns.measure("looking", 2 * arguments.rounds)
    seen = looking.result()
    turns.measure("alone", arguments.rounds)
    print(f"{ZONES} zones, each {interval} s: {seen['rounds']} rounds in {seen['seconds']:.0f} s, {seen['failed']} failed, {seen['unseen']} never "
          f"seen, longest between two looks {seen['longest_s']:.1f} s, {seen['cpu_s']:.1f} s of CPU, {seen['max_rss_mib']} MiB {seen['why']}")
    turns.table()


def main(run, arguments):
    with tempfile.TemporaryDirectory(prefix="concord-bench-", ignore_cleanup_errors=True) as tmp:
        top = pathlib.Path(tmp)
        lab = Lab(run, top)
        try:
            lab.start()
            if arguments.pause:
                print("ready", file=sys.stderr, flush=True)
                sys.stdin.readline()
            measure(run, lab, arguments, top)
        finally:
            lab.stop()
