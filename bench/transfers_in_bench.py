# SPDX-License-Identifier: Apache-2.0
"""bench/run transfers --part in, --part members: zones that come from a primary, beside BIND, Knot and NSD as secondaries.

`in`: a million records by AXFR, then a thousand changes by IXFR after a NOTIFY, from Knot. `members`: a catalog of --count zones, from
Knot, BIND and another concordd. Primary and secondary are pinned to a core each. Times are from the start of the secondary (or from the
last update's answer) until the new serial is answered; processor time is that of all its processes."""
import os
import pathlib
import socket
import tempfile
import time

import dns.message
import dns.query
import dns.update

import peers
from lab.daemons import Concord, free_port, make_query

ZONE, CATALOG = "big.example.", "catalog.example."
RECORDS, CHANGES = 1000000, 1000
MEMBER = "$TTL 300\n@ IN SOA ns h 1 3600 900 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\nwww IN A 192.0.2.2\n"


def zone_text(records):
    head = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
    return head + "".join(f"h{i} IN A 192.0.2.{i % 254 + 1}\n" for i in range(records))


def catalog_text(members):
    head = "$TTL 0\n@ IN SOA invalid. invalid. 1 3600 600 2147483646 0\n@ IN NS invalid.\nversion IN TXT \"2\"\n"
    return head + "".join(f"u{i}.zones IN PTR m{i}.test.\n" for i in range(members))


def processor_s(pid):
    """Of a process and its descendants, those that have ended too."""
    stats = {}
    for p in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            f = p.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        stats[int(p.parent.name)] = (int(f[1]), sum(int(x) for x in f[11:15]))
    family, grown = {pid}, True
    while grown:
        more = {p for p, (parent, _) in stats.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return sum(stats[p][1] for p in family if p in stats) / os.sysconf("SC_CLK_TCK")


def most_memory_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def answers(server, name, rdtype="A", serial=None):
    try:
        found = server.ask(name, rdtype, timeout=1).answer
    except Exception:  # not up yet
        return False
    return bool(found) and (serial is None or found[0][0].serial >= serial)


def wait_for(server, what, seconds=600):
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < seconds and server.process.poll() is None, server.log()[-2000:]
        time.sleep(0.02)
    return time.monotonic() - start


def launched(server, cpu, *configuration):
    server.prefix, server.log_mark = ("taskset", "-c", cpu), 0
    server.configure(*configuration)
    server.launch()
    return server


# ---- primaries ----

class KnotPrimary(peers.KnotMany):
    def configure(self, zones, secondary=None):
        notify = f"remote:\n  - id: secondary\n    address: 127.0.0.1@{secondary}\n" if secondary else ""
        text = f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
  udp-workers: 1
  tcp-workers: 2
database:
  storage: {self.dir}
  journal-db-max-size: 2G
log:
  - target: stderr
    any: warning
{notify}acl:
  - id: all
    action: [transfer, update]
template:
  - id: default
    storage: {self.dir}
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    semantic-checks: off
    acl: all
{'    notify: secondary' if secondary else ''}
zone:
"""
        (self.dir / "knot.conf").write_text(text + "".join(f"  - domain: {name}\n    file: {path}\n" for name, path in zones))


class BindPrimary(peers.BindMany):
    def configure(self, zones, secondary=None):
        text = f"""options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; allow-transfer {{ any; }}; }};
controls {{ }};
"""
        (self.dir / "named.conf").write_text(text + "".join(f'zone "{n}" {{ type primary; file "{p}"; check-integrity no; }};\n' for n, p in zones))


class OurPrimary(Concord):
    def configure(self, zones, secondary=None):
        self.zones = [f"  - {{name: {n}, file: {p}, signing: none, allow-transfer: [{{from: 127.0.0.0/8}}]}}" for n, p in zones]
        self.write_config()


# ---- secondaries ----

class Ours(Concord):
    def configure(self, primary):
        self.options.update({"workers": "1", "signers": "1"})
        self.extra = f"remotes:\n  - {{id: main, address: {primary.address}@{primary.port}}}"
        self.zones = [f"  - {{name: {ZONE}, primaries: [main], signing: none}}"]
        self.write_config()


class BindSecondary(peers.BindMany):
    def configure(self, primary):
        (self.dir / "named.conf").write_text(f"""options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }};
  listen-on-v6 {{ none; }}; recursion no; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; }};
controls {{ }};
zone "{ZONE}" {{ type secondary; file "big.db"; primaries {{ {primary.address} port {primary.port}; }}; }};
""")


class KnotSecondary(peers.KnotMany):
    def configure(self, primary):
        (self.dir / "knot.conf").write_text(f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {self.dir}
  journal-db-max-size: 2G
log:
  - target: stderr
    any: warning
remote:
  - id: main
    address: {primary.address}@{primary.port}
acl:
  - id: main
    address: {primary.address}
    action: notify
zone:
  - domain: {ZONE}
    storage: {self.dir}
    file: big.zone
    master: main
    acl: main
""")


