# SPDX-License-Identifier: Apache-2.0
"""A parent and signers of a zone in this process, signing with dnspython, that answer as a test says."""
import socket
import socketserver
import struct
import threading
import time

import dns.dnssec
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = dns.dnssec.Algorithm.ECDSAP256SHA256


class Key:
    def __init__(self, flags):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.private.public_key(), ALGORITHM, flags=flags)
        self.tag = dns.dnssec.key_id(self.dnskey)


class Server:
    """UDP and TCP on one free port of an address; answer(message) gives the answer, octets, or None for silence."""

    def __init__(self, address="127.0.0.1"):
        self.address, self.asked = address, []
        for _ in range(100):
            udp = socketserver.ThreadingUDPServer((address, 0), self.udp_handler())
            self.port = udp.server_address[1]
            try:
                socketserver.ThreadingTCPServer.allow_reuse_address = True
                tcp = socketserver.ThreadingTCPServer((address, self.port), self.tcp_handler())
                break
            except OSError:
                udp.server_close()
        self.servers = [udp, tcp]
        for s in self.servers:
            s.daemon_threads = True
            threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def at(self):
        return f"{self.address}@{self.port}"

    def stop(self):
        for s in self.servers:
            s.shutdown()
            s.server_close()

    def udp_handler(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                for wire in outer.wires(self.request[0], tcp=False):
                    self.request[1].sendto(wire, self.client_address)

        return Handler

    def tcp_handler(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    while True:
                        head = self.request.recv(2, socket.MSG_WAITALL)
                        if len(head) < 2:
                            return
                        asked = self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                        for wire in outer.wires(asked, tcp=True):
                            self.request.sendall(struct.pack("!H", len(wire)) + wire)
                except OSError:
                    pass

        return Handler

    def wires(self, asked, tcp):
        try:
            q = dns.message.from_wire(asked)
        except Exception:
            return []
        self.asked.append((dns.rdatatype.to_text(q.question[0].rdtype), tcp))
        out = self.answer(q, tcp)
        if out is None:
            return []
        if isinstance(out, bytes):
            return [out]
        cookie = [o for o in q.options if o.otype == dns.edns.OptionType.COOKIE]
        if cookie and self.echoes_cookies:
            out.use_edns(0, dns.flags.DO, 1232, options=cookie)
        wire = out.to_wire(max_size=65535)
        if not tcp and len(wire) > 1232:
            out.answer, out.authority = [], []
            out.flags |= dns.flags.TC
            wire = out.to_wire()
        return [wire]

    echoes_cookies = True

    def answer(self, q, tcp):
        raise NotImplementedError


def response_to(q, aa=True):
    r = dns.message.make_response(q)
    if aa:
        r.flags |= dns.flags.AA
    return r


class Parent(Server):
    ttl = None  # of its records; None: some

    def __init__(self, zone, ds, ns, **kwargs):
        self.zone = dns.name.from_text(zone)
        self.ds, self.ns = ds, ns
        super().__init__(**kwargs)

    def answer(self, q, tcp):
        question = q.question[0]
        if question.rdtype == dns.rdatatype.DS:
            r = response_to(q)
            if self.ds:
                r.answer.append(dns.rrset.from_rdata_list(self.zone, self.ttl or 300, self.ds))
            return r
        r = response_to(q, aa=False)
        r.authority.append(dns.rrset.from_text(self.zone, self.ttl or 600, "IN", "NS", *self.ns))
        return r


class Signer(Server):
    """A signer of `zone` with KSK and ZSK of its own, and foreign keys in its set."""

    def __init__(self, zone, ns, foreign=(), **kwargs):
        self.zone = dns.name.from_text(zone)
        self.ksk, self.zsk = Key(257), Key(256)
        self.foreign = list(foreign)
        self.cds = self.cdnskey = ()
        self.csync = None
        self.inception, self.expiration = int(time.time()) - 3600, int(time.time()) + 86400
        self.spoil = None  # a function of (question, response), which may change or replace the response
        self.data = {("@", "NS"): (3600, ns),
                     ("@", "SOA"): (1800, [f"ns1.{zone} root.{zone} 7 3600 600 86400 900"]),
                     ("www", "A"): (300, ["192.0.2.1"])}
        super().__init__(**kwargs)

    def ds(self):
        return dns.dnssec.make_ds(self.zone, self.ksk.dnskey, "SHA256")

    def signature(self, rrset, keys):
        sigs = [dns.dnssec.sign(rrset, k.private, self.zone, k.dnskey, inception=self.inception, expiration=self.expiration)
                for k in keys]
        return dns.rrset.from_rdata_list(rrset.name, rrset.ttl, sigs)

    def rrset(self, name, rdtype):
        text = dns.rdatatype.to_text(rdtype)
        if name == self.zone and rdtype == dns.rdatatype.DNSKEY:
            return dns.rrset.from_rdata_list(name, 3600, [self.ksk.dnskey, self.zsk.dnskey, *self.foreign])
        if name == self.zone and text == "CDS" and self.cds:
            return dns.rrset.from_rdata_list(name, 700, [dns.rdata.from_text("IN", "CDS", d.to_text()) for d in self.cds])
        if name == self.zone and text == "CDNSKEY" and self.cdnskey:
            return dns.rrset.from_rdata_list(name, 700, [dns.rdata.from_text("IN", "CDNSKEY", k.to_text())
                                                         for k in self.cdnskey])
        if name == self.zone and text == "CSYNC" and self.csync:
            return dns.rrset.from_text(name, 700, "IN", "CSYNC", self.csync)
        relative = name.relativize(self.zone).to_text()
        if (relative, text) not in self.data:
            return None
        ttl, values = self.data[(relative, text)]
        return dns.rrset.from_text(name, ttl, "IN", text, *values)

    def signers_of(self, rdtype):
        return [self.ksk] if dns.rdatatype.to_text(rdtype) in ("DNSKEY", "CDS", "CDNSKEY") else [self.zsk]

    def types_at_apex(self):
        types = ["NS", "SOA", "RRSIG", "NSEC", "DNSKEY"]
        types += ["CDS"] * bool(self.cds) + ["CDNSKEY"] * bool(self.cdnskey) + ["CSYNC"] * bool(self.csync)
        return " ".join(types)

    def answer(self, q, tcp):
        question = q.question[0]
        r = response_to(q)
        found = self.rrset(question.name, question.rdtype)
        if found is not None:
            r.answer += [found, self.signature(found, self.signers_of(question.rdtype))]
        else:
            soa = self.rrset(self.zone, dns.rdatatype.SOA)
            nsec = dns.rrset.from_text(question.name, 900, "IN", "NSEC", f"www.{self.zone} {self.types_at_apex()}")
            for rrset in (soa, nsec):
                r.authority += [rrset, self.signature(rrset, [self.zsk])]
        if self.spoil is not None:
            spoilt = self.spoil(question, r)
            return r if spoilt is None else spoilt
        return r
