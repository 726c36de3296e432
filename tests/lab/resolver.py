# SPDX-License-Identifier: Apache-2.0
"""A resolver that says what the test tells it to, over UDP and TCP, and remembers what it was asked."""
import collections
import socket
import socketserver
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from lab.daemons import free_port


class Resolver:
    """`says`: (name, type) -> text of records, one a line, or an rcode. What is not there does not exist. `mangle`: message -> octets or
    messages to send in its place; a list sends several."""

    def __init__(self, address="127.0.0.1", negative_ttl=300):
        self.address, self.port = address, free_port(address)
        self.negative_ttl = negative_ttl
        self.says, self.asked = {}, collections.Counter()
        self.mute, self.mangle = False, None
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        resolver = self

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                wire = resolver.read_stream(self.request)
                if wire and not resolver.mute:
                    out = resolver.answer(wire, None).to_wire(max_size=65535)
                    self.request.sendall(struct.pack("!H", len(out)) + out)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.tcp = Server((address, self.port), Stream)
        threading.Thread(target=self.tcp.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def text(self):
        return f"{self.address}@{self.port}"

    @staticmethod
    def read_stream(connection):
        head = connection.recv(2)
        return connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL) if len(head) == 2 else b""

    def set(self, name, rdtype, *rows, ttl=60):
        """Rows of RDATA, or "NAME TYPE RDATA" of other owners."""
        lines = [row if len(row.split()) > 2 and row.split()[1] in ("A", "AAAA", "CNAME", "TXT") else f"{name} {rdtype} {row}" for row in rows]
        self.says[name, rdtype] = [(owner, ttl, kind, rest) for owner, kind, rest in (line.split(None, 2) for line in lines)]

    def fail(self, name, rcode):
        for rdtype in ("A", "AAAA"):
            self.says[name, rdtype] = rcode

    def answer(self, wire, size):
        q = dns.message.from_wire(wire)
        name, rdtype = q.question[0].name.to_text(), dns.rdatatype.to_text(q.question[0].rdtype)
        assert q.flags & dns.flags.RD
        self.asked[name, rdtype] += 1
        a = dns.message.make_response(q, recursion_available=True)
        said = self.says.get((name, rdtype))
        if isinstance(said, list) and said:
            for owner, ttl, kind, rest in said:
                a.answer.append(dns.rrset.from_text(owner, ttl, "IN", kind, rest))
        elif isinstance(said, int):
            a.set_rcode(said)
        else:
            known = any(n == name for n, _ in self.says)
            a.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
            zone = dns.name.from_text(name).parent().to_text()
            a.authority.append(dns.rrset.from_text(zone, self.negative_ttl, "IN", "SOA",
                                                   f"ns.{zone} h.{zone} 1 3600 600 86400 {self.negative_ttl}"))
        if size is not None and len(a.to_wire(max_size=65535)) > size:
            a.answer, a.flags = [], a.flags | dns.flags.TC
        return a

    def serve(self):
        while True:
            try:
                wire, to = self.udp.recvfrom(4096)
            except OSError:
                return
            if self.mute:
                continue
            message = self.answer(wire, 1232)
            out = self.mangle(message) if self.mangle else message
            for one in out if isinstance(out, list) else [out]:
                try:
                    self.udp.sendto(one if isinstance(one, bytes) else one.to_wire(max_size=65535), to)
                except OSError:
                    return

    def close(self):
        self.tcp.shutdown()
        self.tcp.server_close()
        self.udp.close()
