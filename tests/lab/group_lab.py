# SPDX-License-Identifier: Apache-2.0
"""Zones with several signers below a parent, each with a recorder, and two validating resolvers: one that never tries again, and one that does.

Many zones live side by side on the same servers: what takes its time in one does not add to that of the others (lab/scenario.py)."""
import concurrent.futures
import time

import dns.exception
import dns.flags
import dns.rcode

from lab.daemons import Unbound
from lab.delegation import PARENT, Parent
from lab.recorder import Recorder
from lab.scenario import run_together

PARENT_ADDRESS = "127.0.1.1"
HOSTS = {name: f"ns-{name}.{PARENT}" for name in ("a", "b", "c", "d", "e")}
ADDRESSES = dict(zip(HOSTS.values(), ("127.0.1.2", "127.0.1.3", "127.0.1.5", "127.0.1.6", "127.0.1.8")))
RESOLVERS = ("127.0.1.4", "127.0.1.7")
SERVER = """server:
  cache-min-ttl: 0
  harden-algo-downgrade: yes
"""
TRIES = 40  # of one question to a resolver, two seconds each
TTL = 1
WAIT = TTL + 1  # a TTL, counted in whole seconds


def zone_name(label):
    return f"{label}.{PARENT}"


def zone_text(zone, hosts, serial=1):
    """The same at every signer; its servers have names outside of it."""
    return "\n".join([f"$TTL {TTL}", f"@ IN SOA {hosts[0]} hostmaster.{zone} {serial} 7200 3600 1209600 {TTL}", *[f"@ IN NS {h}" for h in hosts],
                      "www IN A 192.0.2.80", "*.w IN A 192.0.2.77", "txt IN TXT hello"]) + "\n"


def questions(zone):
    return lambda n: [("www." + zone, "A"), (f"n{n % 5}.w." + zone, "A"), (f"no{n % 5}." + zone, "A"), ("www." + zone, "MX"), (zone, "SOA"),
                      (zone, "NS"), (zone, "CDS"), (zone, "CDNSKEY")]


class Zone:
    """`signers`: {host name: daemon} of all who may ever be in its NS set. `scans`: whether the parent acts on CDS and CSYNC, or by hand."""

    def __init__(self, lab, name, signers, scans):
        self.lab, self.name, self.signers, self.scans = lab, name, dict(signers), scans
        self.delegation, self.recorder = None, None
        self.asked, self.wrong = 0, []

    def delegate(self, hosts, ds):
        self.delegation = self.lab.parent.delegate(self.name, {h: d.address for h, d in self.signers.items()}, hosts, ds)
        self.recorder = Recorder(self.delegation, self.signers, self.name, questions(self.name))
        return self.delegation

    def tick(self):
        if self.scans:
            self.delegation.scan()
        self.recorder.record()
        for u in self.lab.resolvers:
            n = self.recorder.n
            for name, rdtype in (("www." + self.name, "A"), (f"u{n}.w." + self.name, "A"), (f"u{n}.no." + self.name, "A"), (self.name, "DNSKEY")):
                self.asked += 1
                self.ask_resolver(u, name, rdtype)

    def ask_resolver(self, u, name, rdtype):
        """As a stub does: silence is asked again, whatever else is said holds."""
        for _ in range(TRIES):
            try:
                answer = u.ask(name, rdtype, do=True, rd=True, timeout=2)
                break
            except dns.exception.Timeout:
                self.recorder.missed.append((u.address, name))
        else:
            self.wrong.append((u.address, name, rdtype, "no answer"))
            return
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not answer.flags & dns.flags.AD:
            self.wrong.append((u.address, name, rdtype, dns.rcode.to_text(answer.rcode()), dns.flags.to_text(answer.flags)))


class GroupLab:
    def __init__(self, tmp_path, daemons):
        self.dir, self.daemons = tmp_path, daemons
        self.parent = Parent(tmp_path / "parent", PARENT_ADDRESS)
        self.on_tick = []  # what else is done in each round
        self.zones, self.resolvers = [], []
        self.pool = concurrent.futures.ThreadPoolExecutor(16)

    def add(self, daemon):
        """One that is configured; it is started."""
        self.daemons.append(daemon)
        return daemon.start()

    def add_zone(self, name, signers, scans=True):
        self.zones.append(Zone(self, name, signers, scans))
        return self.zones[-1]

    def start_parent(self):
        """When all zones are delegated; then whoever is asked for them."""
        self.daemons.append(self.parent)
        self.parent.start()
        anchor = self.parent.wait_signed()
        for address, patient in zip(RESOLVERS, (False, True)):
            u = Unbound(self.dir / f"unbound-{address}", address)
            u.parent(PARENT, PARENT_ADDRESS, 53, [anchor])
            conf = (u.dir / "unbound.conf").read_text().replace("server:\n", SERVER, 1)
            (u.dir / "unbound.conf").write_text(conf.replace("  val-max-restart: 0\n", "") if patient else conf)
            self.daemons.append(u)
            self.resolvers.append(u.start())

    def tick(self):
        """Half a second of the life of all zones."""
        end = time.monotonic() + 0.5
        for act in self.on_tick:
            act()
        for done in [self.pool.submit(z.tick) for z in self.zones]:
            done.result()
        time.sleep(max(0, end - time.monotonic()))  # the recorders' pace

    def run(self, scenarios, limit=180):
        run_together(scenarios, self.tick, limit, self.tell)

    def tell(self):
        return [(z.name, z.delegation.hosts, z.delegation.ds, z.delegation.refusals[-2:]) for z in self.zones]

    def finish(self):
        """Nothing was bogus, for no resolver and no pair of caches; returns what was judged, to be told."""
        for _ in range(4):
            self.tick()
        pairs, answers, silent, asked = 0, 0, 0, 0
        for z in self.zones:
            assert not z.wrong, (z.name, len(z.wrong), z.asked, z.wrong[:6])
            judged = z.recorder.judge()
            assert z.recorder.seen > 50 and judged > z.recorder.seen / 10, z.name
            pairs, answers, silent, asked = pairs + judged, answers + z.recorder.seen, silent + len(z.recorder.missed), asked + z.asked
        return f"{answers} answers, {pairs} pairs, {asked} asked of the resolvers, {silent} times silence"
