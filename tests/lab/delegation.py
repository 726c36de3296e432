# SPDX-License-Identifier: Apache-2.0
"""A parent over a real name server: it delegates one zone, reads CDS and CSYNC of its servers by the rules, and acts on them.

RFC 7344, RFC 8078 (CDS), RFC 7477 (CSYNC): the same at every server of the delegation, validated through the DS that is there; what would break
the delegation is not done."""
import dns.dnssec
import dns.exception
import dns.flags
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

from lab.daemons import Bind, make_query
from lab.oracle import Bogus, check_keys, check_rrset
from lab.wait import wait_until

PARENT = "parent.example."
TTL = 1


def ask_at(address, name, rdtype):
    return dns.query.tcp(make_query(name, rdtype, do=True), address, timeout=3)


def texts(message, rdtype):
    wanted = dns.rdatatype.from_text(rdtype)
    return sorted(r.to_text() for rrset in message.answer if rrset.rdtype == wanted for r in rrset)


class Refused(Exception):
    """Why a scan changed nothing."""


class Parent(Bind):
    """BIND signs it; what it delegates is changed by dynamic update."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.children = []

    def delegate(self, zone, servers, hosts, ds=()):
        """Before it starts. `servers`: {host name: address} of all who may ever be in the delegation."""
        self.children.append(Delegation(self, zone, servers, hosts, ds))
        return self.children[-1]

    def launch(self):
        addresses = {h: a for c in self.children for h, a in c.servers.items()}
        self.zone(PARENT, "\n".join([
            f"$TTL {TTL}", f"@ IN SOA ns.{PARENT} hostmaster.{PARENT} 1 7200 3600 1209600 {TTL}", f"@ IN NS ns.{PARENT}",
            f"ns IN A {self.address}", *[f"{h} IN A {a}" for h, a in addresses.items()],
            *[f"{c.child} IN NS {h}" for c in self.children for h in c.hosts],
            *[f"{c.child} IN DS {d}" for c in self.children for d in c.ds]]) + "\n")
        super().launch()

    def anchor(self):
        keys = self.ask(PARENT, "DNSKEY", do=True)
        found = [k for k in keys.answer[0] if k.flags == 257] if keys.answer else []
        return f"{PARENT} IN DNSKEY {found[0].to_text()}" if found else None

    def wait_signed(self):
        asked = [(f"ns.{PARENT}", "A"), *[(c.child, "DS") for c in self.children]]
        wait_until(lambda: self.is_signed(asked), "all of the parent is signed", 60)
        return wait_until(self.anchor, "the parent has a key", 60)


class Delegation:
    """Of one zone. `reads`: which of CDS and CDNSKEY the parent acts on; registries differ."""

    reads = ("CDS", "CDNSKEY")

    def __init__(self, parent, zone, servers, hosts, ds):
        self.parent, self.child, self.child_name = parent, zone, dns.name.from_text(zone)
        self.servers, self.hosts, self.ds = dict(servers), sorted(hosts), sorted(ds)
        self.refusals = []

    # ---- by hand, as a registrar's form ----

    def set_ds(self, ds):
        self.ds = sorted(ds)
        self.parent.update(f"update delete {self.child} DS", *[f"update add {self.child} {TTL} DS {d}" for d in self.ds])

    def set_ns(self, hosts):
        self.hosts = sorted(hosts)
        self.parent.update(f"update delete {self.child} NS", *[f"update add {self.child} {TTL} NS {h}" for h in self.hosts])

    # ---- by itself ----

    def ds_records(self):
        return list(dns.rrset.from_text(self.child_name, TTL, "IN", "DS", *self.ds)) if self.ds else []

    def addresses(self):
        return [self.servers[h] for h in self.hosts]

    def validated(self, address, rdtype):
        """The texts of an RRset at a server's apex, none where it has none; validated through our DS."""
        answer = ask_at(address, self.child, rdtype)
        if answer.rcode() != dns.rcode.NOERROR:
            raise Refused(f"{address}: {rdtype}: {dns.rcode.to_text(answer.rcode())}")
        keys = check_keys(ask_at(address, self.child, "DNSKEY"), self.child_name, self.ds_records())
        for rrset in answer.answer:
            if rrset.rdtype != dns.rdatatype.RRSIG:
                check_rrset(rrset, answer.answer, self.child_name, keys)
        return texts(answer, rdtype)

    def same_everywhere(self, rdtype):
        seen = [self.validated(a, rdtype) for a in self.addresses()]
        if any(s != seen[0] for s in seen):
            raise Refused(f"{rdtype} differs: {dict(zip(self.addresses(), seen))}")
        return seen[0]

    def keeps_the_delegation(self, ds):
        """RFC 7344 section 4.1: a DNSKEY set of every server validates under the new DS too, in each algorithm."""
        records = list(dns.rrset.from_text(self.child_name, TTL, "IN", "DS", *ds))
        for a in self.addresses():
            for algorithm in {r.algorithm for r in records}:
                check_keys(ask_at(a, self.child, "DNSKEY"), self.child_name, [r for r in records if r.algorithm == algorithm])

    def scan_cds(self):
        cds, cdnskey = [self.same_everywhere(t) if t in self.reads else [] for t in ("CDS", "CDNSKEY")]
        if not cds and not cdnskey:
            return
        if [c for c in cds if c.startswith("0 0 0")]:
            raise Refused("a request to delete the DS")
        of_keys = sorted(dns.dnssec.make_ds(self.child_name, k, "SHA256").to_text()
                         for k in dns.rrset.from_text(self.child_name, TTL, "IN", "DNSKEY", *cdnskey)) if cdnskey else cds
        if cds and [c.lower() for c in cds] != [d.lower() for d in of_keys]:
            raise Refused("CDS and CDNSKEY differ")
        self.keeps_the_delegation(of_keys)
        if of_keys != self.ds:
            self.set_ds(of_keys)

    def scan_csync(self):
        csync = {c.split(" ", 1)[1] for c in self.same_everywhere_but_serial()}
        if not csync:
            return
        flags, *types = csync.pop().split()
        if csync or not int(flags) & 1 or "NS" not in types:
            raise Refused("CSYNC that is not immediate, or not about NS")
        ns = self.same_everywhere("NS")
        if ns and set(ns) <= set(self.servers) and ns != self.hosts:
            self.set_ns(ns)

    def same_everywhere_but_serial(self):
        seen = [self.validated(a, "CSYNC") for a in self.addresses()]
        if len({tuple(c.split(" ", 1)[1] for c in s) for s in seen}) > 1:
            raise Refused("CSYNC differs")
        return seen[0]

    def scan(self):
        for step in (self.scan_cds, self.scan_csync):
            try:
                step()
            except (Refused, Bogus, dns.exception.DNSException, OSError, KeyError) as e:
                self.refusals.append(str(e))
