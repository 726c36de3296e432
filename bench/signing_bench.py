# SPDX-License-Identifier: Apache-2.0
"""bench/run signing: what signing costs, within the process and over the wire beside servers that sign.

Parts, each of a few minutes at most: micro, warm, cold, flood, latency, memory."""
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import peers
from lab.daemons import Concord, free_port
from lab.peers import KnotMany, NsdMany, PowerDnsMany
import signing as lab_signing  # tests/differential/signing.py

NAMES = 10000
COLD_NAMES = 60000
HEAD = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
ZONE = "plain.example."


class KnotOnline(KnotMany):
    """mod-onlinesign with P-256, as its manual has it."""

    def configure(self, zones):
        super().configure(zones)
        conf = self.dir / "knot.conf"
        text = conf.read_text().replace("zone:\n", "policy:\n  - id: p256\n    algorithm: ECDSAP256SHA256\n    single-type-signing: on\n"
                                                   "mod-onlinesign:\n  - id: p256\n    policy: p256\nzone:\n", 1)
        conf.write_text(text.replace("    file: ", "    module: mod-onlinesign/p256\n    file: "))


class PowerDnsLive(PowerDnsMany):
    def configure(self, zones):
        super().configure(zones)
        tool = ["pdnsutil", f"--config-dir={self.dir}"]
        for name in zones:
            subprocess.run([*tool, "add-zone-key", name, "ksk", "active", "ecdsa256"], check=True, capture_output=True)
            subprocess.run([*tool, "add-zone-key", name, "zsk", "active", "ecdsa256"], check=True, capture_output=True)


def zone_text(names, text=None):
    """Addresses, or a TXT of so many octets at each name."""
    data = [f"h{i} IN A 192.0.2.{i % 254 + 1}\n" if text is None else f'h{i} IN TXT "{"x" * text}"\n' for i in range(names)]
    return HEAD + "".join(data)


def ours(directory, text, denial="nsec", signing="small", **options):
    c = Concord(directory)
    c.options.update({"workers": "1", "signers": "1", **options})
    c.extra = f"signing:\n  - id: small\n    denial: {denial}\n"
    c.zone(ZONE, text, signing=signing)
    c.write_config()
    c.prefix = ("taskset", "-c", peers.SERVER_CPU)
    return c


def peer(kind, directory, text):
    d = kind(directory, port=free_port())
    d.configure({ZONE: text})
    d.prefix = ("taskset", "-c", peers.SERVER_CPU)
    return d


def pre_signed(directory, text):
    directory.mkdir()
    keys = lab_signing.make_keys(directory, ZONE)
    return lab_signing.sign(directory, ZONE, text, keys, "nsec")


def asked(path, names, rdtype="A"):
    rng = random.Random(1)
    order = [rng.randrange(names) for _ in range(40000)] if names == NAMES else rng.sample(range(names), names)
    path.write_text("".join(f"h{i}.{ZONE[:-1]} {rdtype}\n" for i in order))
    return ["--questions", str(path)]


class Bench:
    """What bench/run has: load(), PeerServer, Echo, signing rates of one core."""

    def __init__(self, run, arguments, top):
        self.run, self.rounds, self.seconds, self.top = run, arguments.rounds, arguments.seconds, top
        self.only = arguments.only

    def rates(self, servers, options, warm=True, seconds=None):
        """{name: [result of each round]}, interleaved; `options` may depend on the server."""
        seen = {n: [] for n in servers}
        for number in range(self.rounds):
            for name, daemon in servers.items():
                own = options[name] if isinstance(options, dict) else options
                server = self.run.PeerServer(daemon)
                if warm:
                    self.run.load(server, *own, seconds=2.0, warmup=0)
                seen[name].append(self.run.load(server, *own, seconds=seconds or self.seconds, warmup=0 if not warm else 0.3))
                server.stop()
                r = seen[name][-1]
                print(f"round {number + 1} {name}: {r['rate']:.0f}/s, p99 {r['p99_us']:.0f} us, servfail {r['servfail']}, lost {r['lost']}", file=sys.stderr)
        return seen

    def table(self, title, seen, base, base_name):
        print(f"| {title} | answers/s | of {base_name} | p50 us | p99 us | size | SERVFAIL | lost |\n|---|---|---|---|---|---|---|---|")
        for name, rows in seen.items():
            m = {k: statistics.median(r[k] for r in rows) for k in ("rate", "p50_us", "p99_us", "mean_size", "servfail", "lost")}
            print(f"| {name} | {m['rate']:.0f} | {m['rate'] / base:.2f} | {m['p50_us']:.0f} | {m['p99_us']:.0f} | {m['mean_size']:.0f} | "
                  f"{m['servfail']:.0f} | {m['lost']:.0f} |", flush=True)


