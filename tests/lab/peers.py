# SPDX-License-Identifier: Apache-2.0
"""Other authoritative servers with many zones, configured alike: minimal authority sections, nothing signed by them."""
import pathlib
import sqlite3
import subprocess

from lab.daemons import Daemon, free_port


def write_zones(directory, zones):
    """Zone files by name; returns {name: path}."""
    paths = {}
    for name, text in zones.items():
        path = directory / ((name.rstrip(".") or "root") + ".zone")
        path.write_text(text)
        paths[name] = path
    return paths


class NsdMany(Daemon):
    name = "nsd"

    def configure(self, zones):
        text = f"""server:
  ip-address: {self.address}@{self.port}
  username: ""
  zonesdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  xfrdfile: ""
  database: ""
  pidfile: "{self.dir}/nsd.pid"
  xfrdir: "{self.dir}"
  server-count: 1
  minimal-responses: yes
  rrl-ratelimit: 0
  tcp-count: 200
  tcp-timeout: 120
remote-control:
  control-enable: no
"""
        for name, path in write_zones(self.dir, zones).items():
            text += f'zone:\n  name: "{name}"\n  zonefile: "{path}"\n'
        (self.dir / "nsd.conf").write_text(text)

    def launch(self):
        self.run("nsd", "-d", "-c", self.dir / "nsd.conf")


def knot_server(daemon):
    """How a Knot configuration begins: one worker of each kind, all of it in the daemon's folder."""
    return f"""server:
  listen: {daemon.address}@{daemon.port}
  rundir: {daemon.dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {daemon.dir}
log:
  - target: stderr
    any: info
"""


class KnotMany(Daemon):
    name = "knotd"

    def configure(self, zones):
        text = f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
  udp-workers: 1
  tcp-workers: 2
  background-workers: 1
  tcp-idle-timeout: 120
database:
  storage: {self.dir}
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: {self.dir}
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
"""
        for name, path in write_zones(self.dir, zones).items():
            text += f"  - domain: {name}\n    file: {path}\n"
        (self.dir / "knot.conf").write_text(text)

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")


class BindMany(Daemon):
    name = "named"

    def configure(self, zones):
        text = f"""options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; dnssec-validation no;
  minimal-responses no-auth; tcp-clients 200; check-names primary ignore; empty-zones-enable no; rate-limit {{ responses-per-second 0; }}; }};
controls {{ }};
"""
        for name, path in write_zones(self.dir, zones).items():
            text += f'zone "{name}" {{ type primary; file "{path}"; check-integrity no; check-names ignore; check-dup-records ignore; check-mx ignore; }};\n'
        (self.dir / "named.conf").write_text(text)

    def launch(self):
        self.run("named", "-g", "-c", self.dir / "named.conf", "-n", "1")


class PowerDnsMany(Daemon):
    name = "pdns_server"

    def configure(self, zones, signed=False):
        conf = ""
        for name, path in write_zones(self.dir, zones).items():
            conf += f'zone "{name}" {{ type master; file "{path}"; }};\n'
        (self.dir / "bind.conf").write_text(conf)
        (self.dir / "pdns.conf").write_text(f"""launch=bind
bind-config={self.dir}/bind.conf
bind-dnssec-db={self.dir}/dnssec.db
local-address={self.address}
local-port={self.port}
socket-dir={self.dir}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
receiver-threads=1
distributor-threads=1
guardian=no
daemon=no
loglevel=4
tcp-idle-timeout=120
max-tcp-connections=200
consistent-backends=yes
security-poll-suffix=
""")
        tool = ["pdnsutil", f"--config-dir={self.dir}"]
        subprocess.run([*tool, "create-bind-db", self.dir / "dnssec.db"], check=True, capture_output=True)
        for name in zones if signed else []:
            subprocess.run([*tool, "set-presigned", name], check=True, capture_output=True)

    def launch(self):
        self.run("pdns_server", f"--config-dir={self.dir}")


class PowerDns(Daemon):
    """PowerDNS with a database, signing by itself, and its HTTP interface."""

    name = "pdns_server"
    KEY = "a-key-of-the-tests"

    def configure(self, name, text, direct=True):
        self.api_port = free_port()
        schema = next(p for p in (pathlib.Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"),
                                  pathlib.Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")) if p.exists())
        with sqlite3.connect(self.dir / "pdns.db") as db:
            db.executescript(schema.read_text())
        (self.dir / "zone.db").write_text(text)
        (self.dir / "pdns.conf").write_text(f"""launch=gsqlite3
gsqlite3-database={self.dir}/pdns.db
gsqlite3-dnssec=yes
local-address={self.address}
local-port={self.port}
socket-dir={self.dir}
webserver=yes
webserver-port={self.api_port}
api=yes
api-key={self.KEY}
direct-dnskey={"yes" if direct else "no"}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
guardian=no
daemon=no
loglevel=4
security-poll-suffix=
""")
        for words in (["load-zone", name, self.dir / "zone.db"], ["secure-zone", name]):
            subprocess.run(["pdnsutil", f"--config-dir={self.dir}", *words], check=True, capture_output=True)

    def launch(self):
        self.run("pdns_server", f"--config-dir={self.dir}")


class Knot(Daemon):
    """Knot DNS as a signer that leaves foreign keys at the apex alone, and takes updates with a key."""

    name = "knotd"
    SECRET = "c2VjcmV0LW9mLXRoZS10ZXN0cy1vbmx5LW5vLW90aGVy"
    POLICY = "cds-cdnskey-publish: none"
    dnskey_ttl = 3600

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.zones = {}

    def zone(self, name, text, keys="ksk-zsk", management="incremental"):
        self.zones[name] = keys
        (self.dir / f"{name}db").write_text(text)
        self.write_config(management)

    def policy(self, name, management):
        return f"""  - id: {name}
    algorithm: ecdsap256sha256
    single-type-signing: {"on" if name == "csk" else "off"}
    dnskey-management: {management}
    delete-delay: 3600
    dnskey-ttl: {self.dnskey_ttl}
    {self.POLICY}
"""

    def write_config(self, management):
        policies = "".join(self.policy(name, management) for name in ("ksk-zsk", "csk"))
        zones = "".join(f"""  - domain: {name}
    file: {self.dir}/{name}db
    dnssec-policy: {keys}
""" for name, keys in self.zones.items())
        (self.dir / "knot.conf").write_text(f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
  background-workers: 1
database:
  storage: {self.dir}
log:
  - target: stderr
    any: info
key:
  - id: peer
    algorithm: hmac-sha256
    secret: {self.SECRET}
acl:
  - id: peer
    key: peer
    action: [update, query]
policy:
{policies}template:
  - id: default
    storage: {self.dir}
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
    dnssec-signing: on
    acl: peer
zone:
{zones}""")

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")
