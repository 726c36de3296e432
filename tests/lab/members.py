# SPDX-License-Identifier: Apache-2.0
"""Other signers of a group: BIND, Knot and PowerDNS with several zones each, short TTLs, and keys that roll by their own clock or hand."""
import subprocess

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

from lab.daemons import Bind
from lab.delegation import texts
from lab.peers import Knot
from lab.powerdns import PowerDns
from lab.scenario import after

TTL = 1
# From a change at one signer until all others have it and no cache holds what was before: a poll of a second, its round, and TTLs, on a busy machine.
REACH = 12
GONE = TTL + 2  # what was taken back at one signer is in no cache any more


def one_line(key):
    """A DNSKEY's text without blanks in its base64."""
    first = key.split(" ", 3)
    return " ".join(first[:3]) + " " + first[3].replace(" ", "")


def served(signer, zone, rdtype):
    found = texts(signer.ask(zone, rdtype, do=True, tcp=True), rdtype)
    return {one_line(t) if rdtype in ("DNSKEY", "CDNSKEY") else t.lower() for t in found}


def keys_of(signer, zone):
    return [k for rrset in signer.ask(zone, "DNSKEY", do=True, tcp=True).answer if rrset.rdtype == dns.rdatatype.DNSKEY for k in rrset]


class Member:
    """`own[zone]`: the DNSKEYs that are its own, as texts."""

    def is_signed(self, zone):
        """All that is asked in labs has signatures."""
        try:
            return all(any(r.rdtype == dns.rdatatype.RRSIG for r in a.answer + a.authority)
                       for a in [self.ask(n, t, do=True) for n, t in (("www." + zone, "A"), (zone, "DNSKEY"), ("no." + zone, "A"), (zone, "SOA"))])
        except (dns.exception.DNSException, OSError):
            return False

    def remember_own(self, zone):
        self.own = {**getattr(self, "own", {}), zone: served(self, zone, "DNSKEY")}

    def own_ds(self, zone):
        return [dns.dnssec.make_ds(dns.name.from_text(zone), k, "SHA256").to_text() for k in keys_of(self, zone)
                if k.flags == 257 and one_line(k.to_text()) in self.own[zone]]

    def tags(self, zone):
        """{tag: key} of its own keys in its set."""
        return {dns.dnssec.key_id(k): k for k in keys_of(self, zone) if one_line(k.to_text()) in self.own[zone]}

    def signers_of(self, zone, rdtype):
        answer = self.ask(zone, rdtype, do=True, tcp=True)
        return {r.key_tag for rrset in answer.answer if rrset.rdtype == dns.rdatatype.RRSIG for r in rrset}

    def old_key(self, zone, role):
        flags = 256 if role == "zsk" else 257
        return next(tag for tag, k in self.tags(zone).items() if k.flags == flags)


class UpdateMember(Member):
    key = "peer"

    def change(self, zone, rdtype, add, drop):
        lines = [f"update add {zone} {TTL} {rdtype} {r}" for r in add] + [f"update delete {zone} {rdtype} {r}" for r in drop]
        script = f"server {self.address} {self.port}\nzone {zone}\n" + "\n".join(lines) + "\nsend\n"
        subprocess.run(["nsupdate", "-y", f"hmac-sha256:{self.key}:{self.SECRET}"], input=script, text=True, capture_output=True, timeout=30, check=False)

    def roll(self, zone, role, delegation, is_known):
        """By its own clock, as an operator would begin it; a KSK is told of its DS when the parent has it. Yields what it waits for."""
        old, before = self.old_key(zone, role), served(self, zone, "DNSKEY")
        self.begin(zone, role, old)
        yield lambda: served(self, zone, "DNSKEY") - before, f"{self.name} has a new {role}"
        self.own[zone] |= served(self, zone, "DNSKEY") - before
        new = next(tag for tag, k in self.tags(zone).items() if tag != old and k.flags == (256 if role == "zsk" else 257))
        if role != "zsk":
            wanted = dns.dnssec.make_ds(dns.name.from_text(zone), self.tags(zone)[new], "SHA256").to_text()
            yield lambda: wanted in delegation.ds, f"the parent has the DS of {self.name}'s new entry"
            yield after(REACH), "caches have it"
            self.tell_of_ds(zone, new, old)
        yield lambda: old not in self.tags(zone) and old not in self.signers_of(zone, "SOA"), f"{self.name} has dropped its old {role}"