def evp_signs_per_second(run):
    return run.openssl_signs_per_second()


def micro(b):
    print(subprocess.run(["taskset", "-c", peers.SERVER_CPU, b.run.BUILD / "bench" / "concord_bench_signing"], check=True,
                         capture_output=True, text=True).stdout)


def warm(b):
    text = zone_text(NAMES)
    signed = pre_signed(b.top / "keys", text)
    questions = asked(b.top / "q-a", NAMES)
    ours_signed = ours(b.top / "ours", text)
    size = size_of(b, ours_signed, [*questions, "--do"])
    padded = ours(b.top / "padded", zone_text(NAMES, text=max(1, round(size) - 70 + 11)), signing="none")
    size_unsigned = size_of(b, padded, [*asked(b.top / "q-txt", NAMES, "TXT"), "--do"])
    print(f"signed answers have {size:.0f} octets, ours without signatures {size_unsigned:.0f}", file=sys.stderr)
    servers = {"concordd, unsigned answers of that size": padded, "concordd, signed online": ours_signed,
               "nsd, pre-signed": peer(NsdMany, b.top / "nsd", signed), "knotd, pre-signed": peer(KnotMany, b.top / "knot", signed),
               "knotd, mod-onlinesign": peer(KnotOnline, b.top / "knot-online", text), "pdns_server, live": peer(PowerDnsLive, b.top / "pdns", text)}
    options = {n: [*questions, "--do"] for n in servers}
    options["concordd, unsigned answers of that size"] = ["--questions", str(b.top / "q-txt"), "--do"]
    seen = b.rates(servers, options)
    base = statistics.median(r["rate"] for r in seen["concordd, unsigned answers of that size"])
    b.table("A, DO, every signature made before", seen, base, "unsigned")


def size_of(b, daemon, options):
    server = b.run.PeerServer(daemon)
    size = b.run.load(server, *options, seconds=0.5, warmup=0)["mean_size"]
    server.stop()
    return size


def cold(b):
    text = zone_text(COLD_NAMES)
    options = [*asked(b.top / "q", COLD_NAMES), "--do", "--once"]
    servers = {"concordd": ours(b.top / "ours", text), "knotd, mod-onlinesign": peer(KnotOnline, b.top / "knot", text),
               "pdns_server, live": peer(PowerDnsLive, b.top / "pdns", text)}
    signs = [evp_signs_per_second(b.run)]
    seen = b.rates(servers, options, warm=False, seconds=30)
    signs.append(evp_signs_per_second(b.run))
    print(f"EVP_PKEY_sign on that core alone (openssl speed): {min(signs):.0f} to {max(signs):.0f} signatures/s", flush=True)
    b.table("60,000 names asked once each of a fresh server", seen, statistics.mean(signs), "EVP_PKEY_sign")