class NsdSecondary(peers.NsdMany):
    def configure(self, primary):
        super().configure({})
        conf = (self.dir / "nsd.conf").read_text().replace('xfrdfile: ""', f'xfrdfile: "{self.dir}/xfrd.state"')
        (self.dir / "nsd.conf").write_text(conf + f"""zone:
  name: "{ZONE}"
  zonefile: "{self.dir}/big.zone"
  request-xfr: {primary.address}@{primary.port} NOKEY
  allow-notify: {primary.address} NOKEY
""")


SECONDARIES = {"concordd": Ours, "named": BindSecondary, "knotd": KnotSecondary, "nsd": NsdSecondary}


def change(primary):
    """A thousand records come, in updates of a hundred; the last one's answer is the start."""
    for i in range(0, CHANGES, 100):
        u = dns.update.UpdateMessage(ZONE)
        for k in range(i, i + 100):
            u.add(f"new{k}", 60, "A", "192.0.2.9")
        assert dns.query.tcp(u, primary.address, port=primary.port, timeout=60).rcode() == 0
    return primary.ask(ZONE, "SOA").answer[0][0].serial


def whole_and_changes(bench, arguments):
    print("| secondary | AXFR of 1,000,000 records | processor | most memory | IXFR of 1,000 changes | processor |\n|---|---|---|---|---|---|")
    for name, kind in SECONDARIES.items():
        if arguments.only and name not in arguments.only:
            continue
        with tempfile.TemporaryDirectory(prefix="concord-bench-") as top:
            top = pathlib.Path(top)
            (top / "big.zone").write_text(zone_text(RECORDS))
            port = free_port()
            primary = launched(KnotPrimary(top / "primary", port=free_port()), bench.LOAD_CPU, [(ZONE, top / "big.zone")], port)
            wait_for(primary, lambda: answers(primary, ZONE, "SOA"))
            secondary = kind(top / "secondary", port=port)
            try:
                launched(secondary, bench.SERVER_CPU, primary)
                whole_s = wait_for(secondary, lambda: answers(secondary, ZONE, "SOA"))
                used, memory = processor_s(secondary.process.pid), most_memory_mib(secondary.process.pid)
                serial = change(primary)
                ixfr_s = wait_for(secondary, lambda: answers(secondary, ZONE, "SOA", serial))
                more = processor_s(secondary.process.pid) - used
                print(f"| {name} | {whole_s:.2f} s | {used:.2f} s | {memory:.0f} MiB | {ixfr_s:.2f} s | {more:.2f} s |", flush=True)
            finally:
                secondary.stop(seconds=60)
                primary.stop(seconds=60)


# ---- a catalog of many members ----

def all_served(server, members):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((server.address, server.port))
        for i in range(members):
            s.send(make_query(f"www.m{i}.test.", "A").to_wire())
            if not dns.message.from_wire(s.recv(4096)).answer:
                return False
    return True


def members(bench, arguments):
    n = arguments.count
    print("| primary | members | configured after | transferred after | processor | started again in |\n|---|---|---|---|---|---|")
    for name, kind in {"knotd": KnotPrimary, "named": BindPrimary, "concordd": OurPrimary}.items():
        for signing in ("none", "default"):
            with tempfile.TemporaryDirectory(prefix="concord-bench-") as top:
                top = pathlib.Path(top)
                (top / "m.zone").write_text(MEMBER)
                (top / "catalog.zone").write_text(catalog_text(n))
                zones = [(CATALOG, top / "catalog.zone"), *[(f"m{i}.test.", top / "m.zone") for i in range(n)]]
                primary = launched(kind(top / "primary", port=free_port()), bench.LOAD_CPU, zones)
                wait_for(primary, lambda: answers(primary, f"www.m{n - 1}.test."))
                c = Concord(top / "consumer")
                c.prefix, c.log_mark = ("taskset", "-c", bench.SERVER_CPU), 0
                c.extra = (f"remotes:\n  - {{id: main, address: 127.0.0.1@{primary.port}}}\n"
                           f"templates:\n  - {{id: plain, primaries: [main], signing: {signing}}}")
                c.zones.append(f"  - {{name: {CATALOG}, primaries: [main], signing: none, catalog: {{template: plain}}}}")
                c.write_config()
                try:
                    start = time.monotonic()
                    c.launch()
                    wait_for(c, lambda: f"{n} members added" in c.log())
                    configured = time.monotonic() - start
                    wait_for(c, lambda: c.log().count("transfer: serial") > n)
                    served = time.monotonic() - start
                    used = processor_s(c.process.pid)
                    assert all_served(c, n)
                    c.stop(seconds=60)
                    start, c.log_mark = time.monotonic(), len(c.log())
                    c.launch()
                    wait_for(c, c.is_up)
                    again = time.monotonic() - start
                    print(f"| {name} | {n}{', signed here' if signing == 'default' else ''} | {configured:.2f} s | {served:.2f} s | {used:.2f} s | "
                          f"{again:.2f} s |", flush=True)
                finally:
                    c.stop(seconds=60)
                    primary.stop(seconds=60)


def main(bench, arguments, part):
    os.sched_setaffinity(0, {int(bench.LOAD_CPU)})
    (members if part == "members" else whole_and_changes)(bench, arguments)
