# SPDX-License-Identifier: Apache-2.0
"""PowerDNS as a signer with keys and records in SQLite, and foreign keys among the records."""
import sqlite3
import subprocess

from lab.daemons import Daemon

# What the server asks for; the schema itself is documentation, which is not installed everywhere.
TABLES = """
CREATE TABLE domains (id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL COLLATE NOCASE, master VARCHAR(128) DEFAULT NULL,
  last_check INTEGER DEFAULT NULL, type VARCHAR(8) NOT NULL, notified_serial INTEGER DEFAULT NULL, account VARCHAR(40) DEFAULT NULL,
  options VARCHAR(65535) DEFAULT NULL, catalog VARCHAR(255) DEFAULT NULL);
CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER DEFAULT NULL, name VARCHAR(255) DEFAULT NULL, type VARCHAR(10) DEFAULT NULL,
  content VARCHAR(65535) DEFAULT NULL, ttl INTEGER DEFAULT NULL, prio INTEGER DEFAULT NULL, disabled BOOLEAN DEFAULT 0,
  ordername VARCHAR(255), auth BOOL DEFAULT 1);
CREATE TABLE supermasters (ip VARCHAR(64) NOT NULL, nameserver VARCHAR(255) NOT NULL, account VARCHAR(40) NOT NULL);
CREATE TABLE comments (id INTEGER PRIMARY KEY, domain_id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, type VARCHAR(10) NOT NULL,
  modified_at INT NOT NULL, account VARCHAR(40) DEFAULT NULL, comment VARCHAR(65535) NOT NULL);
CREATE TABLE domainmetadata (id INTEGER PRIMARY KEY, domain_id INT NOT NULL, kind VARCHAR(32), content TEXT);
CREATE TABLE cryptokeys (id INTEGER PRIMARY KEY, domain_id INT NOT NULL, flags INT NOT NULL, active BOOL, published BOOL DEFAULT 1, content TEXT);
CREATE TABLE tsigkeys (id INTEGER PRIMARY KEY, name VARCHAR(255) COLLATE NOCASE, algorithm VARCHAR(50), secret VARCHAR(255));
"""


class PowerDns(Daemon):
    name = "pdns_server"
    api_key, api_port = None, None

    def configure(self):
        (self.dir / "pdns.conf").write_text(f"""launch=gsqlite3
gsqlite3-database={self.dir}/pdns.sqlite3
gsqlite3-dnssec=yes
direct-dnskey=yes
local-address={self.address}
local-port={self.port}
socket-dir={self.dir}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
zone-metadata-cache-ttl=0
domain-metadata-cache-ttl=0
dnssec-key-cache-ttl=0
guardian=no
daemon=no
loglevel=4
security-poll-suffix=
""" + (f"api=yes\napi-key={self.api_key}\nwebserver=yes\nwebserver-address=127.0.0.1\nwebserver-port={self.api_port}\n" if self.api_key else ""))
        with sqlite3.connect(self.dir / "pdns.sqlite3") as db:
            db.executescript(TABLES)

    def util(self, *args):
        done = subprocess.run(["pdnsutil", f"--config-dir={self.dir}", *[str(a) for a in args]], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout

    def launch(self):
        self.run("pdns_server", f"--config-dir={self.dir}")