def flood(b):
    """Warm answers in the same rounds: rates drift, the ratio within a round does not."""
    text = zone_text(NAMES)
    servers = {"concordd, warm": ours(b.top / "warm", text), **{f"concordd, {d}": ours(b.top / d, text, d) for d in ("nsec", "nsec3", "compact")}}
    if not b.only or "peers" in b.only:
        servers["knotd, mod-onlinesign"] = peer(KnotOnline, b.top / "knot", text)
        servers["pdns_server, live"] = peer(PowerDnsLive, b.top / "pdns", text)
    options = {n: ["--do", "--random-names", ZONE[:-1]] for n in servers}
    options["concordd, warm"] = [*asked(b.top / "q", NAMES), "--do"]
    print(f"EVP_PKEY_sign {evp_signs_per_second(b.run):.0f}/s", flush=True)
    seen = b.rates(servers, options)
    warm_rates = [r["rate"] for r in seen["concordd, warm"]]
    for name, rows in seen.items():
        ratios = [r["rate"] / w for r, w in zip(rows, warm_rates)]
        print(f"{name}: {statistics.median(ratios):.2f} of warm in the same round ({min(ratios):.2f}..{max(ratios):.2f})", flush=True)
    b.table("random names, DO", seen, statistics.median(warm_rates), "warm")


def latency(b):
    """Hits of an honest client, a few at a time, without and with a flood of random names beside them, from one generator."""
    text = zone_text(NAMES)
    print("| hits, 4 in flight | answers/s | p50 us | p99 us | lost | flood answers/s | SERVFAIL |\n|---|---|---|---|---|---|---|")
    for denial in ("compact", "nsec"):
        daemon = ours(b.top / f"latency-{denial}", text, denial)
        server = b.run.PeerServer(daemon)
        hits = [*asked(b.top / "q", NAMES), "--do", "--sockets", "4", "--outstanding", "4"]
        b.run.load(server, *hits, seconds=3, warmup=0)
        for what, sockets, window in (("alone", 0, 0), ("beside 16 random names in flight", 16, 1), ("beside 64 random names in flight", 16, 4),
                                      ("beside 512 random names in flight", 16, 32)):
            flood = ["--flood-below", ZONE[:-1], "--flood-sockets", str(sockets), "--flood-window", str(window)] if sockets else []
            rows = [b.run.load(server, *hits, *flood, seconds=b.seconds, warmup=0.3) for _ in range(b.rounds)]
            m = {k: statistics.median(r[k] for r in rows) for k in ("rate", "p50_us", "p99_us", "lost", "flood_rate", "servfail")}
            print(f"| {denial}, {what} | {m['rate']:.0f} | {m['p50_us']:.0f} | {m['p99_us']:.0f} | {m['lost']:.0f} | {m['flood_rate']:.0f} | "
                  f"{m['servfail']:.0f} |", flush=True)
        server.stop()


def memory(b):
    """A signed zone of 1,000,000 records before and after 200,000 of its answers were signed."""
    names = 500000
    text = HEAD + "".join(f"h{i} IN A 192.0.2.{i % 254 + 1}\nh{i} IN AAAA 2001:db8::{i % 65535:x}\n" for i in range(names))
    path = b.top / "q"
    path.write_text("".join(f"h{i}.{ZONE[:-1]} A\n" for i in range(200000)))
    servers = {"concordd, unsigned": ours(b.top / "plain", text, signing="none"), "concordd, nsec": ours(b.top / "nsec", text),
               "concordd, compact": ours(b.top / "compact", text, "compact"),
               "knotd, mod-onlinesign": peer(KnotOnline, b.top / "knot", text), "pdns_server, live": peer(PowerDnsLive, b.top / "pdns", text)}
    print("| 1,000,000 records | MiB loaded | MiB after 200,000 signatures | octets a signature |\n|---|---|---|---|")
    for name, daemon in servers.items():
        server = b.run.PeerServer(daemon)
        while not daemon.ask(f"h1.{ZONE}", "A", timeout=60).answer:
            time.sleep(0.2)
        before = peers.memory_mib(daemon)
        b.run.load(server, "--questions", str(path), "--do", "--once", seconds=40, warmup=0)
        after = peers.memory_mib(daemon)
        server.stop()
        print(f"| {name} | {before:.0f} | {after:.0f} | {(after - before) * 1048576 / 200000:.0f} |", flush=True)


PARTS = {"micro": micro, "warm": warm, "cold": cold, "flood": flood, "latency": latency, "memory": memory}


def main(run, arguments):
    for part in arguments.part or PARTS:
        with tempfile.TemporaryDirectory(prefix="concord-bench-") as tmp:
            PARTS[part](Bench(run, arguments, pathlib.Path(tmp)))
