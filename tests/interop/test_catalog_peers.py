# SPDX-License-Identifier: Apache-2.0
"""Catalog zones with BIND and Knot, each as the one that lists and the one that follows."""
import dns.exception
import dns.rcode
import pytest

from lab.daemons import Concord, Daemon, free_port
from lab.peers import knot_server
from lab.wait import wait_until

CATALOG = "catalog.example."
MEMBERS = [f"m{i}.test." for i in range(6)]
ZONE_TEXT = "$TTL 300\n@ IN SOA ns h 1 2 1 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\nwww IN A 192.0.2.2\n"


def serves(daemon, zone):
    try:
        return bool(daemon.ask(f"www.{zone}", "A", timeout=1).answer)
    except dns.exception.DNSException:
        return False


def refuses(daemon, zone):
    return daemon.ask(f"www.{zone}", "A").rcode() == dns.rcode.REFUSED


def catalog_text(members, serial):
    rows = "".join(f"id-{m.split('.')[0]}.zones 0 IN PTR {m}\n" for m in members)
    return f"@ 0 IN SOA invalid. invalid. {serial} 2 1 2147483646 0\n@ 0 IN NS invalid.\nversion 0 IN TXT \"2\"\n{rows}"


class BindProducer(Daemon):
    """A catalog written by hand, and its members."""

    name = "named"

    def configure(self, members, serial):
        (self.dir / "m.zone").write_text(ZONE_TEXT)
        (self.dir / "catalog.zone").write_text(catalog_text(members, serial))
        zones = "".join(f'zone "{m}" {{ type primary; file "m.zone"; }};\n' for m in members)
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; notify no;
  pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; dnssec-validation no; allow-transfer {{ any; }}; }};
controls {{ }};
zone "{CATALOG}" {{ type primary; file "catalog.zone"; check-names ignore; }};
{zones}""")

    def launch(self):
        self.run("named", "-g", "-c", self.dir / "named.conf", "-n", "1")


class KnotProducer(Daemon):
    name = "knotd"

    def configure(self, members, _):
        (self.dir / "m.zone").write_text(ZONE_TEXT)
        zones = "".join(f"  - domain: {m}\n    file: m.zone\n    catalog-role: member\n    catalog-zone: {CATALOG}\n    catalog-group: gold\n"
                        for m in members)
        (self.dir / "knot.conf").write_text(f"""{knot_server(self)}acl:
  - id: all
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    storage: {self.dir}
    acl: all
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
  - domain: {CATALOG}
    catalog-role: generate
{zones}""")

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")


@pytest.mark.parametrize("kind", [BindProducer, KnotProducer])
def test_concord_follows_the_catalog_of(daemons, tmp_path, kind):
    p = kind(tmp_path / "producer", port=free_port())
    p.configure(MEMBERS, 1)
    daemons.append(p)
    p.start()
    c = Concord(tmp_path / "concord")
    # Knot answers questions for catalogs over TCP alone.
    c.extra = (f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}, transport: tcp}}\ntemplates:\n  - {{id: plain, primaries: [main], signing: none}}\n"
               "  - {id: gold, primaries: [main], signing: default}")
    c.zones.append(f"  - name: {CATALOG}\n    primaries: [main]\n    signing: none\n    catalog: {{template: plain, groups: {{gold: gold}}}}\n")
    c.write_config()
    daemons.append(c)
    c.start()
    wait_until(lambda: all(serves(c, m) for m in MEMBERS), "all members are served")
    assert c.ctl("zone", "status", MEMBERS[0])["signed"] == (kind is KnotProducer), "Knot says the group"
    p.stop()
    p.configure(MEMBERS[2:], 2)
    p.start()
    c.ctl("zone", "refresh", CATALOG)
    wait_until(lambda: refuses(c, MEMBERS[0]) and refuses(c, MEMBERS[1]), "two have gone")
    assert all(serves(c, m) for m in MEMBERS[2:])


class BindConsumer(Daemon):
    name = "named"

    def configure(self, primary):
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; notify no;
  pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; dnssec-validation no; min-refresh-time 1; min-retry-time 1;
  catalog-zones {{ zone "{CATALOG}" default-primaries {{ 127.0.0.1 port {primary.port}; }} in-memory yes min-update-interval 1; }}; }};
controls {{ }};
zone "{CATALOG}" {{ type secondary; primaries {{ 127.0.0.1 port {primary.port}; }}; allow-notify {{ 127.0.0.0/8; }}; }};
""")

    def launch(self):
        self.run("named", "-g", "-c", self.dir / "named.conf", "-n", "1")


class KnotConsumer(Daemon):
    name = "knotd"

    def configure(self, primary):
        (self.dir / "knot.conf").write_text(f"""{knot_server(self)}remote:
  - id: main
    address: 127.0.0.1@{primary.port}
acl:
  - id: notify
    address: 127.0.0.0/8
    action: notify
template:
  - id: default
    storage: {self.dir}
    acl: notify
  - id: member
    storage: {self.dir}
    master: main
    acl: notify
zone:
  - domain: {CATALOG}
    master: main
    catalog-role: interpret
    catalog-template: member
""")

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")


@pytest.mark.parametrize("kind", [BindConsumer, KnotConsumer])
def test_the_catalog_that_concord_makes_is_followed_by(daemons, tmp_path, kind):
    c = Concord(tmp_path / "concord")
    follower = kind(tmp_path / "consumer", port=free_port())
    c.extra = f"remotes:\n  - {{id: follower, address: 127.0.0.1@{follower.port}}}"
    c.file("m.zone", ZONE_TEXT)
    c.zones.append(f"  - name: {CATALOG}\n    catalog: {{generate: yes}}\n    signing: none\n    allow-transfer: [{{from: 127.0.0.0/8}}]\n"
                   "    notify: [follower]\n")
    for m in MEMBERS:
        c.zones.append(f"  - {{name: {m}, file: m.zone, signing: none, in-catalog: {CATALOG}, allow-transfer: [{{from: 127.0.0.0/8}}]}}")
    c.write_config()
    daemons.append(c)
    c.start()
    follower.configure(c)
    daemons.append(follower)
    follower.start()
    wait_until(lambda: all(serves(follower, m) for m in MEMBERS), "all members are served there", 30)
    c.zones = [z for z in c.zones if f"name: {MEMBERS[0]}," not in z]
    c.write_config()
    c.ctl("reload")
    wait_until(lambda: refuses(follower, MEMBERS[0]), "one has gone there too", 30)
    assert all(serves(follower, m) for m in MEMBERS[1:])
