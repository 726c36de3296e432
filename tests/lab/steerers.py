# SPDX-License-Identifier: Apache-2.0
"""The same steering by country in Concord and in other servers that steer: one database, equal maps, so that answers can be compared.

A World has countries, an address for each, and one for everybody else; `names` are steered so. gdnsd does not sign, the others do."""
import pathlib
import re
import subprocess

from lab.daemons import Daemon
from lab.wait import wait_until

ELSEWHERE = "198.51.100.1"
TTL = 60
SIGNING_SECONDS = 180
CODES = pathlib.Path(__file__).resolve().parents[2] / "src" / "geo" / "codes.c"


def continents():
    """{country: continent} of the countries that a rule may name."""
    table = CODES.read_text().split("CONTINENTS[] = {")[1].split("};")[0]
    found = {}
    for continent, countries in re.findall(r'\{ "(\w\w)", ((?:\s*"[A-Z ]+")+) \}', table):
        found.update({c: continent for c in "".join(re.findall(r'"([A-Z ]+)"', countries)).split()})
    return found


class World:
    def __init__(self, zone, names, countries, database):
        self.zone, self.names, self.database = zone, names, database
        self.continent = {c: k for c, k in continents().items() if c in countries}
        self.countries = sorted(self.continent)
        self.address = {c: f"198.18.{i // 250}.{i % 250 + 1}" for i, c in enumerate(self.countries)}

    def of(self, country):
        return self.address.get(country, ELSEWHERE)

    def head(self):
        return f"""$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.1
"""

    def records(self):
        """What the database says of each country."""
        known = {c: {"country": {"iso_code": c}, "continent": {"code": k}} for c, k in self.continent.items()}
        return known

    def steering(self):
        pools = "".join(f"      {c}: {{values: [{{value: {self.address[c]}}}]}}\n" for c in self.countries)
        rules = "".join(f"      - {{geos: [{self.continent[c]}-{c}], pool: {c}}}\n" for c in self.countries)
        dynamic = f"    pools:\n{pools}      elsewhere: {{values: [{{value: {ELSEWHERE}}}]}}\n    rules:\n{rules}      - {{pool: elsewhere}}\n"
        return "".join(f"{n}:\n  type: A\n  ttl: {TTL}\n  values: [{ELSEWHERE}]\n  dynamic:\n{dynamic}" for n in self.names)

    def concord(self, daemon, more="", **options):
        """Into a Concord that has no zones yet; `more` are records beside the steered ones."""
        daemon.extra += f"\ngeo:\n  - {{id: world, format: mmdb, file: {self.database}}}\n"
        daemon.zone(self.zone, self.head() + more, steering=self.steering(), geo="world", **options)
        daemon.write_config()
        return daemon


class GdnsdGeo(Daemon):
    """One resource for all names: of 1,000 with 250 places each it does not read its configuration within minutes."""

    name = "gdnsd"

    def configure(self, world):
        for d in ("zones", "geoip", "run", "state"):
            (self.dir / d).mkdir(exist_ok=True)
        of_continent = {}
        for c in world.countries:
            of_continent.setdefault(world.continent[c], []).append(f"{c} => [dc-{c}]")
        places = "\n".join(f"{k} => {{ default => [elsewhere], {', '.join(v)} }}" for k, v in of_continent.items())
        centres = ", ".join([f"dc-{c}" for c in world.countries] + ["elsewhere"])
        addresses = " ".join([f"dc-{c} => {world.address[c]}" for c in world.countries] + [f"elsewhere => {ELSEWHERE}"])
        (self.dir / "config").write_text(f"""options => {{ listen => [ {self.address}:{self.port} ], udp_threads => 1, tcp_threads => 1,
  run_dir => {self.dir}/run, state_dir => {self.dir}/state }}
plugins => {{ geoip => {{
  maps => {{ world => {{ geoip2_db => {world.database}, datacenters => [{centres}],
    map => {{ default => [elsewhere]
{places}
    }} }} }}
  resources => {{ all => {{ map => world service_types => up dcmap => {{ {addresses} }} }} }} }} }}
""")
        steered = "".join(f"{n} {TTL} DYNA geoip!all\n" for n in world.names)
        (self.dir / "zones" / world.zone.rstrip(".")).write_text(world.head() + steered)

    def launch(self):
        self.run("gdnsd", "-c", self.dir, "start")


