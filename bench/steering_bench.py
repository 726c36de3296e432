# SPDX-License-Identifier: Apache-2.0
"""bench/run steering: steered names over sockets, beside plain names and beside servers that steer; and policies compiled in one process.

Parts: wire (everything runs side by side, measured in turn), compile."""
import ipaddress
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

import peers
from lab import mmdb, steerers
from lab.daemons import Concord, free_port

ZONE = "steered.example."
NAMES = 1000
QUESTIONS = 40000
PLAIN, WIDE = "concordd, plain", f"concordd, {QUESTIONS:,} plain names"
SAMPLE = 300  # questions that all servers are asked, to see that their maps are the same
TOR = ("/usr/share/tor/geoip", "/usr/share/tor/geoip6")


def make_world(directory):
    """1,000 names, each with a rule for each country of tor-geoipdb; returns it with the IPv4 ranges."""
    ranges = [mmdb.tor_ranges(TOR[0], 4), mmdb.tor_ranges(TOR[1], 6)]
    world = steerers.World(ZONE, [f"s{i}" for i in range(NAMES)], {code for family in ranges for _, _, code in family}, directory / "world.mmdb")
    known = [[r for r in family if r[2] in world.continent] for family in ranges]
    mmdb.write(world.database, *known, world.records())
    return world, known[0]


def prefixes(ranges, rng, n):
    """Networks of /24 from all over the world."""
    return [str(ipaddress.ip_network((rng.choice(ranges)[0] & ~255, 24))) for _ in range(n)]


def pinned(daemon):
    daemon.prefix = ("taskset", "-c", peers.SERVER_CPU)
    return daemon


def make_servers(top, world):
    ours = Concord(top / "concordd")
    ours.options.update({"workers": "1", "signers": "1"})
    plain = "".join(f"p{i} {steerers.TTL} IN A 198.18.0.{i % 250}\n" for i in range(NAMES))
    plain += "".join(f"w{i} {steerers.TTL} IN A 198.18.0.{i % 250}\n" for i in range(QUESTIONS))
    made = {"concordd": world.concord(ours, plain)}
    for kind in (steerers.GdnsdGeo, steerers.KnotGeo, steerers.PowerDnsGeo):
        made[kind.name] = kind(top / kind.name, port=free_port())
        made[kind.name].configure(world)
    return {name: pinned(d) for name, d in made.items()}


def check_maps(servers, clients, rng):
    """All servers send the same clients to the same place, or the figures compare different things."""
    apart = {n: 0 for n in servers}
    for client in rng.sample(clients, SAMPLE):
        name = f"s{rng.randrange(NAMES)}.{ZONE}"
        said = {n: [r for r in s.daemon.ask(name, "A", ecs=client, do=True).answer if r.rdtype == 1][0][0].address for n, s in servers.items()}
        for n, address in said.items():
            apart[n] += address != said["concordd"]
    print(f"{SAMPLE} questions: answers that differ from ours: {apart}", file=sys.stderr)
    if any(apart.values()):
        sys.exit("the servers' maps are not the same")


def wire(run, arguments):
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as tmp:
        top = pathlib.Path(tmp)
        world, ranges = make_world(top)
        clients = prefixes(ranges, rng, QUESTIONS)
        names = [rng.randrange(NAMES) for _ in clients]
        for kind, numbers in (("s", names), ("p", names), ("w", range(QUESTIONS))):
            (top / kind).write_text("".join(f"{kind}{i}.{ZONE[:-1]} A {c}\n" for i, c in zip(numbers, clients)))
        servers = {n: run.PeerServer(d) for n, d in make_servers(top, world).items()}
        try:
            check_maps(servers, clients, rng)
            rows = measure(run, arguments, servers, top)
        finally:
            for s in servers.values():
                s.stop()
    report(rows)


def measure(run, arguments, servers, top):
    """{what: [result of each round]}, all of a round one after another."""
    works = [(PLAIN, "concordd", "p"), (WIDE, "concordd", "w"), ("concordd, steered", "concordd", "s")]
    works += [(n, n, "s") for n in servers if n != "concordd"]
    rows = {what: [] for what, _, _ in works}
    rows["echo"] = []
    for what, server, kind in works:
        run.load(servers[server], "--questions", str(top / kind), "--do", "--once", seconds=30, warmup=0)
    for number in range(arguments.rounds):
        for what, server, kind in works:
            rows[what].append(run.load(servers[server], "--questions", str(top / kind), "--do", seconds=arguments.seconds))
        echo = run.Echo(round(rows["concordd, steered"][-1]["mean_size"]))
        rows["echo"].append(run.load(echo, "--questions", str(top / "s"), "--do", seconds=arguments.seconds))
        echo.stop()
        print(f"round {number + 1}: " + ", ".join(f"{w} {r[-1]['rate']:.0f}/s {r[-1]['cpu_us']:.2f} us" for w, r in rows.items()), file=sys.stderr)
    return rows


def of(seen, base, key, inverse=False):
    """Medians of the ratios within each round, with the least and greatest."""
    ratios = [b[key] / a[key] if inverse else a[key] / b[key] for a, b in zip(seen, base)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"


def report(rows):
    print(f"| {NAMES:,} names x 249 countries | answers/s | of plain | of {QUESTIONS:,} plain names | server us | CPU of plain to its own "
          "| CPU of many plain names to its own | p50 us | p99 us | size | signed | lost |")
    print("|" + "---|" * 12)
    for what, seen in rows.items():
        m = {k: statistics.median(r[k] for r in seen) for k in ("rate", "cpu_us", "p50_us", "p99_us", "mean_size", "lost")}
        signed = sum(r["signed"] for r in seen) / max(sum(r["answers"] for r in seen), 1)
        print(f"| {what} | {m['rate']:.0f} | {of(seen, rows[PLAIN], 'rate')} | {of(seen, rows[WIDE], 'rate')} | {m['cpu_us']:.2f} | "
              f"{of(seen, rows[PLAIN], 'cpu_us', True)} | {of(seen, rows[WIDE], 'cpu_us', True)} | {m['p50_us']:.0f} | {m['p99_us']:.0f} | "
              f"{m['mean_size']:.0f} | {signed:.0%} | {m['lost']:.0f} |")


def compile_parts(run, arguments):
    for _ in range(arguments.rounds):
        subprocess.run(["taskset", "-c", peers.SERVER_CPU, run.BUILD / "bench" / "concord_bench_steering", *TOR], check=True)


PARTS = {"wire": wire, "compile": compile_parts}


def main(run, arguments):
    for part in arguments.part or PARTS:
        PARTS[part](run, arguments)