class BindMember(UpdateMember, Bind):
    # A new key is used when all others have had time to take it in; an old one stays until what it signed has left the caches.
    POLICY = f"dnskey-ttl {TTL}; publish-safety {REACH}; retire-safety {REACH}; zone-propagation-delay 0; parent-ds-ttl {TTL}; " \
             f"parent-propagation-delay 0; max-zone-ttl {TTL};"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.controls = f"inet {self.address} port 953 allow {{ any; }} keys {{ peer; }};"

    def sign(self, zone, text, keys):
        self.zone(zone, text, keys)
        (self.dir / "rndc.conf").write_text(f'key peer {{ algorithm hmac-sha256; secret "{self.SECRET}"; }};\n'
                                            f"options {{ default-key peer; default-server {self.address}; default-port 953; }};\n")

    def rndc(self, *args):
        done = subprocess.run(["rndc", "-c", str(self.dir / "rndc.conf"), *[str(a) for a in args]], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout

    def begin(self, zone, role, old):
        self.rndc("dnssec", "-rollover", "-key", old, zone)

    def tell_of_ds(self, zone, new, old):
        self.rndc("dnssec", "-checkds", "-key", new, "published", zone)
        self.rndc("dnssec", "-checkds", "-key", old, "withdrawn", zone)


class KnotMember(UpdateMember, Knot):
    POLICY = f"propagation-delay: {REACH}\n    rrsig-lifetime: 14d\n    zone-max-ttl: {TTL}\n    cds-cdnskey-publish: always"
    dnskey_ttl = TTL

    def sign(self, zone, text, keys):
        self.zone(zone, text, keys)

    def knotc(self, *args):
        done = subprocess.run(["knotc", "-s", str(self.dir / "knot.sock"), "-b", *args], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (args, done.stdout, done.stderr)

    def begin(self, zone, role, old):
        self.knotc("zone-key-rollover", zone, "zsk" if role == "zsk" else "ksk")

    def tell_of_ds(self, zone, new, old):
        self.knotc("zone-ksk-submitted", zone)


class PowerDnsMember(Member, PowerDns):
    def sign(self, zone, text, keys):
        if not (self.dir / "pdns.conf").exists():
            self.configure()
        (self.dir / "zone.db").write_text(text)
        self.util("load-zone", zone, self.dir / "zone.db")
        for flags in ("ksk", "zsk") if keys == "ksk-zsk" else ("ksk",):
            self.util("add-zone-key", zone, flags, "active", "ecdsa256")
        self.util("set-publish-cds", zone)
        self.util("set-publish-cdnskey", zone)
        self.util("rectify-zone", zone)

    def change(self, zone, rdtype, add, drop):
        keep = (served(self, zone, rdtype) | set(add)) - set(drop) - (self.own[zone] if rdtype == "DNSKEY" else set())
        if keep:
            self.util("replace-rrset", zone, "@", rdtype, TTL, *sorted(keep))
        else:
            self.util("delete-rrset", zone, "@", rdtype)

    def numbers(self, zone):
        """{tag: id} of its keys."""
        rows = [line.split() for line in self.util("list-keys", zone).splitlines() if line.startswith(zone.rstrip("."))]
        return {int(r[-1]): int(r[-3]) for r in rows}

    def roll(self, zone, role, delegation, is_known):
        """By hand, as its documentation says: there is no clock in it. `is_known(keys)`: the other signers serve these."""
        old, before = self.old_key(zone, role), served(self, zone, "DNSKEY")
        numbers = self.numbers(zone)
        self.util("add-zone-key", zone, role, "inactive" if role == "zsk" else "active", "published", "ecdsa256")
        (made,) = set(self.numbers(zone).values()) - set(numbers.values())
        yield lambda: served(self, zone, "DNSKEY") - before, "PowerDNS has a new key"
        (new,) = served(self, zone, "DNSKEY") - before
        self.own[zone].add(new)
        yield lambda: is_known({new}), "all others have PowerDNS' new key"
        yield after(GONE), "no cache holds a set without it"
        if role == "ksk":
            wanted = dns.dnssec.make_ds(dns.name.from_text(zone), dns.rdata.from_text("IN", "DNSKEY", new), "SHA256").to_text()
            yield lambda: wanted in delegation.ds, "the parent has the DS of PowerDNS' new KSK"
            yield after(GONE), "no cache holds a DS set without it"
        else:
            self.util("activate-zone-key", zone, made)
        self.util("deactivate-zone-key", zone, numbers[old])
        yield after(GONE), "what the old key signed has expired"
        self.util("remove-zone-key", zone, numbers[old])
        yield lambda: old not in self.tags(zone), "PowerDNS has dropped its old key"
