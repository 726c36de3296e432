# SPDX-License-Identifier: Apache-2.0
"""Signers of one zone below a parent that scans, a recorder, and two validating resolvers: one that never tries again, and one that does."""
import time

import dns.exception
import dns.flags
import dns.name
import dns.rcode

from lab.daemons import Unbound
from lab.delegation import PARENT, Parent
from lab.recorder import Recorder

ZONE = "shop.parent.example."
PARENT_ADDRESS = "127.0.1.1"
HOSTS = {name: f"ns-{name}.{PARENT}" for name in ("a", "b", "c", "d")}
ADDRESSES = {HOSTS["a"]: "127.0.1.2", HOSTS["b"]: "127.0.1.3", HOSTS["c"]: "127.0.1.5", HOSTS["d"]: "127.0.1.6"}
RESOLVERS = ("127.0.1.4", "127.0.1.7")
TTL = 1


def zone_text(hosts, serial=1):
    """The same at every signer; its servers have names outside of it."""
    return "\n".join([f"$TTL {TTL}", f"@ IN SOA {hosts[0]} hostmaster.{ZONE} {serial} 7200 3600 1209600 {TTL}", *[f"@ IN NS {h}" for h in hosts],
                      "www IN A 192.0.2.80", "*.w IN A 192.0.2.77", "txt IN TXT hello"]) + "\n"


def questions(n):
    return [("www." + ZONE, "A"), (f"n{n % 5}.w." + ZONE, "A"), (f"no{n % 5}." + ZONE, "A"), ("www." + ZONE, "MX"), (ZONE, "SOA"), (ZONE, "NS"),
            (ZONE, "CDS"), (ZONE, "CDNSKEY")]


class GroupLab:
    def __init__(self, tmp_path, daemons, scans=True):
        self.dir, self.daemons, self.scans = tmp_path, daemons, scans
        self.parent = Parent(tmp_path / "parent", PARENT_ADDRESS)
        self.on_tick = lambda: None
        self.signers, self.recorder, self.resolvers, self.wrong, self.asked = {}, None, [], [], 0

    def add(self, host, daemon):
        """A signer that is configured; it is started."""
        self.signers[host] = daemon
        self.daemons.append(daemon)
        daemon.start()
        return daemon

    def start_parent(self, hosts, ds):
        self.parent.delegate(ZONE, ADDRESSES, hosts, ds)
        self.daemons.append(self.parent)
        self.parent.start()
        anchor = self.parent.wait_signed()
        for address, patient in zip(RESOLVERS, (False, True)):
            u = Unbound(self.dir / f"unbound-{address}", address)
            u.parent(PARENT, PARENT_ADDRESS, 53, [anchor])
            conf = (u.dir / "unbound.conf").read_text().replace("server:\n", "server:\n  cache-min-ttl: 0\n  harden-algo-downgrade: yes\n", 1)
            (u.dir / "unbound.conf").write_text(conf.replace("  val-max-restart: 0\n", "") if patient else conf)
            self.daemons.append(u)
            self.resolvers.append(u.start())
        self.recorder = Recorder(self.parent, self.signers, ZONE, questions)

    def tick(self):
        """Half a second of the life of the zone."""
        end = time.monotonic() + 0.5
        self.on_tick()
        if self.scans:
            self.parent.scan()
        self.recorder.record()
        for u in self.resolvers:
            for name, rdtype in (("www." + ZONE, "A"), (f"u{self.asked}.w." + ZONE, "A"), (f"u{self.asked}.no." + ZONE, "A"), (ZONE, "DNSKEY")):
                self.asked += 1
                self.ask_resolver(u, name, rdtype)
        time.sleep(max(0, end - time.monotonic()))  # the recorder's pace

    def ask_resolver(self, u, name, rdtype):
        try:
            answer = u.ask(name, rdtype, do=True, rd=True, timeout=5)
        except dns.exception.Timeout:
            self.wrong.append((self.recorder.n, u.address, name, rdtype, "no answer"))
            return
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not answer.flags & dns.flags.AD:
            self.wrong.append((self.recorder.n, u.address, name, rdtype, dns.rcode.to_text(answer.rcode()), dns.flags.to_text(answer.flags)))

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tick()

    def run_until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.tick()
            assert time.monotonic() < end, (what, self.parent.hosts, self.parent.ds, self.parent.refusals[-2:])

    def finish(self):
        """Nothing was bogus, for no resolver and no pair of caches."""
        self.run_for(2)
        judged = self.recorder.judge()
        assert not self.wrong, (len(self.wrong), self.asked, self.wrong[:6])
        assert self.recorder.seen > 50 and judged > self.recorder.seen / 10
        return judged
