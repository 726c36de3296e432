# SPDX-License-Identifier: Apache-2.0
"""BIND, Knot, NSD and PowerDNS as secondaries of one zone."""
import subprocess

import dns.exception
import dns.rcode

from lab.daemons import Daemon, free_port

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="


class Secondary(Daemon):
    """Of one zone, with a key on its transfers; hears of changes by NOTIFY from the primary's address."""

    def __init__(self, directory, primary, zone="example", secret=SECRET, algorithm="hmac-sha256", port=None):
        super().__init__(directory, port=port or free_port())
        self.zone, self.secret, self.algorithm = zone, secret, algorithm
        self.configure(primary)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended:\n{self.log()}")
        try:
            return self.ask(self.zone, "SOA", timeout=0.5).rcode() == dns.rcode.NOERROR
        except (dns.exception.DNSException, OSError):
            return False


class BindSecondary(Secondary):
    name = "named"

    def configure(self, primary):
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }}; recursion no;
  pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; dnssec-validation no;
  max-ixfr-ratio unlimited; }};
controls {{ }};
key k {{ algorithm {self.algorithm}; secret "{self.secret}"; }};
zone "{self.zone}" {{ type secondary; file "zone.db"; primaries {{ {primary.address} port {primary.port} key k; }};
  allow-transfer {{ any; }}; }};
""")

    def launch(self):
        self.run("named", "-g", "-c", self.dir / "named.conf", "-n", "1")


class KnotSecondary(Secondary):
    name = "knotd"

    def configure(self, primary):
        (self.dir / "knot.conf").write_text(f"""
server:
  rundir: "{self.dir}"
  listen: {self.address}@{self.port}
database:
  storage: "{self.dir}"
log:
  - target: stderr
    any: info
key:
  - id: k
    algorithm: {self.algorithm}
    secret: {self.secret}
remote:
  - id: p
    address: {primary.address}@{primary.port}
    key: k
acl:
  - id: all
    action: transfer
  - id: told
    address: {primary.address}
    action: notify
zone:
  - domain: {self.zone}
    storage: "{self.dir}"
    master: p
    acl: [all, told]
""")

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")


class NsdSecondary(Secondary):
    name = "nsd"

    def configure(self, primary):
        (self.dir / "nsd.conf").write_text(f"""
server:
  ip-address: {self.address}@{self.port}
  username: ""
  zonesdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  xfrdfile: "{self.dir}/xfrd.state"
  database: ""
  pidfile: "{self.dir}/nsd.pid"
  xfrdir: "{self.dir}"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: k
  algorithm: {self.algorithm}
  secret: "{self.secret}"
zone:
  name: "{self.zone}"
  zonefile: "{self.dir}/zone.db"
  request-xfr: {primary.address}@{primary.port} k
  allow-notify: {primary.address} NOKEY
  provide-xfr: 127.0.0.1 NOKEY
""")

    def launch(self):
        self.run("nsd", "-d", "-c", self.dir / "nsd.conf")


class PowerDnsSecondary(Secondary):
    name = "pdns_server"

    def configure(self, primary):
        (self.dir / "named.conf").write_text(
            f'zone "{self.zone}" {{ type slave; file "{self.dir}/zone.db"; masters {{ {primary.address}:{primary.port}; }}; }};\n')
        (self.dir / "pdns.conf").write_text(f"""
launch=bind
bind-config={self.dir}/named.conf
bind-dnssec-db={self.dir}/dnssec.db
local-address={self.address}
local-port={self.port}
socket-dir={self.dir}
daemon=no
guardian=no
secondary=yes
xfr-cycle-interval=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
allow-notify-from={primary.address}
allow-axfr-ips=127.0.0.1
""")
        self.util("create-bind-db", self.dir / "dnssec.db")
        self.util("import-tsig-key", "k", self.algorithm, self.secret)
        self.util("activate-tsig-key", self.zone, "k", "slave")

    def util(self, *args):
        subprocess.run(["pdnsutil", f"--config-dir={self.dir}", *[str(a) for a in args]], check=True, capture_output=True, timeout=20)

    def launch(self):
        self.run("pdns_server", f"--config-dir={self.dir}")


SECONDARIES = [BindSecondary, KnotSecondary, NsdSecondary, PowerDnsSecondary]
