# SPDX-License-Identifier: Apache-2.0
"""Signers of a group that know nothing of groups: what a member serves is put there from outside, as its provider would."""
import subprocess

import dns.dnssec
import dns.name
import dns.rdatatype

from lab.daemons import Bind
from lab.delegation import texts
from lab.peers import Knot
from lab.powerdns import PowerDns


def one_line(key):
    """A DNSKEY's text without blanks in its base64."""
    first = key.split(" ", 3)
    return " ".join(first[:3]) + " " + first[3].replace(" ", "")


class Member:
    """`copy_from(signer)` brings foreign keys, CDS, CDNSKEY, NS and CSYNC of a signer that knows the group here."""

    TYPES = ("DNSKEY", "CDS", "CDNSKEY", "NS", "CSYNC")
    ttl = 1

    def served(self, zone, rdtype):
        found = texts(self.ask(zone, rdtype, do=True, tcp=True), rdtype)
        return {one_line(t) if rdtype in ("DNSKEY", "CDNSKEY") else t.lower() for t in found}

    def remember_own(self, zone):
        self.zone_text, self.own = zone, {"DNSKEY": self.served(zone, "DNSKEY")}
        return self

    def own_ds(self):
        name = dns.name.from_text(self.zone_text)
        keys = self.ask(self.zone_text, "DNSKEY", do=True, tcp=True).answer[0]
        return [dns.dnssec.make_ds(name, k, "SHA256").to_text() for k in keys if k.flags == 257 and one_line(k.to_text()) in self.own["DNSKEY"]]

    def copy_from(self, signer):
        for rdtype in self.TYPES:
            wanted = Member.served(signer, self.zone_text, rdtype)
            here, own = self.served(self.zone_text, rdtype), self.own.get(rdtype, set())
            add, drop = wanted - here, here - wanted - own
            if add or drop:
                self.change(rdtype, sorted(add), sorted(drop))


class UpdateMember(Member):
    key = "peer"

    def change(self, rdtype, add, drop):
        lines = [f"update add {self.zone_text} {self.ttl} {rdtype} {r}" for r in add] + [f"update delete {self.zone_text} {rdtype} {r}" for r in drop]
        script = f"server {self.address} {self.port}\nzone {self.zone_text}\n" + "\n".join(lines) + "\nsend\n"
        subprocess.run(["nsupdate", "-y", f"hmac-sha256:{self.key}:{self.SECRET}"], input=script, text=True, capture_output=True, timeout=30, check=False)


class BindMember(UpdateMember, Bind):
    def configure(self, zone, text):
        self.zone(zone, text)
        conf = (self.dir / "named.conf").read_text()
        (self.dir / "named.conf").write_text(conf.replace("dnskey-ttl 3600;", "dnskey-ttl 1; publish-safety 0; retire-safety 0; zone-propagation-delay 0; parent-ds-ttl 1;"))
        return self


class KnotMember(UpdateMember, Knot):
    def configure(self, zone, text):
        Knot.configure(self, zone, text)
        conf = (self.dir / "knot.conf").read_text()
        (self.dir / "knot.conf").write_text(conf.replace("dnskey-ttl: 3600", "dnskey-ttl: 1").replace("publish: none", "publish: always"))
        return self


class PowerDnsMember(Member, PowerDns):
    def configure(self, zone, text):
        PowerDns.configure(self)
        (self.dir / "zone.db").write_text(text)
        self.util("load-zone", zone, self.dir / "zone.db")
        for role in ("ksk", "zsk"):
            self.util("add-zone-key", zone, role, "active", "ecdsa256")
        self.util("rectify-zone", zone)
        return self

    def change(self, rdtype, add, drop):
        keep = (self.served(self.zone_text, rdtype) | set(add)) - set(drop) - self.own.get(rdtype, set())
        if keep:
            self.util("replace-rrset", self.zone_text, "@", rdtype, self.ttl, *sorted(keep))
        else:
            self.util("delete-rrset", self.zone_text, "@", rdtype)