class KnotGeo(Daemon):
    """mod-geoip signs all its answers when it is loaded, with keys that must be there before."""

    name = "knotd"

    def configure(self, world):
        views = "".join(f'  - geo: "{c}"\n    A: {world.address[c]}\n' for c in world.countries)
        (self.dir / "geo.conf").write_text("".join(f"{n}.{world.zone}:\n{views}" for n in world.names))
        defaults = "".join(f"{n} {TTL} IN A {ELSEWHERE}\n" for n in world.names)
        (self.dir / "zone.db").write_text(world.head() + defaults)
        (self.dir / "knot.conf").write_text(f"""server:
  listen: {self.address}@{self.port}
  rundir: {self.dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  edns-client-subnet: on
database:
  storage: {self.dir}
log:
  - target: stderr
    any: info
policy:
  - id: p256
    algorithm: ecdsap256sha256
    manual: on
mod-geoip:
  - id: world
    config-file: {self.dir}/geo.conf
    ttl: {TTL}
    mode: geodb
    geodb-file: {world.database}
    geodb-key: country/iso_code
zone:
  - domain: {world.zone}
    file: {self.dir}/zone.db
    storage: {self.dir}
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p256
    module: mod-geoip/world
""")
        for role in ("yes", "no"):
            subprocess.run(["keymgr", "-c", self.dir / "knot.conf", world.zone, "generate", "algorithm=13", f"ksk={role}", f"zsk={'no' if role == 'yes' else 'yes'}"],
                           check=True, capture_output=True)

    def launch(self):
        self.run("knotd", "-c", self.dir / "knot.conf")

    def start(self):
        self.launch()
        wait_until(self.is_up, "everything is signed", SIGNING_SECONDS)
        return self


class PowerDnsGeo(Daemon):
    """The geoip backend, which signs as it answers."""

    name = "pdns_server"

    def configure(self, world):
        zone = world.zone.rstrip(".")
        places = "".join(f"    {c.lower()}.c.{zone}:\n      - a: {world.address[c]}\n" for c in world.countries)
        services = "".join(f"    {n}.{zone}: ['%cc.c.{zone}', 'unknown.c.{zone}']\n" for n in world.names)
        (self.dir / "keys").mkdir()
        (self.dir / "zones.yaml").write_text(f"""domains:
- domain: {zone}
  ttl: {TTL}
  records:
    {zone}:
      - soa: ns1.{zone} hostmaster.{zone} 1 7200 3600 1209600 300
      - ns: {{content: ns1.{zone}, ttl: 3600}}
    ns1.{zone}:
      - a: 192.0.2.1
    unknown.c.{zone}:
      - a: {ELSEWHERE}
{places}  services:
{services}""")
        (self.dir / "pdns.conf").write_text(f"""launch=geoip
geoip-zones-file={self.dir}/zones.yaml
geoip-database-files=mmdb:{world.database}
geoip-dnssec-keydir={self.dir}/keys
edns-subnet-processing=yes
local-address={self.address}
local-port={self.port}
socket-dir={self.dir}
receiver-threads=1
distributor-threads=1
guardian=no
daemon=no
loglevel=4
consistent-backends=yes
security-poll-suffix=
""")
        subprocess.run(["pdnsutil", f"--config-dir={self.dir}", "add-zone-key", zone, "zsk", "active", "ecdsa256"], check=True,
                       capture_output=True)

    def launch(self):
        self.run("pdns_server", f"--config-dir={self.dir}")
