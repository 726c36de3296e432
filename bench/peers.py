# SPDX-License-Identifier: Apache-2.0
"""The servers from apt beside us: each with one worker, pinned, with the same zones and minimal answers."""
import os
import pathlib
import random
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("CONCORD_BUILD", str(TOP / "build" / "bench"))
sys.path.insert(0, str(TOP / "tests"))
sys.path.insert(0, str(TOP / "tests" / "differential"))

from lab.daemons import Concord, Daemon, free_port
from lab.peers import BindMany, KnotMany, NsdMany, PowerDnsMany, write_zones
import signing

SERVER_CPU = "0"


class Gdnsd(Daemon):
    name = "gdnsd"

    def configure(self, zones):
        (self.dir / "zones").mkdir()
        for name, path in write_zones(self.dir / "zones", zones).items():
            path.rename(path.with_name(name.rstrip(".")))
        (self.dir / "config").write_text(f"""options => {{ listen => [ {self.address}:{self.port} ], udp_threads => 1, tcp_threads => 1,
  run_dir => {self.dir}/run, state_dir => {self.dir}/state }}
""")

    def launch(self):
        self.run("gdnsd", "-c", self.dir, "start")


PEERS = (NsdMany, KnotMany, Gdnsd, BindMany, PowerDnsMany)


def processes(daemon):
    """The ids of the process and its children."""
    pids, seen = [daemon.process.pid], set()
    while pids:
        pid = pids.pop()
        if pid in seen:
            continue
        seen.add(pid)
        try:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                pids += [int(p) for p in (task / "children").read_text().split()]
        except OSError:
            continue
    return seen


def memory_mib(daemon):
    """Resident memory of the process and its children."""
    total = 0
    for pid in processes(daemon):
        try:
            smaps = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in smaps.splitlines() if line.startswith("Pss:"))
    return total / 1024


def servers(directory, zones, signed):
    """{name: daemon}, not started; gdnsd signs nothing."""
    ours = Concord(directory / "concord")
    ours.options.update({"workers": "1", "signers": "1", "tcp-max-per-client": "1000"})
    keys_dir = directory / "keys"
    keys_dir.mkdir()
    pre_signed = {}
    for name, text in zones.items():
        if not signed:
            ours.zone(name, text, signing="none")
            pre_signed[name] = text
            continue
        keys = signing.make_keys(keys_dir, name)
        ours.zone(name, text, keys="[" + ", ".join("{file: " + str(k) + ".private}" for k in keys) + "]")
        pre_signed[name] = signing.sign(keys_dir, name, text, keys, "nsec")
    ours.write_config()
    made = {"concordd": ours}
    for peer in PEERS:
        if signed and peer is Gdnsd:
            continue
        d = peer(directory / peer.name, port=free_port())
        if peer is PowerDnsMany:
            d.configure(pre_signed, signed)
        else:
            d.configure(pre_signed)
        made[peer.name] = d
    for d in made.values():
        d.prefix = ("taskset", "-c", SERVER_CPU)
    return made


def delegations(n):
    """A zone of n delegations, half of them with glue."""
    lines = ["$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"]
    for i in range(n):
        lines.append(f"d{i} IN NS ns1.d{i}\nns1.d{i} IN A 198.51.100.{i % 250 + 1}\n" if i % 2 else f"d{i} IN NS ns{i % 50}.hosting.invalid.\n")
    return "".join(lines)


def delegation_questions(zone, n, rng):
    return "".join(f"www.d{rng.randrange(n)}.{zone} A\n" for _ in range(40000))


def million(names):
    """Two addresses a name: 2 * names records."""
    lines = ["$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"]
    lines += [f"h{i} IN A 192.0.2.{i % 254 + 1}\nh{i} IN AAAA 2001:db8::{i % 65535:x}\n" for i in range(names)]
    return "".join(lines)


ZONES = 10000


def small_zones():
    """Many zones of a few names each."""
    return {f"z{i}.example.": "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\n@ IN MX 10 mail\n"
                              f"ns1 IN A 192.0.2.1\nmail IN A 192.0.2.2\nwww IN A 192.0.2.{i % 254 + 1}\nwww IN AAAA 2001:db8::{i:x}\n"
            for i in range(ZONES)}


def start_seconds(daemon, names):
    """From start until all of these have been answered."""
    begun = time.monotonic()
    daemon.launch()
    for name in names:
        while True:
            if daemon.process.poll() is not None:
                raise RuntimeError(f"{daemon.name} ended:\n{daemon.log()[-2000:]}")
            try:
                if daemon.ask(name, "A", timeout=0.2).answer:
                    break
            except Exception:
                pass
            if time.monotonic() - begun > 120:
                raise RuntimeError(f"{daemon.name} does not answer for {name}")
            time.sleep(0.01)
    return time.monotonic() - begun
